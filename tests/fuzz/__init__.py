"""Fuzzers (atheris), run by hand: they need time, and a package that nothing else here needs."""

"""Newer versions of the agent: offered ring by ring, signed, stopped when stations go back (docs/packages.md)."""

"""The issue's section "Bad input", line by line, against a running box."""

"""Parsers of protocols: one module each, bytes in, logs out. `model` says what a parser is told and what it tells."""

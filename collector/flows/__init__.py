"""Flows: both directions of a conversation under one number, counted in columns, told as Zeek's conn records."""

"""Revisions of the state database, one file each."""

"""The agent's packages: made here, the same bytes from the same sources, without a network (docs/packages.md)."""

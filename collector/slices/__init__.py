"""The first bytes of every flow on disk, in a ring of files, and how one flow is cut out of it."""

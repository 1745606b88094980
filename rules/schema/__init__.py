"""Our subset of ECS, what Windows calls its fields, and the names of well-known accounts."""

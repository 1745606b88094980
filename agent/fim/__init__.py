"""File integrity: which files decide over a host, what they were, what became of them. The core is of no platform."""

"""What travels between an agent and the box. The only part of `agent` that others may import."""

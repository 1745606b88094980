"""How the agent gets a newer version of itself, tries it, and goes back when it is no good (docs/packages.md)."""

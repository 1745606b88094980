"""How the box itself fares: roles, losses, counts."""

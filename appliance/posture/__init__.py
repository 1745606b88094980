"""What the agents' checks mean to people."""

"""What the box knows of its stations: inventory and settings, as their agents tell them, and what changed."""

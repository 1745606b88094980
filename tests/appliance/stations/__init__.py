"""What the box knows of its stations."""

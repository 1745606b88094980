"""Values that the templates show, made from rows and events by pure functions."""

"""The console and its API: one FastAPI app over the box's state, store and rules."""

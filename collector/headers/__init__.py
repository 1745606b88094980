"""The headers of a whole batch at once, from the link to the transport."""

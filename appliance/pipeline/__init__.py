"""From the journal to alerts and the store: at least once inside, exactly once in effect."""

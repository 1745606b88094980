"""Rules over history: the store is asked a question that may find too much, and the matcher decides."""

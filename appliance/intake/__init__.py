"""Taking batches in from agents: authenticate, bound, frame, and hand to the journal. Nothing is interpreted here."""

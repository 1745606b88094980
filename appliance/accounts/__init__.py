"""People, their sign-ins, the set-up link of the first start, and API tokens."""

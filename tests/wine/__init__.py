"""Windows programs under wine: what of the agent's Windows side can be shown without a Windows machine."""

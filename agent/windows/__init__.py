"""What the agent asks of Windows itself, through ctypes and the registry. Imports nothing else of the agent."""

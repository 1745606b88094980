"""The event log of Windows: channels as data, a pull reader with bookmarks, and what the host adds to its events."""

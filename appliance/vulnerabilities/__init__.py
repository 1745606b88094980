"""Known weaknesses of what stations have: offline, from signed feeds and our own tables."""

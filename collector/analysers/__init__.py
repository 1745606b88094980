"""What no single log shows: analysers look at all logs in their order and tell what they notice."""

"""What other sensors tell: Suricata's EVE and Zeek's JSON logs become the same logs as our own."""

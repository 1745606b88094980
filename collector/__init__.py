"""The network sensor: packets of a mirror port or of capture files become events under Zeek's names."""

"""Rare protocols that are slow to read: scapy reads them, in a process of its own that can do nothing else."""

"""Tests of the ring of packets on disk."""

"""Tests of the packets that the box asks for."""

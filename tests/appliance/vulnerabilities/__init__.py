"""Tests of known weaknesses."""

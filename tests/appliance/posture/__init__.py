"""Tests of the checks in words."""

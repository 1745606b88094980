"""Tests of rules over history."""

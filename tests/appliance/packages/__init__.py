"""Tests of the agent's packages."""

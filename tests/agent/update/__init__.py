"""Tests of the agent's update."""

"""Tests of `appliance.rulesets`."""

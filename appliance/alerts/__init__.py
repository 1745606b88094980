"""Alerts: hits grouped by rule, entity and time; their life, their people and their triage cards."""

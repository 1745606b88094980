"""Secrets in command lines, scripts and log lines, replaced before anything is kept or sent. Pure, in linear time."""

from agent.redact.arguments import redact_args
from agent.redact.records import redact_record
from agent.redact.text import redact_text

__all__ = ["redact_args", "redact_record", "redact_text"]

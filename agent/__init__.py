"""The workstation agent: sensors, spool and transport. Standard library and psutil only."""

__version__ = "0.1.0"

"""What the box remembers about people, agents and alerts. SQLAlchemy over SQLite WAL, or another database by URL."""

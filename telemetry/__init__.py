"""What became of each completion, kept in SQLite."""

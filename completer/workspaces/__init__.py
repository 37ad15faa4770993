"""Open workspaces: each one's files, definitions, draft index and settings, kept up to date."""

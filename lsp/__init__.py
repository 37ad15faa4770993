"""The language-server front door."""

"""The completion backend: from a request to a completion."""

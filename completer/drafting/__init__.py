"""Proposes what the model is about to say, from a suffix index over the repository."""

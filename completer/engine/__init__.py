"""Turns prompt tokens into completion tokens; sees token ids only."""

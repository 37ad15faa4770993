"""Which names may stand at a caret, as static analysis knows it."""

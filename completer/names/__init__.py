"""Which names may stand at a caret, as static analysis knows it: for the mixture, and for checks."""

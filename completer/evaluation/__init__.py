"""How good a model is on a person's own code: spans cut out of held-out files, and scored."""

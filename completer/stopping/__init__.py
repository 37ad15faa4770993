"""Whether a completion is worth going on with, and worth showing."""

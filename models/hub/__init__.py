"""Models by name: which are known to fill in the middle, which are here, and how one comes here."""

"""Models: loading, fill-in-the-middle layouts, the bundled default."""

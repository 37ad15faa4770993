"""What the model may see: workspace files, syntax, retrieved definitions."""

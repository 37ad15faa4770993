"""What a person will edit next: what was edited, and the places that the same edit would touch."""

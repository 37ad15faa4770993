"""What `completer setup` puts in place on a person's machine, and takes away again."""

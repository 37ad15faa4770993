"""What `completer bench` runs."""

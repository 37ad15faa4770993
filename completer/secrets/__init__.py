"""What looks like a secret in a text: found, cut out before anything is learned, never answered."""

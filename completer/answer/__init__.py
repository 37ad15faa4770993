"""Where a generated text ends, and what of it is shown: rules about code, in every language."""

"""The engine as a process of its own, and the language servers that share it."""

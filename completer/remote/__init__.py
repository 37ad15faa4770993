"""Workspaces that lie on another machine: mirrored there, kept here for their owner alone."""

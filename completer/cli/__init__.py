"""The command line: the composition root, which alone wires all folders together."""

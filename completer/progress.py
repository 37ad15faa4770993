"""What the program is at, for a person who waits for it: lines that a command shows."""

import logging
import sys

progress = logging.getLogger(__name__)


def show_progress() -> None:
    """Print each line to standard error."""
    lines = logging.StreamHandler(sys.stderr)
    lines.setFormatter(logging.Formatter("completer: %(message)s"))
    progress.handlers = [lines]
    progress.propagate = False
    progress.setLevel(logging.INFO)

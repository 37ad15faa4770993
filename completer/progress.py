"""What the program is at, for a person who waits for it: lines that a command shows."""

import logging
import sys

progress = logging.getLogger(__name__)


def show_progress() -> None:
    """Print each line to standard error, what loading a model has to say among them."""
    lines = logging.StreamHandler(sys.stderr)
    lines.setFormatter(logging.Formatter("completer: %(message)s"))
    for logger in (progress, logging.getLogger("models")):
        logger.handlers = [lines]
        logger.setLevel(logging.INFO)
    progress.propagate = False

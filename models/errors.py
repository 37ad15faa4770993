"""The error that everything in `models` raises for a person to read."""


class ModelError(Exception):
    """A model cannot be loaded, or cannot fill in the middle. `hint` says what to do about it."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint

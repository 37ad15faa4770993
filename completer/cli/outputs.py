"""What a command may write over: what it wrote itself, and nothing else without `--force`."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from completer.errors import BadRequestError

ForceFlag = Annotated[
    bool, typer.Option("--force", help="Write over a file even if it is something else.")
]


def check_output(path: Path, what: str, is_earlier: Callable[[Path], bool], *, force: bool) -> None:
    """Raise `BadRequestError` unless `path` can be written, and is free or holds an earlier `what`.

    Call it before the work whose result goes there.
    """
    if not path.parent.is_dir():
        raise BadRequestError(f"There is no folder {path.parent}.", hint="Make it first.")
    if path.is_dir():
        raise BadRequestError(f"{path} is a folder.", hint="Name a file.")
    taken = path.exists() or path.is_symlink()
    if taken and not force and not is_earlier(path):
        raise BadRequestError(
            f"{path} exists and is not {what}.", hint="Name another file, or add --force."
        )

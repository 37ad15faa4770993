"""How commands show how far they are, and what came of it."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from rich.table import Table


@contextmanager
def progress(what: str) -> Iterator[Callable[[int, int], None]]:
    """Show on standard error how far it is: a bar, or a line a tenth where it goes to a file."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    if not console.is_terminal:
        yield _tenths(what)
        return
    with Progress(console=console, transient=True) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _tenths(what: str) -> Callable[[int, int], None]:
    said = 0

    def advance(done: int, total: int) -> None:
        nonlocal said
        tenths = 10 * done // max(1, total)
        if tenths > said:
            typer.echo(f"completer: {done} of {total} {what}", err=True)
        said = tenths

    return advance


def show(result: dict[str, Any], as_json: bool, table: Callable[[dict[str, Any]], Any]) -> None:
    """Print a result for a program or for a person."""
    from rich.console import Console

    if as_json:
        typer.echo(json.dumps(result))
    else:
        Console().print(table(result))


def grid(
    title: str, columns: Sequence[str], rows: Iterable[Iterable[str]], caption: str | None = None
) -> "Table":
    """Make a table whose columns are flush right."""
    from rich.table import Table

    table = Table(title=title, caption=caption)
    for column in columns:
        table.add_column(column, justify="right")
    for row in rows:
        table.add_row(*row)
    return table

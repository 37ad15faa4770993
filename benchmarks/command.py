"""A benchmark as a command: flags that many have, a quiet machine, and the result to print."""

import inspect
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from benchmarks.spans import Split, default_corpus, split
from completer.cli.options import ConfigFlag, DeviceFlag, JsonFlag, ModelFlag, load
from completer.cli.printing import show
from completer.errors import BadRequestError
from completer.place import Place, local_place
from completer.settings import Settings

Result = dict[str, Any]
CorpusFlag = Annotated[
    Path | None,
    typer.Option("--corpus", help="Folder of code; default: the standard library.", metavar="PATH"),
]
HeldOutFlag = Annotated[int, typer.Option(min=1, help="Files that are not indexed.")]
SeedFlag = Annotated[int, typer.Option(help="Draws files and carets.")]
SuspendFlag = Annotated[
    list[int] | None,
    typer.Option(
        min=2, help="A process to stop while this measures; may be repeated.", metavar="PID"
    ),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """The flags of all benchmarks that complete code in files that are held out of a folder."""

    corpus: CorpusFlag = None
    held_out: HeldOutFlag = 24
    seed: SeedFlag = 0
    model: ModelFlag = None
    device: DeviceFlag = None
    config: ConfigFlag = None

    def settings(self, *, dtype: str | None = None, pure: bool | None = None) -> Settings:
        """Load the settings with the flags on top."""
        given = load(self.config, model=self.model, device=self.device, dtype=dtype, pure=pure)
        return given.settings

    @property
    def root(self) -> Place:
        """The folder of code."""
        return local_place(self.corpus or default_corpus())

    def split(self) -> Split:
        """Hold files out of it."""
        return split(self.root, held_out=self.held_out, seed=self.seed)


def make_command(name: str, run: Callable[..., Result], table: Callable[[Result], Any]) -> Any:  # noqa: ANN401  click's or typer's
    """Make a command whose flags are the parameters of `run`; one called `given` is all of `Given`.

    The command prints what `run` returns, for a program or as `table` lays it out.
    """
    own = inspect.signature(run, eval_str=True).parameters
    shared = inspect.signature(Given).parameters if "given" in own else {}

    def command(*, suspend: SuspendFlag = None, as_json: JsonFlag = False, **flags: Any) -> None:  # noqa: ANN401
        if shared:
            flags["given"] = Given(**{name: flags.pop(name) for name in shared})
        with suspended(suspend or []):
            result = run(**flags)
        show(result, as_json, table)

    everything = {**own, **shared, **inspect.signature(command).parameters}
    parameters = [each for name, each in everything.items() if name not in ("given", "flags")]
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {each.name: each.annotation for each in parameters}
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command(name, help=run.__doc__)(command)
    return typer.main.get_command(app)


@contextmanager
def suspended(processes: Sequence[int]) -> Iterator[None]:
    """Stop processes, and let them go on afterwards. Raises `BadRequestError` if one cannot be."""
    stopped: list[int] = []
    try:
        for pid in processes:
            try:
                os.kill(pid, signal.SIGSTOP)
            except OSError as error:
                raise BadRequestError(f"Process {pid} cannot be stopped: {error}.") from error
            stopped.append(pid)
        yield
    finally:
        for pid in stopped:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)

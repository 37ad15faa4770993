"""The interface that front doors depend on, whoever serves it: this process or a running server."""

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

from completer.next_edit.edits import NextEdit, NextEditRequest
from completer.place import Place
from completer.request import Completion, CompletionRequest, TextDelta

State = Literal["loading", "ready", "unloaded", "failed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkspaceHealth:
    """How a workspace does, in words that name no path.

    `fault` says why it, or a part of it, cannot be used; empty if all is well. The watch of its
    files was begun again `restarts` times, the last time for `reason`. `compared` says why files
    are compared from time to time as well; empty if they need not be.
    """

    fault: str = ""
    restarts: int = 0
    reason: str = ""
    compared: str = ""

    @property
    def is_well(self) -> bool:
        """Whether there is nothing to tell."""
        return self == WorkspaceHealth()


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceInfo:
    """What a front door may tell about the service: the model's name, its device and its limits.

    `memory_bytes` says what each part holds or has reserved. `state` says whether the model is
    there: one that is `unloaded` comes back with the next request, a `failed` one does not.
    `health` tells of the workspaces that something is wrong with.
    `failure` says why the model could not be loaded when that was last tried; empty if it could.
    `graphs_given_up` says why a GPU's steps are not replayed as graphs, where they should be.
    """

    model: str
    device: str
    dtype: str
    context_tokens: int
    workspaces: tuple[Place, ...]
    memory_bytes: Mapping[str, int] = field(default_factory=dict)
    state: State = "ready"
    health: Mapping[Place, WorkspaceHealth] = field(default_factory=dict)
    graphs_given_up: str = ""
    failure: str = ""


class CompletionService(Protocol):
    """Completes code. Cancelling the awaiting task, or closing the stream, stops the decoding.

    `model` and `workspaces` are what requests need of `info`, at no cost.
    """

    @property
    def model(self) -> str:
        """The model's name."""
        ...

    @property
    def workspaces(self) -> tuple[Place, ...]:
        """The folders of the open workspaces."""
        ...

    async def complete(self, request: CompletionRequest) -> Completion:
        """Answer one request.

        Raises `BadRequestError` for a request that cannot be served as it stands, and
        `OverloadedError` when the queue is full.
        """
        ...

    def stream(self, request: CompletionRequest) -> AsyncGenerator[TextDelta | Completion]:
        """Yield text as it becomes final, then the whole `Completion` as the last item."""
        ...

    def open_workspace(self, root: Place) -> None:
        """Let completions in files below `root` use its code; nothing happens if it is open.

        For front doors that serve the machine's own user. Raises `WorkspaceError` for a folder
        that is not there.
        """
        ...

    def close_workspace(self, root: Place) -> None:
        """Use and remember nothing of a workspace any more; nothing happens if it is not open.

        Returns at once; threads and memory are given back in the background.
        """
        ...

    def document_changed(
        self, path: Place, text: str | None, workspace: Place | None = None
    ) -> None:
        """Tell the service the unsaved text of an open document; `None` when it was closed.

        It is a document of the open `workspace`, or of the innermost that holds it.
        """
        ...

    async def next_edits(self, request: NextEditRequest) -> tuple[NextEdit, ...]:
        """Return what would be edited next, the first first; needs no model.

        Where rules find none, a model is asked if one is loaded that was trained for that.
        None where no workspace is open around the file, nothing is completed, or next edits are
        switched off. Raises `BadRequestError` for a workspace that is not open.
        """
        ...

    def accepted(self, completion_id: str, text: str) -> None:
        """Tell the service that a person accepted `text` of a completion."""
        ...

    def info(self) -> ServiceInfo:
        """Describe the service; what it sums up takes time."""
        ...

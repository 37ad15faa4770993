"""The endpoint on Ray Serve: one front door, and the engine as replicas on a team's machines."""

from typing import Any


def app(args: dict[str, str]) -> Any:  # noqa: ANN401  Serve's application: Ray is imported late
    """Build the application for `serve run completer.cluster:app [replicas=MIN:MAX] [gpus=X]`.

    Settings are the user's own; `config` names another file. Where Serve listens is not known here:
    tokens are needed unless `insecure=true`.
    """
    from completer.cluster.application import from_arguments

    return from_arguments(args)

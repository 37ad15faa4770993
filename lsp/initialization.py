"""What a client says of itself in `initialize`: what cannot be read there is as if left out.

Enumerations grow with every version of the protocol, and clients add words of their own. A value
that is unknown here must not cost the whole session.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Any

logger = logging.getLogger(__name__)

USED_CAPABILITIES = {
    "general": ("positionEncodings",),
    "textDocument": ("synchronization", "inlineCompletion"),
    "notebookDocument": ("synchronization",),
    "workspace": ("workspaceFolders", "fileOperations", "executeCommand"),
}

Fits = Callable[[Any], bool]


def readable(params: dict[str, Any], fits: Fits) -> dict[str, Any]:
    """The parameters without unused capabilities, and without what does not fit.

    `fits` says whether parameters are what the protocol wants. There must be capabilities.
    """
    offered = params.get("capabilities")
    if not isinstance(offered, dict):
        return params
    wanted = {**params, "capabilities": _used(offered)}
    if fits(wanted):
        return wanted
    logger.warning("a part of initialize is left out, for it is not what it must be")
    least: dict[str, Any] = {"capabilities": {}}
    return {**least, **_fitting(wanted, lambda part: fits({**least, **part}))}


def _used(offered: dict[str, Any]) -> dict[str, Any]:
    return {
        group: {name: offered[group][name] for name in names if name in offered[group]}
        for group, names in USED_CAPABILITIES.items()
        if isinstance(offered.get(group), dict)
    }


def _fitting(value: dict[str, Any], fits: Fits) -> dict[str, Any]:
    """An object without those of its members that do not fit, not even in part."""
    return {
        name: part
        for name, member in value.items()
        for part in _parts(member, lambda part, name=name: fits({name: part}))  # type: ignore[misc]
    }


def _parts(value: Any, fits: Fits) -> Iterator[Any]:  # noqa: ANN401
    """The value, or else what is left of it without the parts that do not fit, if that does."""
    if not fits(value):
        if isinstance(value, dict):
            value = _fitting(value, fits)
        elif isinstance(value, list):
            value = [part for each in value for part in _parts(each, lambda part: fits([part]))]
    if fits(value):
        yield value

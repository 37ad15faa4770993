"""The best model on this machine that fits its memory and is fast enough here, and its dtype."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from completer.settings import Settings
from models.errors import ModelError

if TYPE_CHECKING:
    from models.hub.catalogue import KnownModel

SLOWEST_LINE_MS = 400.0
"""What a person still waits for at the end of a line."""
SHARE, SHARE_TO_LOAD = 0.5, 0.8
"""Shares of the memory that weights may take: for good, and while they are read in bfloat16."""
LOADED_IN = "bfloat16"
MOST_EXACT_FIRST = (LOADED_IN, "int8", "int4")


@dataclass(frozen=True, slots=True)
class BestModel:
    """What `model.source` is to be, and `model.dtype`; `None` where that is already said."""

    source: str
    dtype: str | None


def best_model(settings: Settings) -> BestModel | None:
    """The largest known model that fits, in the most exact dtype in which it does.

    A dtype that the settings name stays as it is.
    """
    from models.hub.catalogue import KNOWN
    from models.hub.local import local_models
    from models.hub.speed import bytes_per_second

    here = {each.name: each.source for each in local_models()}
    known = [(here.get(f"{m.repo}:{m.file}" if m.file else m.repo), m) for m in KNOWN]
    speed = bytes_per_second(settings.cache_folder)
    said = "float32" if settings.pure else settings.model.dtype
    for model, source in sorted(
        ((model, source) for source, model in known if source),
        key=lambda pair: (pair[0].parameters, pair[1]),
        reverse=True,
    ):
        dtypes = MOST_EXACT_FIRST if said == "auto" else (said,)
        if dtype := _fitting(model, dtypes, speed, settings.model.device):
            return BestModel(source, dtype if said == "auto" else None)
    return None


def _fitting(model: "KnownModel", dtypes: Sequence[str], speed: float, device: str) -> str | None:
    """The first dtype in which a model fits memory and time, and runs."""
    memory = memory_gb()
    if model.memory_gb(LOADED_IN) > SHARE_TO_LOAD * memory:
        return None
    return next(
        (
            dtype
            for dtype in dtypes
            if model.memory_gb(dtype) <= SHARE * memory
            if model.line_ms(speed, dtype) <= SLOWEST_LINE_MS
            if _runs(model, dtype, device)
        ),
        None,
    )


def _runs(model: "KnownModel", dtype: str, device: str) -> bool:
    """Whether this machine has products of a dtype; experts are in no linear layers."""
    from models.loading import choose_device
    from models.quantising import QUANTISED, check_device

    if dtype not in QUANTISED:
        return True
    if model.active is not None:
        return False
    try:
        check_device(dtype, choose_device(device))
    except ModelError:
        return False
    return True


def memory_gb() -> float:
    """This machine's memory in 10⁹ bytes; 8 where the system does not say."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    except (AttributeError, ValueError, OSError):
        return 8.0

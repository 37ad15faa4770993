"""The words that a simulated database is written in, by the codes that are drawn."""

from __future__ import annotations

from typing import Any, Final

from numpy.typing import NDArray

Array = NDArray[Any]

LANGUAGES: Final = ("python", "typescript", "rust", "go", "java", "cpp")
MODELS: Final = ("small", "large")
EXPERIMENT: Final = "simulated"
ARMS: Final = ("simulated/control", "simulated/treatment")
SOURCES: Final = ("repository", "live", "recycled", "self")
FINISH: Final = ("stop", "length", "low_confidence", "deadline")
EXIT_MODES: Final = ("none", "early")
DISTRIBUTIONS: Final = ("model", "early-exit")  # by exit mode
OUTCOMES: Final = ("returned", "not_requested", "cancelled", "empty", "filtered", "error")

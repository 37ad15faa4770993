"""Named runs: what the embedded model is made with, and the same in small."""

from __future__ import annotations

from pathlib import Path
from typing import Any

PRESETS: dict[str, dict[str, Any]] = {
    "bundled": {
        "packages": Path(__file__).with_name("packages.txt"),
        "width": 512,
        "layers": 6,
        "heads": 8,
        "key_value_heads": 2,
        "feed_forward": 1344,
        "context": 2048,
        "windows": ((2048, 1.0),),
        "tokens_per_step": 131_072,
        "rows_at_a_time": 32,
        "warmup_steps": 60,
        "muon_rate": 0.02,
        "adam_rate": 3e-3,
        "weight_decay": 0.05,
        "exit_weight": 0.15,
        "exit_share": 0.125,
        "checkpoint_every": 500,
        "evaluation_windows": 64,
        "compile": True,
    },
    "tiny": {
        "vocabulary": 512,
        "width": 64,
        "layers": 2,
        "heads": 4,
        "key_value_heads": 2,
        "feed_forward": 128,
        "context": 256,
        "windows": ((256, 1.0),),
        "tokens_per_step": 1024,
        "rows_at_a_time": 2,
        "warmup_steps": 5,
        "muon_rate": 0.02,
        "adam_rate": 3e-3,
        "evaluation_windows": 4,
    },
}


def preset_choices(name: str) -> dict[str, Any]:
    """The choices of a named run. Raises ValueError for a name that is not known."""
    if name not in PRESETS:
        raise ValueError(f"there is no preset {name}: name one of {', '.join(PRESETS)}")
    return PRESETS[name]

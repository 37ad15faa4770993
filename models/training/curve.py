"""The learning curve as a small picture."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

CURVES = {  # in a run's log: what the picture calls it
    "loss": "training, middles weighing more",
    "held_out_loss": "held out",
    "held_out_middle_loss": "held out, middles",
}
SETTINGS: Any = {"svg.hashsalt": "completer", "svg.fonttype": "none", "font.size": 8}


def draw_curve(log: Sequence[dict[str, Any]], path: Path) -> bool:
    """Draw losses by tokens seen as SVG; False, and no picture, where matplotlib is missing.

    `log` are the reports of a run, in their order.
    """
    if find_spec("matplotlib") is None:
        return False
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context(SETTINGS):
        figure = Figure(figsize=(6, 3), layout="constrained")
        axes = figure.subplots()
        for name, label in CURVES.items():
            points = [(r["tokens"] / 1e6, r[name]) for r in log if r[name] is not None]
            if points:
                axes.plot(*zip(*points, strict=True), label=label, linewidth=1)
        axes.set(xlabel="million tokens seen", ylabel="nats a token")
        axes.grid(alpha=0.3)
        axes.legend()
        figure.savefig(path, format="svg", metadata={"Date": None})
    return True

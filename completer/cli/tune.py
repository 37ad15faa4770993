"""`completer tune`: measures anew how the model runs best on this device."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from completer.cli.options import ConfigFlag, DeviceFlag, JsonFlag, ModelFlag, PureFlag, load
from completer.cli.printing import grid, show

if TYPE_CHECKING:
    from rich.table import Table

    from completer.engine.tuning import Tuning
    from models.loading import LoadedModel


def tune(
    model: ModelFlag = None,
    device: DeviceFlag = None,
    pure: PureFlag = None,
    config: ConfigFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Measure anew how the model runs best on this device, and keep the choice.

    What is tried: dtypes, thread counts, on a GPU captured graphs. A candidate that says something
    else than the model's own code in its own dtype is never chosen.
    """
    from completer.cli.assembly import build_model

    settings = load(config, model=model, device=device, pure=pure).settings
    show(_choice(*build_model(settings, tune_again=True)), as_json, _table)


def _choice(loaded: "LoadedModel", tuning: "Tuning") -> dict[str, Any]:
    tried = [{**asdict(each), "completion_ms": each.completion_ms} for each in tuning.trials]
    choice = {key: value for key, value in asdict(tuning).items() if key != "trials"}
    return {"model": loaded.name, "device": str(loaded.device), "choice": choice, "tried": tried}


def _table(result: dict[str, Any]) -> "Table":
    choice = result["choice"]
    options, times = ("dtype", "threads", "graphs"), ("prefill", "verify", "completion")
    rows = (
        [
            *(str(each[name]) for name in options),
            *(f"{each[f'{part}_ms']:.2f}" for part in times),
            "yes" if each["agrees"] else "no",
            "chosen" if all(choice[name] == each[name] for name in options) else "",
        ]
        for each in result["tried"]
    )
    lean = "the lean forward pass" if choice["lean"] else "the model's own code"
    curve = zip(choice["costs"]["lengths"], choice["costs"]["milliseconds"], strict=True)
    costs = ", ".join(f"{tokens}: {cost:.2f}" for tokens, cost in curve)
    return grid(
        f"{result['model']} on {result['device']}: ms, and what is chosen",
        (*options, *times, "agrees", ""),
        rows,
        f"{lean}; ms of a step over so many tokens: {costs}",
    )

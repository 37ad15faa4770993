"""What the model's own early layers are worth: as drafts, or (`--lossy`) with the last word.

`nearly_identity` makes a model on which drafts by early layers must pay: many layers, of which the
later ones change next to nothing.
"""

import copy
from contextlib import closing
from dataclasses import replace
from typing import Annotated, Any, cast

import typer
from rich.table import Table

from benchmarks import lossy as lossy_exits
from benchmarks.command import Given
from benchmarks.spans import one_line_spans, prompts_at
from completer.cli.assembly import build_model, build_pair
from completer.cli.options import PureFlag
from completer.cli.printing import grid, progress
from completer.engine.tuning import measured_again
from completer.serving.generation import prompt_builder
from models.errors import ModelError
from models.loading import LoadedModel, convert
from models.quantising import quantised_dtype

SYNTHETIC_LAYERS, LAST_THAT_COUNTS, REST = 24, 6, 0.02


def run(
    given: Given,
    *,
    prompts: Annotated[int, typer.Option(min=2, help="How many carets.")] = 120,
    synthetic: Annotated[
        bool,
        typer.Option("--synthetic", help="A model of 24 layers, of which the last 18 do nothing."),
    ] = False,
    index: Annotated[
        bool, typer.Option("--index/--no-index", help="Whether the other files draft as well.")
    ] = True,
    lossy: Annotated[
        bool,
        typer.Option("--lossy", help="Measure exits that change the text instead."),
    ] = False,
    gate_tokens: Annotated[
        int, typer.Option(min=2000, help="Tokens that the gates are fitted on.")
    ] = 100_000,
    pure: PureFlag = None,
) -> dict[str, Any]:
    """Decode with and without drafts by the model's first layers, in turns.

    Says whether they draft or why not, how much faster that is, and that the answers are the same.
    With --lossy: layers skipped, speed, and edit similarity lost, where early layers may have the
    last word.
    """
    settings = given.settings(pure=pure)
    model, tuning = build_model(settings)
    if synthetic:
        model = nearly_identity(model)
        tuning = measured_again(model.model, tuning)
    files = given.split()
    spans = one_line_spans(files.held_out, prompts, given.seed)
    asked = prompts_at(spans, prompt_builder(model, settings))
    if lossy:
        with progress("windows") as advance:
            fitted = lossy_exits.fit_gates(model, files.indexed, gate_tokens, given.seed, advance)
        engines = lossy_exits.build_engines(model, tuning, settings, fitted.gates)
        with progress("prompts") as advance:
            return lossy_exits.compare(engines, model, asked, spans, fitted, advance)
    indexed = files.indexed if index else []
    pair = build_pair(model, tuning, settings, indexed)
    with closing(pair), progress("prompts") as advance:
        return pair.compare(model, asked, advance)


def nearly_identity(loaded: LoadedModel) -> LoadedModel:
    """Copy a model's first layers on top of it up to 24, their outputs scaled to 2 percent.

    Raises `ModelError` for int8 weights.
    """
    if quantised_dtype(loaded.model):
        raise ModelError(
            "Layers of int8 weights cannot be scaled and copied.",
            hint="Leave --synthetic out, or set model.dtype to float32 or bfloat16.",
        )
    config: Any = copy.deepcopy(loaded.own_code.config)
    config.num_hidden_layers = SYNTHETIC_LAYERS
    made: Any = type(loaded.own_code)
    deep: Any = made(config)
    deep.to(loaded.device)
    convert(deep, loaded.dtype)
    own: Any = loaded.model.model
    deep.model.embed_tokens.load_state_dict(own.embed_tokens.state_dict())
    deep.model.norm.load_state_dict(own.norm.state_dict())
    deep.lm_head.load_state_dict(cast(Any, loaded.model).lm_head.state_dict())
    for number, layer in enumerate(deep.model.layers):
        layer.load_state_dict(
            own.layers[number % min(LAST_THAT_COUNTS, len(own.layers))].state_dict()
        )
        if number >= LAST_THAT_COUNTS:
            layer.self_attn.o_proj.weight.data *= REST
            layer.mlp.down_proj.weight.data *= REST
    deep.eval().requires_grad_(False)
    return replace(loaded, model=deep, name=f"{loaded.name} with {SYNTHETIC_LAYERS} layers")


def table(result: dict[str, Any]) -> Table:
    """Lay out how decoding went with and without drafts by early layers, or with lossy exits."""
    if "paper" in result:
        return lossy_exits.table(result)
    title = f"{result['model']} on {result['device']} ({result['dtype']})"
    ratio = "{value:.2f}x [{low:.2f}, {high:.2f}]".format(**result["speed_ratio"])
    active = "yes" if result["active"] else "off"
    return grid(
        f"{title}, {result['prompts']} prompts; {result['reason']}",
        ("first layers draft", "tokens/step", "decoding is faster by", "other answers"),
        [
            ("no", f"{result['tokens_per_step_without']:.2f}", "", ""),
            (active, f"{result['tokens_per_step_with']:.2f}", ratio, str(result["differing"])),
        ],
    )

"""Which weights of a model are quantised, and to what.

int8 takes the linear layers but the head, whose inputs have outliers that one scale holds badly.
int4 takes the same, and has embedding and head share a table in int8, with scales for groups.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor, nn

from models import int4, int8
from models.errors import ModelError
from models.few_bits import compile_kernels
from models.int4 import INT4, Int4Linear, why_not_int4
from models.int8 import INT8, Int8Linear
from models.int8_table import Int8Embedding, Int8Head

if TYPE_CHECKING:
    from models.decoder import Model

QUANTISED = (INT8, INT4)


def check_device(dtype: str, device: torch.device) -> None:
    """Raise `ModelError` where `int8` or `int4` weights do not run."""
    (int8 if dtype == INT8 else int4).check_device(device)


Stored = Callable[[str], tuple[Tensor, Tensor] | None]
"""Tells what is known of a layer's weights in 4 bits, by its name."""


def quantise(model: "Model", dtype: str, stored: Stored = lambda layer: None) -> None:
    """Quantise a model's layers to `int8` or `int4`, in place and one after the other.

    Weights that are `stored` in 4 bits are taken as they are there.

    Raises `ModelError` for an architecture most of whose weights are not in linear layers, and for
    layers of a shape that int4 does not take. `check_device` says whether the result runs there.
    """
    names = _inner_linears(model)
    _check_architecture(model, names, dtype)
    for name in names:
        linear = cast(nn.Linear, model.get_submodule(name))
        few = Int8Linear(linear) if dtype == INT8 else Int4Linear(linear, stored(name))
        model.set_submodule(name, few)
    if dtype == INT4:
        _share_table(model)
        compile_kernels()


def quantised_dtype(model: "Model") -> str | None:
    """Return what a model's linear layers are quantised to: `int8`, `int4` or nothing."""
    kinds = {type(module) for module in model.modules()}
    return INT8 if Int8Linear in kinds else INT4 if Int4Linear in kinds else None


def _inner_linears(model: "Model") -> list[str]:
    """Names of the layers to quantise; of single inputs torch 2.13 computes wrong products."""
    head: nn.Module | None = model.get_output_embeddings()
    return [
        name
        for name, module in model.named_modules()
        if isinstance(module, nn.Linear) and module is not head and module.in_features > 1
    ]


def _check_architecture(model: "Model", names: list[str], dtype: str) -> None:
    """Refuse a model that would stay as large as it is, and shapes that cannot be packed."""
    linear: list[Any] = [model.get_submodule(name) for name in names]
    embedding = cast(Tensor, model.get_input_embeddings().weight)
    head: Any = model.get_output_embeddings()
    others = {id(each.weight) for each in linear} | {id(embedding), id(head.weight)}
    left = sum(each.numel() for each in model.parameters() if id(each) not in others)
    if left > sum(each.weight.numel() for each in linear):
        raise ModelError(
            f"Most weights of architecture {model.config.model_type} are not in linear layers,"
            f" which alone can be {dtype}.",
            hint="Set model.dtype to auto.",
        )
    reasons = filter(None, map(why_not_int4, linear)) if dtype == INT4 else iter(())
    if reason := next(reasons, ""):
        raise ModelError(
            f"int4 cannot hold this model: it has {reason}.",
            hint="Set model.dtype to int8 or auto.",
        )


def _share_table(model: "Model") -> None:
    """Let embedding and head look into one table where they have one, and else into two."""
    names = {module: name for name, module in model.named_modules()}
    embedding, head = model.get_input_embeddings(), cast(Any, model.get_output_embeddings())
    weight, tied = cast(Tensor, embedding.weight), head.weight is embedding.weight
    looked_up = Int8Embedding(weight, float(getattr(embedding, "embed_scale", 1.0)))
    read_out = Int8Head(looked_up if tied else Int8Embedding(head.weight), head.bias)
    model.set_submodule(names[embedding], looked_up)
    model.set_submodule(names[head], read_out)

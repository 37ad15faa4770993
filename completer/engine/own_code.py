"""A model's own code, of whatever architecture, as transformers has it.

It is imported where it is used: transformers' modelling code takes seconds to import, and memory.
"""

from typing import Any, cast

import torch
from torch import Tensor, nn
from transformers import AttentionInterface
from transformers.modeling_utils import PreTrainedModel

from completer.engine.attention import AttentionStep, PackedStep, Segment
from completer.engine.kv_cache import KVPool, LayerShape

NAME = "completer"


class ModelForward:
    """The model's own code."""

    def __init__(self, model: PreTrainedModel) -> None:
        model.set_attn_implementation(NAME)
        self.device = model.device
        self.dtype = model.dtype
        self._model = model

    def __call__(self, ids: Tensor, positions: Tensor, rows: Tensor, step: AttentionStep) -> Tensor:
        """See `Forward`."""
        output = self._model(
            ids[None], position_ids=positions[None], use_cache=False, logits_to_keep=rows, step=step
        )
        return cast(Tensor, output.logits[0])


@torch.inference_mode()
def probe_layers(model: PreTrainedModel) -> list[LayerShape]:
    """Find the shape of each layer's keys and values by running one token through the model."""
    probe = _ProbePool()
    model.set_attn_implementation(NAME)
    model(
        torch.zeros((1, 1), dtype=torch.long, device=model.device),
        position_ids=torch.zeros((1, 1), dtype=torch.long, device=model.device),
        use_cache=False,
        step=PackedStep(cast(KVPool, probe), [Segment(0, 0, 1)], model.dtype),
    )
    return [probe.layers[i] for i in sorted(probe.layers)]


def attend(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    *,
    scaling: float,
    step: AttentionStep,
    sliding_window: int | None = None,
    softcap: float | None = None,
    **_: Any,  # noqa: ANN401  what a model's code passes along and this function has no use for
) -> tuple[Tensor, None]:
    """Attend for a packed row, called by a model's own code."""
    layer: int = module.layer_idx  # type: ignore[assignment]
    window = sliding_window or 0
    return step.attend(
        layer, query, key, value, scaling=scaling, window=window, softcap=softcap
    ), None


class _ProbePool:
    """Stands in for the pool and remembers the shapes that it was asked to store."""

    def __init__(self) -> None:
        self.layers: dict[int, LayerShape] = {}
        self._latest: Any = None

    def write(self, layer: int, slot: int, start: int, key: Tensor, value: Tensor) -> None:
        self.layers[layer] = LayerShape(key.shape[0], key.shape[-1], value.shape[-1])
        self._latest = key[None], value[None]

    def read(self, layer: int, slot: int, end: int) -> tuple[Tensor, Tensor]:
        return cast(tuple[Tensor, Tensor], self._latest)


AttentionInterface.register(NAME, attend)

"""A tiny random model in an engine of its own. `--device cuda` runs the same tests on a GPU."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pytest
import torch

from completer.drafting.tree import DraftSource, DraftTree
from completer.engine.engine import MAX_DRAFT, Engine
from completer.engine.kv_cache import KVPool
from completer.engine.runner import Runner, kv_layers
from completer.engine.scheduler import Limits
from completer.engine.tuning import forward_of
from models.quantising import quantise
from tests.tiny import CONTEXT, tiny_model

VOCABULARY = 64


@pytest.fixture
def make_runner(device: torch.device) -> Callable[..., Runner]:
    def make(
        family: str = "llama",
        *,
        slots: int = 4,
        seed: int = 0,
        lean: bool = False,
        int8: bool = False,
        vocabulary: int = VOCABULARY,
        **sizes: Any,
    ) -> Runner:
        model = tiny_model(family, vocabulary, seed, **sizes).to(device)
        if int8:
            quantise(model, "int8")
        pool = KVPool(
            kv_layers(model),
            slots=slots,
            capacity=CONTEXT + MAX_DRAFT,
            dtype=model.dtype,
            device=device,
        )
        forward = forward_of(model, lean=lean, positions=pool.capacity)
        return Runner(forward, pool, graphs=device.type == "cuda")

    return make


@pytest.fixture
def make_engine(make_runner: Callable[..., Runner]) -> Iterator[Callable[..., Engine]]:
    engines: list[Engine] = []

    def make(family: str = "llama", *, limits: Limits | None = None, **options: object) -> Engine:
        engines.append(Engine(make_runner(family, **options), limits=limits))
        return engines[-1]

    yield make
    for engine in engines:
        engine.close()


class ScriptedDrafts:
    """Drafts that are right, wrong and branching in turn, from the text that is to come."""

    def __init__(self, truth: Sequence[int], *, branching: bool = True) -> None:
        self.truth = list(truth)
        self.branching = branching
        self.at = 0
        self.stopped = False
        self.trees: list[DraftTree] = []
        self.emitted: list[int] = []

    def stop(self) -> None:
        assert not self.stopped
        self.stopped = True

    def propose(self, max_tokens: int, step_cost: np.ndarray) -> DraftTree:
        assert len(step_cost) == max_tokens + 1
        ahead = self.truth[self.at : self.at + max_tokens // 2]
        if len(self.trees) % 3 == 1 and len(ahead) > 2:
            ahead[2] = (ahead[2] + 1) % VOCABULARY
        tokens, parents, last = [], [], -1
        for token in ahead:
            if self.branching:
                tokens.append((token + 7) % VOCABULARY)
                parents.append(last)
            tokens.append(token)
            parents.append(last)
            last = len(tokens) - 1
        tree = DraftTree(
            np.array(tokens, np.int32),
            np.array(parents, np.int32),
            np.ones(len(tokens), np.float32),
            np.full(len(tokens), DraftSource.REPOSITORY, np.int8),
        )
        self.trees.append(tree)
        return tree

    def observe(self, tree, accepted, top_candidates=None) -> None:
        assert not len(tree) or tree is self.trees[-1]  # no room left: nothing was asked for
        assert top_candidates.shape[0] == 1 + len(tree)
        self.at += len(accepted)
        self.emitted += accepted

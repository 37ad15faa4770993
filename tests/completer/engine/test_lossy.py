"""Lossy exits: who is sure leaves early, what is skipped is filled in, who a gate gives up ends."""

import pytest
import torch

from completer.engine.engine import MAX_DRAFT, Engine
from completer.engine.exits import Exits
from completer.engine.kv_cache import KVPool
from completer.engine.lean import LeanForward
from completer.engine.lossy import LossyExits
from completer.engine.runner import Runner, kv_layers
from models.exit_gates import ExitGate
from tests.completer.engine.conftest import ScriptedDrafts
from tests.completer.engine.test_attention import random_ids
from tests.completer.engine.test_engine import SAMPLED, ask
from tests.completer.engine.test_self_speculation import DEPTH, KNOWS, drafting_model
from tests.tiny import CONTEXT

NEVER, ALWAYS = 2.0, 0.0


def gate(*, exit_at=NEVER, stop_at=NEVER):
    return ExitGate(torch.zeros(2, 32), torch.zeros(2), exit_at, stop_at)


@pytest.fixture
def make(device):
    engines = []

    def build(gates=None, *, share=0.0):
        model = drafting_model(device, share=share)
        capacity = CONTEXT + MAX_DRAFT
        pool = KVPool(
            kv_layers(model), slots=6, capacity=capacity, dtype=model.dtype, device=device
        )
        forward = LeanForward(model, capacity)
        lossy = LossyExits(Exits(forward.layers, pool), gates)
        engines.append(Engine(Runner(forward, pool), lossy=lossy))
        return engines[-1]

    yield build
    for engine in engines:
        engine.close()


def lossy(prompt, count=20, **options):
    return ask(prompt, count, lossy=True, owner="lossy", **options)


def test_where_the_rest_of_the_layers_do_nothing_the_text_is_the_same(make):
    engine = make({KNOWS: gate(exit_at=ALWAYS)})
    for seed in range(3):
        prompt = random_ids(20 + seed, seed)
        whole, early = engine.generate(ask(prompt)), engine.generate(lossy(prompt))

        assert early.token_ids == whole.token_ids
        assert early.stats.skipped_layers == (DEPTH - KNOWS) * early.stats.steps
        assert whole.stats.skipped_layers == 0


def test_otherwise_it_is_that_of_the_exit(make):
    engine = make({1: gate(exit_at=ALWAYS)}, share=1.0)
    texts = {
        engine.generate(make_request(random_ids(20))).token_ids for make_request in (ask, lossy)
    }

    assert len(texts) == 2


def test_a_gate_that_is_never_sure_changes_nothing(make):
    engine = make({1: gate(), 3: gate()}, share=1.0)
    prompt = random_ids(25)
    early = engine.generate(lossy(prompt, sampling=SAMPLED))

    assert early.token_ids == engine.generate(ask(prompt, sampling=SAMPLED)).token_ids
    assert early.stats.skipped_layers == 0


def test_without_gates_the_exit_itself_must_be_sure(make):
    engine = make(share=1.0)  # a random model is never that sure

    stats = engine.generate(lossy(random_ids(20))).stats
    assert stats.skipped_layers == 0


def test_drafts_are_verified_at_the_exit(make):
    engine = make({KNOWS: gate(exit_at=ALWAYS)})
    prompt = random_ids(20)
    truth = engine.generate(ask(prompt)).token_ids
    result = engine.generate(lossy(prompt, drafts=ScriptedDrafts(truth)))

    assert result.token_ids == truth
    assert result.stats.accepted > 0


def test_a_completion_that_is_given_up_ends_before_the_token_that_says_so(make):
    engine = make({KNOWS: gate(stop_at=ALWAYS)})
    result = engine.generate(lossy(random_ids(20)))

    assert result.finish_reason == "low_confidence"
    assert len(result.token_ids) == 1  # the prompt's own pass is never cut short


def test_those_who_leave_and_those_who_stay_share_a_step(make):
    engine, alone = make({KNOWS: gate(exit_at=ALWAYS)}, share=1.0), make(share=1.0)
    prompts = [random_ids(20 + seed, seed) for seed in range(4)]
    expected = [alone.generate(ask(prompt, 30)).token_ids for prompt in prompts]
    early = [engine.generate(lossy(prompt, 30)).token_ids for prompt in prompts]

    tickets = [
        engine.submit(lossy(prompt, 30) if number % 2 else ask(prompt, 30, owner="whole"))
        for number, prompt in enumerate(prompts)
    ]
    results = [ticket.future.result(10).token_ids for ticket in tickets]

    assert results == [(early if n % 2 else expected)[n] for n in range(4)]

"""The first layers draft where they are right: faster, and the same text to the token."""

import pytest
import torch

from completer.engine.attention import Segment
from completer.engine.cost import CostCurve
from completer.engine.engine import MAX_DRAFT, Engine
from completer.engine.exit_choice import Plan
from completer.engine.exits import Exits, exit_layers
from completer.engine.kv_cache import KVPool
from completer.engine.lean import LeanForward
from completer.engine.runner import Runner, kv_layers
from completer.engine.self_speculation import SelfReport, SelfSpeculation
from completer.request import Sampling
from tests.completer.engine.conftest import VOCABULARY, ScriptedDrafts
from tests.completer.engine.test_attention import random_ids
from tests.completer.engine.test_engine import SAMPLED, ask
from tests.tiny import CONTEXT, tiny_model

ROOM = CONTEXT + MAX_DRAFT
CHEAP = CostCurve((1, 64), (1.0, 1.0), 0.0)
DEPTH, KNOWS = 6, 2  # of six layers the last four change next to nothing


def drafting_model(device, *, share=0.0):
    """A model whose layers behind the second count for `share` of what they say."""
    model = tiny_model("llama", VOCABULARY, num_hidden_layers=DEPTH).to(device)
    for layer in model.model.layers[KNOWS:]:
        layer.self_attn.o_proj.weight.data *= share
        layer.mlp.down_proj.weight.data *= share
    return model


class Always(SelfSpeculation):
    """Drafts by a given plan, whatever was measured."""

    def follow(self, plan):
        self._plan, self._next = plan, 10**9
        return self


@pytest.fixture
def make(device):
    engines = []

    def build(*, share=0.0, plan=None, costs=CHEAP, drafts=True):
        model = drafting_model(device, share=share)
        pool = KVPool(
            kv_layers(model),
            slots=4,
            capacity=CONTEXT + MAX_DRAFT,
            dtype=model.dtype,
            device=device,
        )
        forward = LeanForward(model, pool.capacity)
        runner = Runner(forward, pool)
        speculation = Always(runner, Exits(forward.layers, pool), costs) if drafts else None
        if plan is not None:
            speculation.follow(plan)
        engines.append(Engine(runner, costs=costs, self_speculation=speculation))
        return engines[-1]

    yield build
    for engine in engines:
        engine.close()


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0], ids=["identity", "near", "ordinary"])
@pytest.mark.parametrize("sampling", [Sampling(), SAMPLED], ids=["greedy", "sampled"])
@pytest.mark.parametrize("layer", [1, 2, 5])
def test_the_text_is_the_same_and_the_statistics_say_who_drafted(layer, sampling, share, make):
    plain = make(share=share, drafts=False)
    drafted = make(share=share, plan=Plan(layer, 5, 0.0, 9.0))
    for seed in range(2):
        question = ask(random_ids(25 + seed, seed), 24, sampling=sampling)
        expected, result = plain.generate(question), drafted.generate(question)

        assert result.token_ids == expected.token_ids
        stats = result.stats
        assert stats.drafted > 0
        assert stats.draft_sources == ((("self", stats.accepted),) if stats.accepted else ())
        assert stats.steps <= expected.stats.steps


def test_layers_that_know_everything_are_always_accepted(make):
    stats = make(plan=Plan(KNOWS, 5, 0.0, 9.0)).generate(ask(random_ids(20), 37)).stats

    assert stats.steps == 6  # after the prompt's own token, six each
    assert stats.accepted == stats.drafted == 30


def test_it_stops_where_the_exit_is_not_sure_enough(make):
    stats = make(plan=Plan(KNOWS, 5, 1.1, 9.0)).generate(ask(random_ids(20), 20)).stats

    assert stats.drafted == 0
    assert stats.steps == 19


def test_rows_left_behind_are_those_of_the_model(make):
    engine = make(share=1.0, plan=Plan(3, 4, 0.0, 9.0))
    prompt = random_ids(30)
    first = engine.generate(ask(prompt)).token_ids
    again = engine.generate(ask([*prompt, *first[:10]], 10))

    assert again.stats.reused_tokens >= 39
    assert again.token_ids == first[10:]


def test_better_drafts_from_the_repository_come_first(make):
    engine = make(plan=Plan(KNOWS, 5, 0.0, 1.2))
    truth = make(drafts=False).generate(ask(random_ids(20))).token_ids
    drafts = ScriptedDrafts(truth, branching=False)
    result = engine.generate(ask(random_ids(20), drafts=drafts))

    assert result.token_ids == truth
    assert dict(result.stats.draft_sources)["repository"] > 0


def test_several_sequences_in_a_step_are_not_drafted_this_way(make):
    engine = make(plan=Plan(KNOWS, 5, 0.0, 9.0))
    plain = make(drafts=False)
    questions = [ask(random_ids(20, seed), 30, owner=str(seed)) for seed in range(3)]
    tickets = [engine.submit(question) for question in questions]

    results = [ticket.future.result(10).token_ids for ticket in tickets]
    assert results == [plain.generate(question).token_ids for question in questions]


def test_it_measures_then_decides_and_says_why(make):
    knowing, ordinary = make(), make(share=1.0)
    assert knowing.self_speculation.report == SelfReport(False, "nothing is measured yet")
    for engine in (knowing, ordinary):
        expected = make(share=0.0 if engine is knowing else 1.0, drafts=False)
        for seed in range(2):
            question = ask(random_ids(20, seed), 30)
            assert engine.generate(question).token_ids == expected.generate(question).token_ids

    agreement = knowing.self_speculation.report.agreement
    assert agreement.keys() == set(exit_layers(DEPTH))
    assert agreement[KNOWS] == agreement[5] == 1.0
    report = ordinary.self_speculation.report
    assert report.agreement[1] < 1.0
    assert report.reason.startswith("does not pay") != report.active


def test_an_exit_says_what_the_model_cut_there_would_say(device):
    model, ids = drafting_model(device), random_ids(10)
    with torch.inference_mode():
        expected = model(torch.tensor([ids], device=device)).logits[0]
    pool = KVPool(kv_layers(model), slots=1, capacity=64, dtype=model.dtype, device=device)
    forward = LeanForward(model, pool.capacity)
    exits = Exits(forward.layers, pool)
    with torch.inference_mode():
        hidden = exits.advance(exits.embed(ids), [Segment(0, 0, 10)], 0, KNOWS)
        torch.testing.assert_close(exits.logits(hidden, KNOWS), expected)
        guess = exits.guess(hidden[-1:], KNOWS)

    assert guess.token == int(expected[-1].argmax())
    assert guess.probability == pytest.approx(float(expected[-1].softmax(-1).max()), abs=1e-5)

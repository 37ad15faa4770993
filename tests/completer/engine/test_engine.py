"""The engine says what the model alone would say: drafted or not, alone or in a batch."""

import threading
import time
from dataclasses import replace

import numpy as np
import pytest
import torch

from completer.engine.scheduler import Limits
from completer.engine.sequence import GenerationRequest
from completer.engine.stop_policy import Stop
from completer.errors import BadRequestError, OverloadedError
from completer.request import Sampling
from tests.completer.engine.conftest import VOCABULARY, ScriptedDrafts
from tests.completer.engine.test_attention import random_ids
from tests.models.quantised_cpu import needs_int8
from tests.tiny import CONTEXT, FAMILIES, tiny_model

SAMPLED = Sampling(temperature=1.0, top_p=0.95, seed=3)


def ask(prompt, max_tokens=20, **options):
    return GenerationRequest(prompt=prompt, max_tokens=max_tokens, **options)


@pytest.mark.parametrize("family", FAMILIES)
def test_greedy_tokens_equal_generate(family, make_engine, device):
    prompt = random_ids(30)
    model = tiny_model(family, VOCABULARY).to(device)
    model.generation_config.eos_token_id = None
    ids = torch.tensor([prompt], device=device)
    expected = model.generate(
        ids, attention_mask=torch.ones_like(ids), max_new_tokens=20, do_sample=False, pad_token_id=0
    )[0, 30:]

    assert list(make_engine(family).generate(ask(prompt)).token_ids) == expected.tolist()


@pytest.mark.parametrize("branching", [True, False], ids=["tree", "path"])
@pytest.mark.parametrize("sampling", [Sampling(), SAMPLED], ids=["greedy", "sampled"])
@pytest.mark.parametrize("family", ["llama", "gemma2", "gpt_bigcode", "starcoder2"])
def test_drafts_change_the_steps_but_never_the_text(family, sampling, branching, make_engine):
    engine = make_engine(family)
    for seed in range(5):
        prompt = random_ids(25 + seed, seed)
        plain = engine.generate(ask(prompt, sampling=sampling, owner="plain"))
        drafts = ScriptedDrafts(plain.token_ids, branching=branching)
        drafted = engine.generate(ask(prompt, sampling=sampling, drafts=drafts, owner="drafted"))

        assert drafted.token_ids == plain.token_ids
        assert drafted.stats.steps < plain.stats.steps
        assert 0 < drafted.stats.accepted < drafted.stats.drafted
        assert drafted.stats.draft_sources == (("repository", drafted.stats.accepted),)
        assert tuple(drafts.emitted[:20]) == plain.token_ids
        assert drafts.stopped


@needs_int8
@pytest.mark.parametrize("lean", [True, False], ids=["lean", "own code"])
@pytest.mark.parametrize("family", ["llama", "qwen2"])
def test_in_int8_drafts_change_the_text_as_little(family, lean, make_engine, device):
    if device.type != "cpu":
        pytest.skip("int8 runs on a CPU")
    engine = make_engine(family, lean=lean, int8=True)
    for seed in range(5):
        prompt = random_ids(25 + seed, seed)
        plain = engine.generate(ask(prompt, owner="plain"))
        drafts = ScriptedDrafts(plain.token_ids)
        drafted = engine.generate(ask(prompt, drafts=drafts, owner="drafted"))

        assert drafted.token_ids == plain.token_ids
        assert 0 < drafted.stats.accepted < drafted.stats.drafted


def test_after_a_drafted_request_the_cached_rows_are_right(make_engine):
    engine = make_engine()
    prompt = random_ids(30)
    truth = engine.generate(ask(prompt, owner="first")).token_ids
    engine.generate(ask(prompt, drafts=ScriptedDrafts(truth), owner="second"))
    longer = [*prompt, *truth[:15]]

    reusing = engine.generate(ask(longer, owner="second"))

    assert reusing.stats.reused_tokens == len(longer) - 1
    assert reusing.token_ids == engine.generate(ask(longer, owner="fresh")).token_ids


def test_batched_and_alone_give_the_same_tokens(make_engine):
    requests = [
        ask(
            random_ids(10 + 9 * i, i),
            10 + i,
            owner=str(i),
            sampling=SAMPLED if i % 2 else Sampling(),
        )
        for i in range(8)
    ]
    alone = [make_engine().generate(request).token_ids for request in requests]
    engine = make_engine(slots=8, limits=Limits(prefill_chunk=16))
    for drafted in (False, True):
        tickets = [
            engine.submit(
                replace(
                    request,
                    owner=f"{request.owner} {drafted}",
                    drafts=ScriptedDrafts(truth) if drafted else None,
                )
            )
            for request, truth in zip(requests, alone, strict=True)
        ]

        assert [ticket.future.result().token_ids for ticket in tickets] == alone


def test_different_seeds_and_choices_differ(make_engine):
    engine = make_engine()
    prompt = random_ids(20)
    texts = {
        engine.generate(
            ask(prompt, sampling=Sampling(temperature=1.0, seed=seed), choice=choice)
        ).token_ids
        for seed in (1, 2)
        for choice in (0, 1)
    }

    assert len(texts) == 4


def test_a_stop_token_ends_the_text_and_is_not_part_of_it(make_engine):
    engine = make_engine()
    prompt = random_ids(20)
    free = engine.generate(ask(prompt)).token_ids
    end = next(i for i in range(3, 20) if free[i] not in free[:i])

    stopped = engine.generate(ask(prompt, stop_ids=frozenset({free[end]})))

    assert stopped.token_ids == free[:end]
    assert stopped.finish_reason == "stop"


def test_the_limit_ends_the_text(make_engine):
    result = make_engine().generate(ask(random_ids(20), 7))

    assert len(result.token_ids) == 7
    assert result.finish_reason == "length"


def test_a_limit_inside_an_accepted_draft_is_kept(make_engine):
    engine = make_engine()
    truth = engine.generate(ask(random_ids(20), 20)).token_ids
    drafts = ScriptedDrafts(truth)

    assert engine.generate(ask(random_ids(20), 5, drafts=drafts)).token_ids == truth[:5]


def test_drafts_that_may_not_propose_only_predict(make_engine):
    engine = make_engine()
    truth = engine.generate(ask(random_ids(20), 12)).token_ids
    drafts = ScriptedDrafts(truth)
    result = engine.generate(ask(random_ids(20), 12, drafts=drafts, may_propose=False))

    assert result.token_ids == truth
    assert (result.stats.drafted, result.stats.steps) == (0, 11)


def test_a_policy_can_end_and_cut(make_engine):
    class CutAtThree:
        wants_signals = False

        def after_token(self, ids, signals, *, ended):
            return Stop("low_confidence", 3) if len(ids) >= 6 else None

    result = make_engine().generate(ask(random_ids(20), policy=CutAtThree()))

    assert len(result.token_ids) == 3
    assert result.finish_reason == "low_confidence"


def test_a_policy_is_told_how_sure_each_token_was(make_engine):
    class Listening:
        wants_signals = True

        def __init__(self):
            self.ids, self.tokens = [], []

        def after_token(self, ids, signals, *, ended):
            self.ids.append(list(ids))
            self.tokens.append(signals)

    engine, alone, drafted = make_engine(), Listening(), Listening()
    truth = engine.generate(ask(random_ids(20), 12, policy=alone)).token_ids
    drafts = ScriptedDrafts(truth)
    result = engine.generate(ask(random_ids(20), 12, policy=drafted, drafts=drafts))

    said = [(each.probability, each.entropy) for each in alone.tokens]
    assert len(said) == 12
    assert result.stats.accepted > 0
    assert alone.ids == drafted.ids == [list(truth[:count]) for count in range(1, 13)]
    np.testing.assert_allclose(
        [(each.probability, each.entropy) for each in drafted.tokens], said, rtol=1e-3
    )


def test_an_end_mark_is_told_with_what_stands_before_it(make_engine):
    class Listening:
        wants_signals = True

        def __init__(self):
            self.said = []

        def after_token(self, ids, signals, *, ended):
            self.said.append((len(ids), ended))

    engine, alone, drafted = make_engine(), Listening(), Listening()
    truth = engine.generate(ask(random_ids(20), 12)).token_ids
    ends = {"stop_ids": frozenset(truth[5:6])}
    first = truth.index(truth[5])
    engine.generate(ask(random_ids(20), 12, policy=alone, **ends))
    engine.generate(ask(random_ids(20), 12, policy=drafted, drafts=ScriptedDrafts(truth), **ends))

    assert alone.said == drafted.said
    assert alone.said[-1] == (first, True)


def test_a_deadline_returns_what_there_is(make_engine):
    result = make_engine().generate(ask(random_ids(20), 200, deadline=time.perf_counter() + 0.05))

    assert result.finish_reason == "deadline"
    assert len(result.token_ids) < 200


def test_cancelling_frees_the_slot_within_a_step(make_engine):
    engine = make_engine(slots=2)
    begun = threading.Event()
    ticket = engine.submit(ask(random_ids(20), 200), on_step=lambda _: begun.set())
    begun.wait(5)
    ticket.cancel()

    assert ticket.future.result(5).finish_reason == "cancelled"
    assert engine.load == (0, 0)


def test_an_owner_is_dropped_with_what_runs_and_waits_for_it(make_engine):
    engine = make_engine(slots=4, limits=Limits(max_running=2))
    begun = threading.Event()
    prompt = random_ids(20)
    running = engine.submit(ask(prompt, 200, owner="gone"), on_step=lambda _: begun.set())
    other = engine.submit(ask(prompt, 20, owner="stays"))
    waiting = engine.submit(ask(prompt, 200, owner="gone"))
    begun.wait(5)
    engine.drop(lambda owner: owner == "gone")

    for ticket in (running, waiting):
        assert ticket.future.done()
        assert ticket.future.result().finish_reason == "cancelled"
    assert other.future.result(10).finish_reason == "length"
    assert not any(slot.owner == "gone" for slot in engine._pool.slots)
    assert engine.generate(ask(prompt, 1, owner="gone")).stats.reused_tokens == 0
    assert engine.generate(ask(prompt, 1, owner="stays")).stats.reused_tokens == 19


def test_a_later_short_request_finishes_before_an_earlier_long_one(make_engine):
    engine = make_engine()
    finished = []
    long = engine.submit(ask(random_ids(20), 64, owner="long"))
    long.future.add_done_callback(lambda _: finished.append("long"))
    short = engine.submit(ask(random_ids(20, 1), 5, owner="short"))
    short.future.add_done_callback(lambda _: finished.append("short"))
    long.future.result(10), short.future.result(10)

    assert finished == ["short", "long"]


def test_a_full_queue_refuses_with_a_time_to_come_back(make_engine):
    engine = make_engine(slots=2, limits=Limits(max_running=1, max_waiting=1))
    begun = threading.Event()
    tickets = [engine.submit(ask(random_ids(20), 200), on_step=lambda _: begun.set())]
    begun.wait(5)
    tickets.append(engine.submit(ask(random_ids(20), 200)))

    with pytest.raises(OverloadedError) as refusal:
        engine.submit(ask(random_ids(20), 200))
    assert refusal.value.retry_after_s > 0
    for ticket in tickets:
        ticket.cancel()


@pytest.mark.parametrize(
    "request_",
    [ask([]), ask([1], 0), ask([1] * (CONTEXT + 100))],
    ids=["empty", "nothing to do", "too long"],
)
def test_impossible_requests_are_refused(request_, make_engine):
    with pytest.raises(BadRequestError):
        make_engine().submit(request_)


def test_a_failing_step_fails_its_requests_and_the_engine_lives(make_engine):
    class Broken:
        def stop(self):
            pass

        def propose(self, max_tokens, step_cost):
            raise RuntimeError("broken drafter")

    engine = make_engine()
    with pytest.raises(RuntimeError, match="broken drafter"):
        engine.generate(ask(random_ids(20), drafts=Broken()))

    assert len(engine.generate(ask(random_ids(20), 4)).token_ids) == 4


def test_what_has_ended_can_be_forgotten(make_engine):
    engine, request = make_engine(), ask(random_ids(30), 4)
    engine.generate(request)
    assert engine.generate(request).stats.reused_tokens == 29
    engine.forget()
    assert engine.generate(request).stats.reused_tokens == 0


def test_closing_answers_what_still_runs(make_engine):
    engine = make_engine()
    begun = threading.Event()
    ticket = engine.submit(ask(random_ids(20), 200), on_step=lambda _: begun.set())
    begun.wait(5)
    engine.close()

    assert ticket.future.result(1).finish_reason == "cancelled"
    with pytest.raises(RuntimeError, match="closed"):
        engine.submit(ask([1]))


def test_memory_is_given_back_once_when_nothing_more_comes(make_engine, monkeypatch):
    given_back = []
    monkeypatch.setattr("completer.engine.engine.trim", lambda: given_back.append(engine.load))
    monkeypatch.setattr("completer.engine.engine.RESTS_AFTER_S", 0.05)
    engine = make_engine()
    for rests in (1, 2):
        engine.generate(ask(random_ids(20), 30))
        deadline = time.perf_counter() + 10
        while len(given_back) < rests and time.perf_counter() < deadline:
            time.sleep(0.01)
        time.sleep(0.2)

        assert given_back == [(0, 0)] * rests

"""A suffix's rows move with it, for a while, where a request allows that."""

import pytest
import torch

from completer.engine.engine import Engine
from completer.engine.kept_suffix import MOST_CHANGED
from completer.engine.sequence import GenerationRequest

BEGIN, BEHIND, MIDDLE = 1, 2, 3
BEFORE, AFTER = list(range(10, 40)), list(range(40, 60))


def ask(before, after=AFTER, *, keeps=True, tokens=6):
    """A prompt whose prefix comes first, its suffix behind a mark."""
    prompt = [BEGIN, *before, BEHIND, *after, MIDDLE]
    suffix = range(len(before) + 2, len(prompt) - 1) if keeps else None
    return GenerationRequest(prompt=prompt, max_tokens=tokens, owner="me", suffix=suffix)


@pytest.fixture
def make(make_runner):
    engines = []

    def make(*, turns=True):
        runner = make_runner("qwen2", lean=True)
        turn = runner._forward.layers.turned if turns else None
        engines.append(Engine(runner, turn=turn))
        return engines[-1]

    yield make
    for engine in engines:
        engine.close()


def rows(engine, request):
    """Keys and values [layers, heads, rows, width] of a suffix, from the slot used last."""
    pool = engine._pool
    slot = max(range(len(pool.slots)), key=lambda i: pool.slots[i].last_used)
    keys, values = pool.copied(slot, request.suffix.start, len(request.suffix))
    return torch.stack(keys), torch.stack(values)


@pytest.mark.parametrize("before", [[*BEFORE, 5, 6, 7], BEFORE[:-4]], ids=["typed", "deleted"])
def test_a_key_computes_what_changed_and_the_marks(make, before):
    kept, exact, old = make(), make(), ask(BEFORE)
    kept.generate(old)
    had_keys, had_values = rows(kept, old)
    result, truth = (engine.generate(ask(before)) for engine in (kept, exact))
    keys, values = rows(kept, ask(before))
    true_keys, true_values = rows(exact, ask(before))

    changed = max(0, len(before) - len(BEFORE))
    assert result.stats.prompt_tokens - result.stats.reused_tokens == changed + 2
    assert result.stats.kept_tokens == len(AFTER)
    assert truth.stats.kept_tokens == 0
    torch.testing.assert_close(values, had_values)
    torch.testing.assert_close(keys[0], true_keys[0])  # of the token and its place alone
    assert (keys[0] - had_keys[0]).abs().max() > 1e-3
    assert (values[1] - true_values[1]).abs().max() > 1e-6  # they have read another prefix


def test_a_prefix_that_has_changed_a_lot_is_read_by_its_suffix_again(make):
    kept, exact = make(), make()
    kept.generate(ask(BEFORE))
    told = []
    for typed in range(1, MOST_CHANGED + 1):
        asked = ask([*BEFORE, *([7] * typed)], tokens=1)
        told.append(kept.generate(asked).stats.kept_tokens)
    assert told[0] == len(AFTER)
    assert 0 in told
    again = kept.generate(ask([*BEFORE, 8])), exact.generate(ask([*BEFORE, 8]))
    kept.forget()
    fresh = kept.generate(ask([*BEFORE, 8]))
    assert again[0].stats.kept_tokens > 0
    assert fresh.stats.kept_tokens == 0
    assert fresh.token_ids == again[1].token_ids


def test_only_as_much_is_kept_as_is_the_same(make):
    engine = make()
    engine.generate(ask(BEFORE))
    changed = engine.generate(ask([*BEFORE, 5], [*AFTER[:12], 5, *AFTER[13:]]))
    assert changed.stats.kept_tokens == 12


def test_the_same_prompt_again_says_what_it_was_computed_with(make):
    engine = make()
    engine.generate(ask(BEFORE))
    first = engine.generate(ask([*BEFORE, 5]))
    again = engine.generate(ask([*BEFORE, 5]))
    assert again.stats.kept_tokens == first.stats.kept_tokens == len(AFTER)
    assert again.token_ids == first.token_ids


@pytest.mark.parametrize(("turns", "keeps"), [(False, True), (True, False)])
def test_nothing_is_kept_that_cannot_be_or_may_not(make, turns, keeps):
    engine = make(turns=turns)
    engine.generate(ask(BEFORE, keeps=keeps))
    result = engine.generate(ask([*BEFORE, 5], keeps=keeps))
    assert result.stats.kept_tokens == 0
    assert result.stats.reused_tokens == 1 + len(BEFORE)

"""Greedy alternatives leave the likeliest text at one place, and differ."""

import pytest
import torch

from completer.engine.alternatives import SURE, alternative
from completer.engine.sequence import GenerationRequest, SequenceState

WORDS = ["a", "ab", "b", "", "c"]


def sequence(choice, **options):
    request = GenerationRequest(prompt=[1, 2], max_tokens=9, choice=choice, **options)
    return SequenceState(request)


def logits(*probabilities):
    return torch.tensor(probabilities).log()


UNSURE = logits(0.4, 0.3, 0.15, 0.1, 0.05)


def test_choices_begin_with_the_likeliest_tokens():
    assert [alternative(sequence(n), 0, 0, UNSURE) for n in (1, 2, 3)] == [1, 2, 3]


def test_none_begins_as_another_does_or_with_nothing():
    found = [alternative(sequence(n, spell=WORDS.__getitem__), 0, 0, UNSURE) for n in (1, 2)]
    assert [WORDS[token] for token in found] == ["b", "c"]


def test_what_ends_the_text_begins_none():
    assert alternative(sequence(1, stop_ids=frozenset({1})), 0, 0, UNSURE) == 2


def test_where_the_model_is_sure_all_choices_are_the_same():
    sure = logits(SURE + 0.02, 0.03, 0.02, 0.02, 0.01)
    one = sequence(1)
    assert alternative(one, 0, 0, sure) == 0
    assert alternative(one, 1, 0, UNSURE) == 1


def test_it_is_left_once_and_the_same_way_when_a_pass_is_repeated():
    one = sequence(1)
    assert [alternative(one, place, 0, UNSURE) for place in (3, 3, 4)] == [1, 1, 0]


@pytest.mark.parametrize("choice", [6, 40])
def test_where_there_are_fewer_the_likeliest_comes(choice):
    assert alternative(sequence(choice), 0, 0, UNSURE) == 0

from collections import Counter

import numpy as np

from models.training.curriculum import Curriculum

CODE = "def area(width, height):\n    size = width * height\n    return size\n" * 8


def categories(curriculum: Curriculum, count: int = 400) -> Counter[str]:
    rng = np.random.default_rng(0)
    return Counter(curriculum.choose(CODE, rng).category for _ in range(count))


def trained(strength: float, progress: float) -> Curriculum:
    curriculum = Curriculum(strength)
    for category in categories(Curriculum(0.0)):
        curriculum.record(category, 4.0 if category == "several_lines" else 1.0)
    curriculum.advance(progress)
    return curriculum


def test_hard_spans_are_chosen_more_often_as_training_goes_on():
    early, middle, late = (
        categories(trained(1.0, progress))["several_lines"] for progress in (0.0, 0.3, 1.0)
    )
    assert early < middle < late
    assert late > 2 * early


def test_without_strength_nothing_is_preferred():
    assert categories(trained(0.0, 1.0)) == categories(Curriculum(0.0))


def test_difficulty_follows_what_is_recorded():
    curriculum = Curriculum(1.0)
    curriculum.record("call", 4.0)
    assert curriculum.difficulty["call"] == 4.0
    for _ in range(200):
        curriculum.record("call", 1.0)
    assert 1.0 < curriculum.difficulty["call"] < 1.1

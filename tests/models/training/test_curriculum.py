from collections import Counter

import numpy as np

from models.training.curriculum import Curriculum
from models.training.fim_spans import KINDS, Source

CODE = "def area(width, height):\n    size = width * height\n    return size\n" * 8
HARD = "binary_operator"


def categories(curriculum: Curriculum, count: int = 400) -> Counter[str]:
    rng = np.random.default_rng(0)
    return Counter(curriculum.choose(Source(CODE), rng).category for _ in range(count))


def hard_share(curriculum: Curriculum) -> float:
    counts = categories(curriculum)
    return sum(count for name, count in counts.items() if HARD in name) / counts.total()


def trained(strength: float, step: int) -> Curriculum:
    curriculum = Curriculum(strength, steps=100)
    for category in categories(Curriculum(0.0, 1)):
        curriculum.record(category, 4.0 if HARD in category else 1.0)
    curriculum.advance(step)
    return curriculum


def test_hard_constructs_are_chosen_more_often_as_training_goes_on():
    early, middle, late = (hard_share(trained(1.0, step)) for step in (0, 30, 100))
    assert early < middle < late
    assert late > 1.5 * early


def test_kinds_of_spans_keep_their_shares():
    kinds = Counter[str]()
    for category, count in categories(trained(1.0, 100), 1000).items():
        kinds[category.partition(" ")[0]] += count
    for kind, share in KINDS:
        assert abs(kinds[kind.__name__] / 1000 - share) < 0.05


def test_without_strength_nothing_is_preferred():
    assert categories(trained(0.0, 100)) == categories(Curriculum(0.0, 1))


def test_difficulty_follows_what_is_recorded():
    curriculum = Curriculum(1.0, 1)
    curriculum.record("call", 4.0)
    assert curriculum.difficulty["call"] == 4.0
    for _ in range(200):
        curriculum.record("call", 1.0)
    assert 1.0 < curriculum.difficulty["call"] < 1.1

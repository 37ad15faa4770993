"""Which arm of an experiment a user is in."""

from collections import Counter

from benchmarks.simulation.arms import assign_arm


def test_a_user_stays_in_an_arm_and_arms_are_even():
    arms = ("control", "treatment")
    users = [f"user {n}" for n in range(4_000)]
    first = [assign_arm(user, arms, "drafts") for user in users]
    assert first == [assign_arm(user, arms, "drafts") for user in users]
    assert 1_850 <= Counter(first)["control"] <= 2_150


def test_another_experiment_deals_anew():
    arms = ("control", "treatment")
    users = [f"user {n}" for n in range(4_000)]
    same = sum(assign_arm(u, arms, "one") == assign_arm(u, arms, "two") for u in users)
    assert 1_850 <= same <= 2_150

"""How likely an edit is to be made again: judged by what people did."""

import random

import pytest

from benchmarks.next_edit_card import THRESHOLDS, run, states_between, table
from benchmarks.releases import FITTED, Revised
from tests.benchmarks.test_edit_drafts import released

OLD = "".join(f"self.assertEquals(call({n}), {n})\n" for n in range(6))
NEW = OLD.replace("assertEquals", "assertEqual").replace("call(5)", "call(6)")


def test_a_file_is_followed_from_one_release_to_the_next():
    states = list(states_between(Revised("p", "a.py", OLD, NEW), 9, random.Random(0)))
    assert [len(each.hunks) for each in states] == [1, 2, 3, 4, 5, 6]
    for each in states:
        text = each.text
        for hunk in reversed(each.made):
            text = hunk.applied(text)
        assert text == NEW
        assert each.text.count("assertEqual(") == len(each.hunks)


@pytest.mark.slow
def test_places_are_judged_by_what_people_did(tmp_path):
    folder = released(tmp_path / "releases")
    package = next(iter(folder.glob("old/*/a.py"))).parent.name
    (folder / "old" / package / "a.py").write_text(OLD)
    (folder / "new" / package / "a.py").write_text(NEW)
    result = run(releases=tmp_path)
    assert result["edits"] == 4
    assert result["could_be_known"] > 0.5
    assert [row["threshold"] for row in result["thresholds"]] == list(THRESHOLDS)
    assert table(result).row_count == len(THRESHOLDS)


def test_what_is_fitted_to_does_not_judge():
    lines = FITTED.read_text("utf-8").splitlines()
    fitted = {line.split()[0] for line in lines if line and not line.startswith("#")}
    judging = (FITTED.parent / "old-releases.txt").read_text("utf-8")
    assert not [name for name in fitted if f"\n{name}==" in judging]

"""What a policy learns from: suggestions that were shown, and what became of them."""

import pytest

from telemetry.events import Accepted, Hidden, Opportunity, Returned, Shown, Suggestion
from telemetry.shown_suggestions import ShownSuggestion, shown_suggestions

JUDGED = {"features": {"tokens": 1.0}, "propensity": 1.0}


def offer(editor, text, *, model="small", shown=True, uri="", **judged):
    """Answer a request with a text for which so much was predicted."""
    opportunity = Opportunity(
        session=editor.session, uri=uri or editor.uri, outcome="returned", model=model, **judged
    )
    suggestion = Suggestion(text=text, offset=len(editor.text))
    editor.recorder.record(opportunity)
    editor.recorder.record(Returned(opportunity.id, [suggestion]))
    if shown:
        editor.recorder.record(Shown(suggestion.id))
    return suggestion.id


def found(editor, model="small"):
    editor.settle()
    return [
        (dict(each.features), each.propensity, each.accepted)
        for each in shown_suggestions(editor.folder, model)
    ]


def test_what_was_shown_is_told_with_what_was_predicted(editor):
    offer(editor, "return x", features={"tokens": 2.0}, propensity=1.0)
    editor.write("return x")
    offer(editor, "nonsense", features={"tokens": 5.0}, propensity=0.02)
    editor.write("\n")

    assert found(editor) == [({"tokens": 2.0}, 1.0, True), ({"tokens": 5.0}, 0.02, False)]


def test_what_teaches_nothing_is_left_out(editor):
    offer(editor, "a = 1", features={})
    offer(editor, "b = 2", features={"tokens": 1.0}, model="another")
    editor.write("\n")
    editor.wait(6)

    assert found(editor) == []
    assert found(editor, "another") == [({"tokens": 1.0}, 1.0, False)]


def test_what_nobody_reports_on_teaches_nothing(editor):
    for number in range(5):
        taken = offer(editor, f"a = {number}", uri="file:///w/http.py", shown=False, **JUDGED)
        if number < 4:
            editor.recorder.record(Accepted(taken))
        else:
            editor.recorder.record(Hidden(taken, "esc"))
    for number in range(10):
        offer(editor, f"b = {number}", uri="file:///w/http.py", shown=False, **JUDGED)

    assert [accepted for *_, accepted in found(editor)] == [True] * 4 + [False]


def test_the_edits_of_an_editor_tell_what_was_refused(editor):
    offer(editor, "a = 1", shown=False, **JUDGED)
    editor.write("b")
    offer(editor, "c = 1", shown=False, **JUDGED)  # still on the screen
    editor.wait(6)

    assert [accepted for *_, accepted in found(editor)] == [False]


def test_people_are_told_apart_but_not_named(editor):
    offer(editor, "a = 1", features={"tokens": 1.0})
    editor.write("a = 1")
    editor.settle()
    (only,) = shown_suggestions(editor.folder, "small")

    assert isinstance(only, ShownSuggestion)
    assert only.user
    assert "ada" not in only.user


def test_without_a_database_it_says_so(tmp_path):
    with pytest.raises(FileNotFoundError):
        list(shown_suggestions(tmp_path / "nothing", "small"))

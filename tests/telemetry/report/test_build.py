"""The report as data: groups, what was left out, and several files at once."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from telemetry.report.build import build, to_json
from telemetry.report.metrics import LATENCIES, METRICS
from telemetry.report.terminal import warnings
from tests.telemetry.report.conftest import START_MS, Book

GROUPINGS = (
    "by_day",
    "by_language",
    "by_model",
    "by_arm",
    "by_draft_source",
    "by_exit_mode",
    "by_distribution",
    "by_kind",
    "by_lines",
)
FIGURE = {"value", "n", "low", "high", "censored_share", "inferred_share", "people"}


def acceptance(report, grouping):
    return {name: f["acceptance"].value for name, f in report.groups[grouping].items()}


def test_figures_by_group(book):
    book.session("ada")
    for day, lang, model, arm, taken in [
        (0, "python", "small", "a", True),
        (0, "rust", "small", "a", False),
        (1, "python", "large", "b", False),
        (1, "python", "small", "b", True),
    ]:
        book.opportunity(day=day, lang=lang, model=model, arm=arm, draft_source="live")
        book.suggestion(multiline=int(lang == "rust"))
        if taken:
            book.accept()
    report = book.report()
    assert acceptance(report, "by_day") == {"2022-01-08": 1 / 2, "2022-01-09": 1 / 2}
    assert acceptance(report, "by_language") == {"python": 2 / 3, "rust": 0.0}
    assert acceptance(report, "by_model") == {"small": 2 / 3, "large": 0.0}
    assert acceptance(report, "by_arm") == {"a": 1 / 2, "b": 1 / 2}
    assert acceptance(report, "by_draft_source") == {"live": 2 / 4}
    assert acceptance(report, "by_lines") == {"single": 2 / 3, "multi": 0.0}


def test_exit_modes_distributions_and_filtered_completions(book):
    for mode, distribution, finish, taken in [
        ("early", "early-exit", "stop", True),
        ("early", "early-exit", "low_confidence", False),
        ("none", "model", "stop", False),
    ]:
        book.opportunity(
            "filtered" if finish == "low_confidence" else "returned",
            exit_mode=mode,
            distribution=distribution,
            finish_reason=finish,
        )
        if finish == "stop":
            book.suggestion()
        if taken:
            book.accept()
    report = book.report()
    assert acceptance(report, "by_exit_mode") == {"early": 1.0, "none": 0.0}
    assert acceptance(report, "by_distribution") == {"early-exit": 1.0, "model": 0.0}
    assert report.finish_reasons["low_confidence"].value == 1 / 3


def test_next_edits_are_beside_ghost_text(book):
    for kind, taken in [("ghost text", False), ("next edit", True), ("next edit", True)]:
        book.opportunity(kind=kind)
        book.suggestion()
        if taken:
            book.accept()
    report = book.report()
    assert acceptance(report, "by_kind") == {"ghost text": 0.0, "next edit": 1.0}
    assert (report.overall["acceptance"].n, report.overall["acceptance"].value) == (1, 0.0)
    assert acceptance(report, "by_lines") == {"single": 0.0, "multi": None}
    assert list(report.groups["by_day"]) == ["2022-01-08"]


def test_a_file_from_before_commits_were_recorded_is_read_all_the_same(book):
    book.taken()
    book.report()
    with closing(sqlite3.connect(book.path)) as connection:
        connection.execute("DROP VIEW commit_attr_named")
        connection.execute("DROP TABLE commit_attr")
    report = build(book.path)
    assert report.skipped == {}
    assert report.overall["acceptance"].value == 1.0
    assert report.overall["commit_share"].value is None


def test_suggestions_from_before_display_sessions_are_read_as_they_were_and_said(book):
    book.taken()
    book.opportunity()
    book.suggestion(typed_len=None)
    report = book.report()
    assert report.overall["acceptance"].value == 1 / 2
    assert report.split_displays == 1
    assert "1 suggestions are from before display sessions" in warnings(report)[0]


def test_a_file_without_typed_lengths_is_from_before_display_sessions(book):
    book.taken()
    book.report()
    with closing(sqlite3.connect(book.path)) as connection:
        connection.execute("DROP VIEW suggestion_named")
        connection.execute("ALTER TABLE suggestion DROP COLUMN typed_len")
    assert build(book.path).split_displays == 1


def test_callers_that_never_report_are_left_out_of_acceptance_and_counted(book):
    book.taken()
    script = book.session("script")
    for _ in range(3):
        book.opportunity(session=script)
        book.suggestion(source="inferred", hidden="superseded")
    report = book.report()
    assert (report.overall["acceptance"].value, report.overall["acceptance"].n) == (1.0, 1)
    assert report.silent == 3
    assert "3 suggestions went to callers that never report" in warnings(report)[0]


def test_an_editor_whose_edits_arrive_needs_not_report(book):
    editor = book.session("ada")
    book.opportunity()
    book.suggestion(source="inferred")
    book.edits(editor, typed=5)
    report = book.report()
    assert (report.overall["acceptance"].value, report.silent) == (0.0, 0)


def test_requests_that_continue_a_text_are_no_opportunities_of_their_own(book):
    book.taken()
    book.opportunity("continued", total_ms=1.0)
    figures = book.report().overall
    assert [figures[name].value for name in ("shown_rate", "display_rate")] == [1.0, 1.0]
    assert figures["latency_p50_ms"].n == 1


def test_if_no_file_can_be_read_there_is_no_report(book):
    book.taken()
    book.report()
    with closing(sqlite3.connect(book.path)) as connection:
        newer = "INSERT INTO _sqlite_migrations (migration_set, name, applied_at)"
        connection.execute(f"{newer} VALUES ('telemetry', '9999_later', '')")
        connection.commit()
    with pytest.raises(ValueError, match=r"No telemetry database can be read.*newer version"):
        build(book.path)


def test_acceptance_by_latency(book):
    for total_ms, taken in ((10.0, True), (49.9, False), (50.0, False), (1_500.0, True)):
        book.opportunity(total_ms=total_ms)
        book.suggestion()
        if taken:
            book.accept()
    book.opportunity()
    book.suggestion()
    assert acceptance(book.report(), "by_latency") == {
        "under 50 ms": 1 / 2,
        "50 to 100 ms": 0,
        "over 1,000 ms": 1,
    }


def test_what_has_no_name_is_unknown(book):
    book.opportunity()
    assert list(book.report().groups["by_language"]) == ["unknown"]


def test_checks_belong_to_the_group_of_the_suggestion(book):
    for lang, state in [("python", "ok"), ("rust", "removed")]:
        book.opportunity(lang=lang)
        book.suggestion()
        book.accept()
        book.check(30, state, lev=0 if state == "ok" else 10)
    by_language = book.report().groups["by_language"]
    assert by_language["python"]["unchanged_30"].value == 1.0
    assert by_language["rust"]["unchanged_30"].value == 0.0


def test_edits_belong_to_the_arm_that_all_of_a_session_is_in(book):
    steady = book.session("ada")
    book.opportunity(session=steady, arm="a")
    book.opportunity(session=steady, arm="a")
    mixed = book.session("bob")
    book.opportunity(session=mixed, arm="a")
    book.opportunity(session=mixed, arm="b")
    book.edits(steady, day=3, lang="python", ai_inline=10, typed=30)
    book.edits(mixed, ai_inline=60)
    report = book.report()
    assert report.groups["by_arm"]["a"]["google"].value == 10 / 40
    assert report.groups["by_arm"]["b"]["google"].value is None
    assert report.groups["by_day"]["2022-01-11"]["google"].value == 10 / 40
    assert report.groups["by_language"]["python"]["google"].value == 10 / 40
    assert report.overall["google"].value == 70 / 100


def test_finish_reasons_are_shares_of_what_was_requested(book):
    for reason in ("stop", "stop", "length"):
        book.opportunity(finish_reason=reason)
    book.opportunity("not_requested")
    reasons = book.report().finish_reasons
    assert {name: figure.value for name, figure in reasons.items()} == {
        "stop": 2 / 3,
        "length": 1 / 3,
    }


def test_json_has_every_figure_everywhere(book):
    book.taken()
    book.checked_everywhere()
    data = json.loads(json.dumps(to_json(book.report())))
    names = {metric.name for metric in METRICS}
    assert set(data["overall"]) == names | set(LATENCIES)
    for grouping in GROUPINGS:
        for figures in data[grouping].values():
            assert set(figures) >= names
            assert all(set(figure) == FIGURE for figure in figures.values())


def test_lost_events_are_told(book):
    book.store.count_lost("queue_full", 3)
    assert book.report().gaps == {"queue_full": 3}


def test_a_folder_is_read_as_one_and_users_are_the_same_across_files(tmp_path):
    for number, user in enumerate(("ada", "bob", "ada")):
        book = Book(tmp_path / f"{number}.sqlite3")
        book.session(user)
        for _ in range(number):  # ids and labels differ from file to file
            book.opportunity(lang=f"language {number}")
        book.taken()
        book.store.close()
    report = build(tmp_path, now_ms=START_MS)
    assert (report.files, report.users) == (3, 2)
    assert (report.overall["acceptance"].value, report.overall["acceptance"].n) == (1.0, 3)
    assert report.overall["shown_rate"].n == 3 + 0 + 1 + 2
    assert set(report.groups["by_language"]) == {"unknown", "language 1", "language 2"}


def test_a_damaged_file_is_named_and_the_others_are_read(book):
    book.taken()
    assert book.store.flush()
    folder = book.path.parent
    (folder / "strangers.sqlite3").write_bytes(b"\xff" * 5_000)
    headless = folder / "2026-01-02-999999999-0123abcd.sqlite3"
    headless.write_bytes(b"\xff" * 5_000)
    broken = folder / "broken.sqlite3"
    broken.write_bytes(book.path.read_bytes()[:100] + b"\xff" * 5_000)
    report = build(folder, now_ms=START_MS)
    assert report.overall["acceptance"].n == 1
    assert report.skipped.keys() == {headless.name, broken.name}
    assert "header" in report.skipped[headless.name]


def test_a_file_that_is_being_written_is_read_as_it_is(book):
    book.taken()
    assert book.report().overall["acceptance"].n == 1
    book.taken()
    assert book.report().overall["acceptance"].n == 2


def test_rows_whose_request_is_gone_count_nowhere(book):
    book.taken()
    book.suggestion()
    book.store.put()
    assert book.store.flush()
    from telemetry.store import changing

    with changing(book.path) as connection:
        connection.execute("DELETE FROM opportunity")
    assert book.report().overall["acceptance"].value is None


def test_without_a_database_the_error_says_what_to_do(tmp_path):
    with pytest.raises(FileNotFoundError, match="no telemetry database"):
        build(Path(tmp_path))

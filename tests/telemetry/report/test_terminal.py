"""The report on a terminal: what it says, and that data cannot style it."""

import io

from rich.console import Console

from telemetry.report import render_terminal
from telemetry.report.metrics import number_in, value
from telemetry.report.statistics import interval, share


def rendered(report, width=140):
    output = io.StringIO()
    render_terminal(report, Console(file=output, width=width, force_terminal=False))
    return output.getvalue()


def test_the_headline_persistence_and_n_are_shown(book):
    for state in ("ok", "ok", "removed", "censored_restart"):
        book.taken()
        book.check(30, state, lev=10 if state == "removed" else 0)
    text = rendered(book.report())
    assert "Acceptance, shown ≥ 750 ms (CodeCompose)" in text
    assert "100.0 %" in text or "100 %" in text
    assert "66.7 %" in text  # unchanged at 30 s: two of three that could be seen
    assert "25.0 %" in text  # the fourth is censored


def test_days_are_readable_on_a_narrow_terminal(book):
    for day in (0, 1):
        book.opportunity(day=day)
        book.suggestion()
    assert "2022-01-08" in rendered(book.report(), width=80)


def test_an_empty_database_is_no_error(book):
    book.session()
    assert "–" in rendered(book.report())


def test_what_is_missing_is_said(book):
    book.taken()
    book.check(30, actual_s=99)
    book.store.count_lost("disk_full", 7)
    text = rendered(book.report())
    assert "7 disk_full" in text
    assert "1 checks of persistence came too late" in text


def test_the_first_line_is_what_others_print(book):
    book.taken()
    book.opportunity()
    book.suggestion()
    book.edits(typed=100, ai_inline=10)
    text = " ".join(rendered(book.report()).split())
    assert (
        "50.0 % of 2 suggestions shown for 750 ms or more were accepted; 10.0 % as much was "
        "accepted as was typed, by 1 people in 1 days." in text
    )


def test_people_are_there_without_names_unless_asked(book):
    book.taken()
    assert "Active on the busiest day" in rendered(book.report())
    assert "ada" not in rendered(book.report())
    assert "Ada Lovelace" in rendered(book.report(names={"ada": "Ada Lovelace"}))


def test_names_in_the_data_are_not_markup(book):
    for name in ("[red]model[/red]", "plain"):
        book.opportunity(model=name)
        book.suggestion()
    assert "[red]model[/red]" in rendered(book.report())


def test_arms_are_compared(book):
    for arm in ("a", "b"):
        for user in range(3):
            book.session(f"{arm}{user}")
            book.opportunity(arm=arm)
            book.suggestion()
    text = rendered(book.report(compare_arms=("a", "b")))
    assert "b (3 users) against a (3 users)" in text


def test_numbers_read_the_same_everywhere(book):
    book.taken()
    figure = book.figures()["acceptance"]
    assert value("acceptance", 0.1234) == "12.3 %"
    assert value("acceptance", None) == "–"
    assert interval("acceptance", figure) == "< 10 people"
    assert number_in("ms", 9.25) == "9.2 ms"
    assert number_in("ms", 1_234.5) == "1,234 ms"
    assert number_in("ratio", 6.789) == "6.79"
    assert share(0.0) == ""

"""Every formula, on rows few enough to work the figures out by hand."""

import pytest

from telemetry.report.metrics import METRICS
from telemetry.survival import WINDOWS_S


def value(book, name, **more):
    return book.figures(**more)[name].value


@pytest.fixture
def five(book):
    """Five opportunities, four requested, three returned, three suggestions shown:

    | length | shown for | taken            |
    |--------|-----------|------------------|
    | 10     | 1,000 ms  | all 10           |
    | 20     | 500 ms    | all 20           |
    | 40     | 2,000 ms  | a word of 5      |
    and one of 30 that was shown for 300 ms, hidden by Esc, and one of 50 never shown.
    """
    book.opportunity("not_requested")
    book.opportunity("cancelled")
    book.opportunity()
    book.suggestion(10, shown_for=1_000, hidden="accepted")
    book.accept(10)
    book.suggestion(30, shown_for=300, hidden="esc")
    book.opportunity()
    book.suggestion(20, shown_for=500, hidden="accepted")
    book.accept(20, source="inferred")
    book.opportunity()
    book.suggestion(40, shown_for=2_000, hidden="partial", source="inferred")
    book.accept(5, kind="word")
    book.suggestion(50, shown=False)
    return book


@pytest.mark.parametrize(
    ("name", "expected", "n"),
    [
        ("acceptance", 2 / 4, 4),  # full / shown: the first and the third of four
        # read: shown for 750 ms (10, 40) or accepted (10, 20, 40), so three
        ("car", 2 / 3, 3),
        ("codecompose", 1 / 2, 2),  # of the two shown for 750 ms, the first was taken whole
        ("wcar", (10 + 20 + 5) / (10 + 20 + 40), 3),  # accepted length / length, over the read
        ("shown_rate", 4 / 5, 5),
        ("display_rate", 4 / 4, 4),  # one of the five was not requested
        ("cpo", 35 / 5, 5),
        ("explicit_cancel_rate", 1 / 4, 4),
    ],
)
def test_acceptance(five, name, expected, n):
    figure = five.figures()[name]
    assert (figure.value, figure.n) == (pytest.approx(expected, rel=1e-12), n)


def test_the_share_of_inferred_events(five):
    # of four shown and two accepted whole, one of each was inferred
    assert five.figures()["acceptance"].inferred_share == 2 / 6


@pytest.fixture
def checked(book):
    """Four acceptances of 10 units, checked at 30 s:

    | state   | length | lev | d    | lexemes    | arc | net |
    |---------|--------|-----|------|------------|-----|-----|
    | ok      | 10     | 0   | 0    | 0 of 2     | 10  | 10  |
    | ok      | 8      | 3   | 0.3  | 1 of 2     | 7   | 8   |
    | ok      | 20     | 10  | 0.5  | 2 of 3     | 10  | 10  |
    | removed | 0      | 10  | 1    | 2 of 2     | 0   | 10  |
    """
    book.taken(10)
    book.check(30)
    book.taken(10, net=8)
    book.check(30, cur=8, lev=3, lex=(1, 2), arc=7)
    book.taken(10)
    book.check(30, cur=20, lev=10, lex=(2, 3), arc=10)
    book.taken(10)
    book.check(30, "removed", cur=0, lev=10, lex=(2, 2), arc=0)
    return book


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("unchanged_30", 1 / 4),
        ("mostly_unchanged_30", 2 / 4),
        ("cpr_30", 2 / 4),
        ("still_in_code_30", 2 / 4),  # one of two lexemes is still half
        ("arc_ratio_30", (10 + 7 + 10 + 0) / (10 + 8 + 10 + 10)),
    ],
)
def test_persistence(checked, name, expected):
    figure = checked.figures()[name]
    assert figure.value == pytest.approx(expected, rel=1e-12)
    assert figure.n == 4


@pytest.mark.parametrize(
    ("lev", "length", "mostly", "kept"),
    [(32, 100, 1.0, 1.0), (33, 100, 0.0, 1.0), (34, 100, 0.0, 0.0)],
)
def test_a_third_is_where_mostly_unchanged_and_retained_part(book, lev, length, mostly, kept):
    book.taken(length)
    book.check(30, init=length, cur=length, lev=lev)
    figures = book.figures()
    assert figures["mostly_unchanged_30"].value == mostly  # d < 0.33
    assert figures["cpr_30"].value == kept  # d <= 0.33


@pytest.mark.parametrize("window_s", WINDOWS_S)
def test_every_window_is_reported(book, window_s):
    book.taken()
    book.check(window_s)
    assert value(book, f"unchanged_{window_s}") == 1.0


def test_text_not_found_counts_as_gone_and_a_closed_file_as_there(book):
    book.taken()
    book.check(30, "not_found", cur=0, lev=10, lex=(2, 2), arc=0)
    book.taken()
    book.check(30, "doc_closed_disk")
    assert value(book, "unchanged_30") == 1 / 2


def test_censored_checks_are_no_observations_and_their_share_is_told(book):
    for state in ("ok", "ok", "removed", "censored_restart"):
        book.taken()
        book.check(30, state)
    figure = book.figures()["unchanged_30"]
    assert (figure.n, figure.censored_share) == (3, 1 / 4)


def test_checks_that_were_never_made_are_censored_once_they_are_due(book):
    book.taken()
    book.check(0)
    start_ms = 19_000 * 86_400_000
    not_due = book.figures(now_ms=start_ms + 30_000)["unchanged_30"]
    due = book.figures(now_ms=start_ms + 60_000)["unchanged_30"]
    assert (not_due.n, not_due.censored_share) == (0, 0.0)
    assert (due.n, due.censored_share) == (0, 1.0)
    assert book.figures(now_ms=start_ms + 60_000)["unchanged_0"].censored_share == 0.0


@pytest.mark.parametrize(
    ("window_s", "actual_s", "counts"),
    [(300, 330, True), (300, 331, False), (0, 1.0, True), (0, 1.2, False)],
)
def test_checks_later_than_a_tenth_of_their_window_are_left_out(book, window_s, actual_s, counts):
    book.taken()
    book.check(window_s, actual_s=actual_s)
    assert book.figures()[f"unchanged_{window_s}"].n == int(counts)
    assert book.report().late_checks == int(not counts)
    assert book.figures(include_late=True)[f"unchanged_{window_s}"].n == 1


@pytest.fixture
def written(book):
    """What was written: 30 units accepted, 10 from a chat, 20 completed by the editor, 50 typed,
    10 closed by the editor; pasted, undone, formatted and bulk text belongs to nobody."""
    book.opportunity()
    book.edits(ai_inline=30, ai_chat=10, ide_complete=20, typed=50, auto_close=10)
    book.edits(paste=999, undo=999, redo=999, format=999, multi_cursor=999, bulk_external=999)
    return book


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("google", 30 / (30 + 50)),
        ("saved", 30 / 50),
        ("pcw", (30 + 10) / (30 + 10 + 50 + 10)),
        ("rocc", (30 + 20) / (30 + 20 + 50 + 10)),
    ],
)
def test_authorship(written, name, expected):
    assert value(written, name) == pytest.approx(expected, rel=1e-12)


def test_speculation(book):
    # 12 + 6 tokens in 4 + 2 steps; 10 + 10 tokens drafted, 8 + 3 accepted; 30 of 100 reused
    book.opportunity(
        gen_tok=12, steps=4, drafted_tok=10, draft_ok_tok=8, prompt_tok=60, reused_tok=30
    )
    book.opportunity(gen_tok=6, steps=2, drafted_tok=10, draft_ok_tok=3, prompt_tok=40)
    figures = book.figures()
    assert figures["tokens_per_step"].value == 18 / 6
    assert figures["draft_acceptance"].value == 11 / 20
    assert figures["prompt_reuse"].value == 30 / 100


def test_an_answer_without_a_prompt_needed_no_model(book):
    book.opportunity(prompt_tok=60)
    book.opportunity()
    book.opportunity("cancelled")
    figure = book.figures()["answered_without_model"]
    assert (figure.value, figure.n) == (1 / 2, 2)


def test_commits(book):
    # 30 + 50 of 100 + 100 characters; the third commit began before anyone watched
    book.session()
    book.commit(1, added=100, ai=30)
    book.commit(2, added=100, ai=50)
    book.commit(3, added=999, ai=1, whole=0)
    figure = book.figures()["commit_share"]
    assert (figure.value, figure.n) == ((30 + 50) / 200, 2)
    assert figure.censored_share == pytest.approx(1 / 3)


def test_a_commit_that_two_processes_saw_counts_once_with_what_both_know(book):
    # 10 + 20 of 100; then 60 + 60, which cannot be more than all of it
    book.session()
    for ai, other in ((10, 20), (60, 60)):
        book.commit(ai, added=100, ai=ai, whole=0)
        book.commit(ai, added=100, ai=other)
    figure = book.figures()["commit_share"]
    assert (figure.value, figure.n) == ((30 + 100) / 200, 2)


def test_predicted_acceptance(book):
    # 0.5 and accepted, 0.2 and not; what was not shown or not predicted is left out
    for p_accept, shown, taken in [(0.5, True, True), (0.2, True, False), (0.9, False, False)]:
        book.opportunity(p_accept=p_accept)
        book.suggestion(shown=shown)
        if taken:
            book.accept()
    book.taken()
    figures = book.figures()
    assert figures["p_accept_mean"].value == pytest.approx((0.5 + 0.2) / 2)
    assert figures["p_accept_observed"].value == 1 / 2
    assert figures["p_accept_brier"].value == pytest.approx((0.5**2 + 0.2**2) / 2)
    assert figures["p_accept_mean"].n == 2


def test_latency_percentiles_are_those_of_answered_requests(book):
    for milliseconds in range(1, 102):
        book.opportunity(total_ms=float(milliseconds))
    book.opportunity("cancelled", total_ms=5_000.0)
    figures = book.figures()
    assert figures["latency_p50_ms"].value == 51.0
    assert figures["latency_p90_ms"].value == 91.0
    assert figures["latency_p99_ms"].value == 100.0
    assert figures["latency_p50_ms"].n == 101


def test_without_observations_there_is_no_value(book):
    book.session()
    figures = book.figures()
    assert all(figures[metric.name].value is None for metric in METRICS)


def test_several_lines_by_displays_and_by_characters(book):
    for multiline, length in ((0, 10), (0, 10), (1, 40)):
        book.opportunity()
        book.suggestion(length, multiline=multiline)
        book.accept(length)
    book.opportunity()
    book.suggestion(40, multiline=1)
    figures = book.figures()
    assert figures["multi_shown"].value == 2 / 4
    assert figures["multi_accepted"].value == 40 / 60


def test_undone(book):
    book.taken()
    book.taken(undone_ms=2_000)
    assert (book.figures()["undone"].value, book.figures()["undone"].n) == (1 / 2, 2)


def test_esc_counts_only_where_a_client_has_ever_told_one(book):
    book.session(client="tells")
    book.opportunity()
    book.suggestion(hidden="esc")
    book.session("bob", client="tells")
    book.opportunity()
    book.suggestion(hidden="typed_over")
    book.session("carol", client="language server")
    for _ in range(5):
        book.opportunity()
        book.suggestion(hidden="typed_over")
    figure = book.figures()["explicit_cancel_rate"]
    assert (figure.value, figure.n) == (1 / 2, 2)


def test_without_any_esc_told_there_is_no_rate(book):
    book.taken()
    assert book.figures()["explicit_cancel_rate"].value is None

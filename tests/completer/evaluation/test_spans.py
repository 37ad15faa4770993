"""Where carets fall and what they select."""

import inspect
from collections import Counter
from pathlib import Path

import pytest

from completer.evaluation import parsed_file as some_module
from completer.evaluation import statistics as another_module
from completer.evaluation.kinds import Kind
from completer.evaluation.parsed_file import ParsedFile
from completer.evaluation.spans import FEWEST_VISIBLE, MOST_LINES, draw_spans

MODULES = (some_module, another_module)


@pytest.fixture(scope="module")
def sources() -> list[ParsedFile]:
    return [
        ParsedFile(Path(f"{module.__name__}.py"), "python", inspect.getsource(module))
        for module in MODULES
    ]


@pytest.mark.parametrize("kind", list(Kind))
def test_spans_are_different_and_have_something_to_say(kind, sources):
    spans = draw_spans(sources, kind, 40, seed=1)

    assert len(set(spans)) == len(spans) == 40
    for span in spans:
        assert span.prefix + span.truth + span.suffix == span.source.text
        assert sum(not c.isspace() for c in span.truth) >= FEWEST_VISIBLE
        assert span.source.is_code[span.start : span.end].any()
        assert span.prefix


def test_the_seed_decides(sources):
    assert draw_spans(sources, Kind.LINES, 20, 1) == draw_spans(sources, Kind.LINES, 20, 1)
    assert draw_spans(sources, Kind.LINES, 20, 1) != draw_spans(sources, Kind.LINES, 20, 2)


def test_rest_of_line_begins_in_code_and_ends_with_the_line(sources):
    for span in draw_spans(sources, Kind.REST_OF_LINE, 60, 0):
        assert span.source.is_code[span.start]
        assert "\n" not in span.truth
        assert span.suffix.startswith("\n")


def test_whole_line_leaves_its_indentation(sources):
    for span in draw_spans(sources, Kind.WHOLE_LINE, 40, 0):
        assert not span.prefix.rpartition("\n")[2].strip()
        assert not span.truth[0].isspace()
        assert "\n" not in span.truth


def test_lines_are_two_to_six_and_all_of_code(sources):
    spans = draw_spans(sources, Kind.LINES, 60, 0)

    counts = Counter(span.truth.count("\n") + 1 for span in spans)
    assert set(counts) == set(range(2, MOST_LINES + 1))
    for span in spans:
        assert all(line.strip() for line in span.truth.split("\n"))
        assert not span.prefix.rpartition("\n")[2].strip()


def test_syntax_nodes_are_whole_nodes(sources):
    spans = draw_spans(sources, Kind.SYNTAX_NODE, 60, 0)

    assert len({span.truth.count("\n") for span in spans}) > 1
    for span in spans:
        assert (span.start, span.end) in set(span.source.nodes_at(span.start))


def test_carets_are_uniform_over_code_characters():
    lines = [f"{'a' * 10}_{number:02} = {'b' * 20}" for number in range(10)]
    text = "start = True\n" + "\n".join(lines) + "\n# " + "c" * 5000
    spans = draw_spans([ParsedFile(Path("f.py"), "python", text)], Kind.REST_OF_LINE, 250, 3)

    lengths = [len(span.truth) for span in spans]
    offsets = Counter(length // 9 for length in lengths)  # of 36 characters, those from 5 on
    assert all("c" not in span.truth for span in spans)
    assert set(offsets) == {0, 1, 2, 3, 4}
    assert max(offsets[1], offsets[2], offsets[3]) < 1.5 * min(offsets[1], offsets[2], offsets[3])


def test_a_file_counts_by_its_code():
    short = ParsedFile(Path("short.py"), "python", "x = 0\n" + "value = 123456\n" * 10)
    long = ParsedFile(Path("long.py"), "python", "x = 0\n" + "value = 123456\n" * 90)
    spans = draw_spans([short, long], Kind.REST_OF_LINE, 300, 0)

    from_long = sum(span.source is long for span in spans)
    assert 240 < from_long < 300


def test_where_there_is_too_little_there_are_fewer():
    only = ParsedFile(Path("f.py"), "python", "a = 1\nname = value\n# nothing\n")

    assert [span.truth for span in draw_spans([only], Kind.WHOLE_LINE, 5, 0)] == ["name = value"]
    assert draw_spans([], Kind.WHOLE_LINE, 5, 0) == []


def test_kinds_are_drawn_independently(sources):
    alone = draw_spans(sources, Kind.WHOLE_LINE, 10, 5)
    draw_spans(sources, Kind.LINES, 10, 5)

    assert draw_spans(sources, Kind.WHOLE_LINE, 10, 5) == alone

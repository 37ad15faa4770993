"""Files are held out and carets drawn by seed; what is typed is what the file has there."""

import pytest

from benchmarks.spans import one_line_spans, split, whole_line_spans, with_unseen_names
from completer.errors import BadRequestError


@pytest.fixture
def corpus(tmp_path):
    for name in "abcdefgh":
        lines = [f"    result_{name}_{i} = compute(value_{i}, {i})\n" for i in range(60)]
        (tmp_path / f"{name}.py").write_text(f"def {name}():\n" + "".join(lines))
    (tmp_path / "short.py").write_text("x = 1\n")
    return tmp_path


def test_held_out_files_are_not_indexed(corpus):
    parts = split(corpus, held_out=3, seed=1)

    assert len(parts.held_out) == 3
    assert len(parts.indexed) == 6
    assert not set(parts.held_out.values()) & set(parts.indexed)
    names = {file.path for file in parts.workspace(corpus).iter_files()}
    assert not names & set(parts.held_out)
    assert len(names) == 6


def test_the_same_seed_holds_out_the_same_files(corpus):
    assert split(corpus, held_out=3, seed=1) == split(corpus, held_out=3, seed=1)


def test_too_small_a_corpus_is_refused(corpus):
    with pytest.raises(BadRequestError, match="8 python files"):
        split(corpus, held_out=5, seed=0)


def test_one_line_spans_are_real_places(corpus):
    files = split(corpus, held_out=2, seed=0).held_out
    spans = one_line_spans(files, 30, seed=0)

    assert len(spans) == 30
    for span in spans:
        assert span.prefix + span.middle + span.suffix == files[span.path]
        assert len(span.middle) >= 5
        assert "\n" not in span.middle
        assert span.suffix.startswith("\n")


def test_whole_lines_begin_at_their_indentation(corpus):
    for span in whole_line_spans(split(corpus, held_out=2, seed=0).held_out, 5, seed=0):
        assert not span.prefix.rpartition("\n")[2].strip()
        assert span.middle == span.middle.strip()


def test_unseen_names_keep_the_shape_and_nothing_else(corpus):
    files = split(corpus, held_out=1, seed=0).held_out
    (text,) = with_unseen_names(files, seed=0).values()
    (before,) = files.values()

    assert len(text) == len(before)
    assert "compute" not in text
    assert text.count("def ") == before.count("def ")

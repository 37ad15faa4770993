"""Held-out files and their copies are read by nobody, and the seed alone decides which."""

from pathlib import Path

import pytest

from completer.context.workspace import Workspace
from completer.errors import BadRequestError, WorkspaceError
from completer.evaluation.holdout import Sample, draw_sample
from completer.evaluation.kinds import Kind

ODD_NAMES = ("a b.py", "[x].py", "star*.py", "!not.py", "#hash.py", "back\\slash.py", "end .py")


def code(name: str, functions: int = 20) -> str:
    return "\n\n".join(
        f"def {name}_{number}(argument):\n    result = {name}.call_{number}(argument)\n"
        f"    return result or {name!r}"
        for number in range(functions)
    )


def write(root: Path, name: str, text: str) -> Path:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    for number in range(12):
        write(tmp_path, f"package/part_{number}.py", code(f"part{number}"))
    write(tmp_path, "README.md", "# A package\n")
    write(tmp_path, "package/tiny.py", "x = 1\n")
    return tmp_path


def names(sample: Sample) -> set[str]:
    return {span.source.path.name for span in sample.spans}


def readable(sample: Sample) -> set[str]:
    files = Workspace(sample.root, options=sample.options).iter_files()
    return {file.path.name for file in files}


def test_spans_are_from_files_that_are_not_read(repository):
    sample = draw_sample(repository, dict.fromkeys(Kind, 20), seed=0)

    assert len(sample.spans) == 100
    assert len(names(sample)) == 3  # a quarter
    assert not names(sample) & readable(sample)
    assert len(readable(sample)) == 14 - 3


def test_the_seed_alone_decides(repository):
    first = draw_sample(repository, dict.fromkeys([Kind.LINES], 20), seed=3)
    again = draw_sample(repository, dict.fromkeys([Kind.LINES, Kind.WHOLE_LINE], 20), seed=3)
    other = draw_sample(repository, dict.fromkeys([Kind.LINES], 20), seed=4)

    def places(sample: Sample) -> list[tuple[Path, int, int]]:
        return [(span.source.path, span.start, span.end) for span in sample.spans]

    assert places(first) == places(again)[:20]
    assert places(first) != places(other)


def test_copies_are_held_out_too(repository):
    for number in range(12):
        text = code(f"part{number}")
        write(repository, f"vendored/other_{number}.py", text.replace("or", "and"))
        write(repository, f"notes/{number}.md", text)
    sample = draw_sample(repository, dict.fromkeys([Kind.LINES], 10), seed=0)

    drawn = {name.partition("_")[2].removesuffix(".py") for name in names(sample)}
    left = readable(sample)
    assert not left & {f"other_{number}.py" for number in drawn}
    assert not left & {f"part_{number}.py" for number in drawn}
    assert not left & {f"{number}.md" for number in drawn}
    assert len(left) > 14


@pytest.mark.parametrize("name", ODD_NAMES)
def test_names_that_look_like_patterns_are_held_out_alone(name, tmp_path):
    write(tmp_path, f"odd/{name}", code("odd"))
    for other in ("odd/x.py", "odd/starling.py", "not.py", "other/a b.py", "odd/slash.py"):
        write(tmp_path, other, f"value_of_{Path(other).stem.replace(' ', '_')} = 1\n")
    sample = draw_sample(tmp_path, dict.fromkeys([Kind.LINES], 5), seed=0)

    assert names(sample) == {name}
    assert len(readable(sample)) == 5


def test_a_folder_without_code_is_told(tmp_path):
    write(tmp_path, "notes.md", "words " * 1000)
    with pytest.raises(BadRequestError, match="has no file of at least 1,000 bytes"):
        draw_sample(tmp_path, dict.fromkeys([Kind.LINES], 5), seed=0)


def test_a_folder_that_is_not_there_is_told(tmp_path):
    with pytest.raises(WorkspaceError):
        draw_sample(tmp_path / "gone", dict.fromkeys([Kind.LINES], 5), seed=0)

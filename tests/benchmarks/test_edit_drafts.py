"""Regions, their edits, and what is drafted of them."""

import random
from pathlib import Path

import pytest

from benchmarks.command import Given
from benchmarks.edit_drafts import CONTESTANTS, run, table
from benchmarks.edit_regions import LINES, diverging, edited_regions, revised_regions
from benchmarks.releases import OLD, fetch_releases, revised_files

TEXT = "".join(f'def name_{n}(value):\n    return call("text", value, {n})\n' for n in range(40))


def released(folder: Path) -> Path:
    """Two releases of all listed packages, of which the first has a file that was changed."""
    names = [line.partition("==")[0] for line in OLD.read_text("utf-8").splitlines()]
    packages = [name for name in names if not name.startswith("#")]
    for release, text in (("old", TEXT), ("new", TEXT.replace("name_20", "renamed"))):
        for package in packages:
            (folder / release / package).mkdir(parents=True)
        (folder / release / packages[0] / "a.py").write_text(text)
        (folder / release / packages[0] / "same.py").write_text(TEXT)
    return folder


def test_edits_of_three_kinds_are_made():
    regions = list(edited_regions({"a.py": TEXT}, 6, random.Random(0)))
    assert [each.kind for each in regions] == ["rename", "argument", "literal"] * 2
    for each in regions:
        assert each.old != each.new
        assert f"{each.before}{each.old}" in TEXT
        assert each.old.count("\n") == each.new.count("\n") == LINES


def test_what_two_releases_differ_in_is_a_region(tmp_path):
    files = list(revised_files(tmp_path, fetch_releases(released(tmp_path))))
    assert [file.name for file in files] == ["a.py"]
    [region] = revised_regions(files, 3, random.Random(0))
    assert region.old.replace("name_20", "renamed") == region.new != region.old


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_a_share_of_lines_diverges(share):
    lines = TEXT.splitlines(keepends=True)
    written = diverging(TEXT, share, ["other line\n"], random.Random(0)).splitlines(keepends=True)
    same = len([line for line in lines if line in written]) / len(lines)
    assert same == pytest.approx(1 - share, abs=0.4 * share)


@pytest.mark.slow
def test_all_contestants_write_what_is_dictated(tmp_path):
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    for n in range(5):
        (corpus / f"file_{n}.py").write_text(TEXT)
    releases = released(tmp_path / "releases")
    result = run(Given(corpus=corpus, held_out=2), regions=4, releases=releases)
    of_all = {row["drafts"]: row for row in result["cases"] if row["edit"] == "all"}
    assert set(of_all) == set(CONTESTANTS)
    first = [row for row in result["cases"] if (row["model"], row["edit"]) == ("truth", "all")]
    steps = {row["drafts"]: row["tokens_per_step"] for row in first}
    assert steps["none"] == 1 < steps["prompt lookup"]
    assert steps["old text"] > 4
    assert table(result).row_count == len(result["cases"])

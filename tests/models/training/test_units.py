"""What helps with a region: found in other files, the most telling first."""

from pathlib import Path

import pytest
from tokenizers import Tokenizer

from models.training.shards import Document, Shard, write_shard
from models.training.unit_table import UnitTable, read_text, write_units
from models.training.units import REGION, PackageUnits, Text, Unit

SHAPES = b'''class Shape:
    """Something with an area."""

    def area_of_shape(self, scale):
        return scale


def perimeter(
    shape, precision=2
):
    """More than

    one line."""
    return 4


LARGEST_SHAPE = 99
'''
USER = b"from shapes import Shape\n\nwhole = Shape().area_of_shape(3) + perimeter(1)\n"
OTHER = b"import os\n\nfolder = os.getcwd()\n"


def package(*contents: bytes, language: str = "python") -> PackageUnits:
    return PackageUnits({i: Text(content, language) for i, content in enumerate(contents)})


def shown(contents: list[bytes], units: list[Unit]) -> list[str]:
    return [contents[unit.document][unit.start : unit.end].decode() for unit in units]


def test_definitions_that_a_region_names_are_found_by_their_heads():
    contents = [SHAPES, USER, OTHER]
    (units,) = package(*contents).of(1)
    heads = shown(contents, units.definitions)
    assert set(heads) == {
        'class Shape:\n    """Something with an area."""',
        "    def area_of_shape(self, scale):",
        "def perimeter(\n    shape, precision=2\n):",
    }


def test_a_line_without_a_body_is_its_own_head():
    contents = [SHAPES, b"print(LARGEST_SHAPE)\n", OTHER]
    (units,) = package(*contents).of(1)
    assert shown(contents, units.definitions) == ["LARGEST_SHAPE = 99"]


def test_heads_in_other_languages_end_where_the_body_opens():
    contents = [b"func AreaOf(w int) int {\n\treturn w\n}\n", b"var x = AreaOf(3)\n"]
    (units,) = package(*contents, language="go").of(1)
    assert shown(contents, units.definitions) == ["func AreaOf(w int) int {"]


def test_what_a_file_defines_itself_is_not_looked_for_elsewhere():
    (units,) = package(SHAPES, USER + b"def perimeter(n): pass\n").of(1)
    assert not any(SHAPES[u.start : u.end].startswith(b"def perimeter") for u in units.definitions)


def test_pieces_share_rare_names_and_are_whole_lines():
    line = b"value = compute_everything(first_argument, second_argument)\n"
    contents = [b"# nothing here\n" * 200 + line + b"# nothing\n" * 200, line, OTHER, OTHER * 9]
    (units,) = package(*contents).of(1)
    assert line.decode() in shown(contents, units.pieces)[0]
    assert all(text.endswith("\n") for text in shown(contents, units.pieces))


def test_each_region_has_its_own_units():
    filler = b"number = 1\n" * (REGION // 8)
    long = b"perimeter(1)\n" + filler + b"LARGEST_SHAPE\n"
    regions = [shown([SHAPES, long], units.definitions) for units in package(SHAPES, long).of(1)]
    assert len(regions) == -(-len(long) // REGION)
    assert [head.split()[0] for head in (regions[0][0], regions[-1][0])] == ["def", "LARGEST_SHAPE"]


@pytest.mark.parametrize("few", [0, 10**9], ids=["in processes", "at once"])
def test_a_table_gives_back_what_was_found(
    few: int, tmp_path: Path, tokenizer: Tokenizer, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("models.training.unit_table.FEW_TOKENS", few)
    contents = {"shapes.py": SHAPES, "user.py": USER}
    documents = [
        Document(package, path, content.decode())
        for package in ("first", "second")
        for path, content in contents.items()
    ]
    write_shard(tmp_path, "train", documents, tokenizer)
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    write_units(tmp_path, "train")
    table, shard = UnitTable(tmp_path, "train"), Shard(tmp_path, "train")
    for document in (1, 3):
        found = table.at(document, 0.5).definitions
        assert {unit.document for unit in found} == {document - 1}
        assert read_text(shard, tokenizer, document - 1).content == SHAPES
        assert "def area_of_shape" in "".join(shown([SHAPES, b"", SHAPES], found))


def test_units_are_found_once(tmp_path: Path, tokenizer: Tokenizer):
    write_shard(tmp_path, "held_out", [], tokenizer)
    write_units(tmp_path, "held_out")
    (tmp_path / "held_out.bin").unlink()
    write_units(tmp_path, "held_out")

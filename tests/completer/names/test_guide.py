"""A guide: which names may stand where a text goes on, by the text alone."""

import numpy as np
import pytest

from completer.drafting.tree import DraftSource, DraftTree
from completer.names.evidence import NameEvidence, NameKind, Names, NameWeights
from completer.names.guide import WEIGHTS, NameGuide
from completer.names.vocabulary import NameTokens

PIECES = [chr(code) for code in range(128)]


def tokens_of(text: str) -> list[int]:
    return [ord(character) for character in text]


def names(kind: NameKind, *found: str) -> Names:
    return Names(kind, frozenset(found))


EVIDENCE = NameEvidence(
    members={
        "self": names(NameKind.SELF, "store", "stop"),
        "os.path": names(NameKind.MODULE, "join"),
    },
)
IMPORTS = NameEvidence(at_caret=names(NameKind.IMPORTABLE, "Path", "PurePath"))


def guide(
    line: str, evidence: NameEvidence = EVIDENCE, weights: NameWeights = WEIGHTS
) -> NameGuide:
    tokens = NameTokens(PIECES, tokens_of)
    return NameGuide(evidence, weights, tokens, line, "python")


def allowed(line: str, generated: str, evidence: NameEvidence = EVIDENCE) -> str | None:
    found = guide(line, evidence).narrowings(tokens_of(generated), DraftTree.empty())
    return "".join(PIECES[token] for token in np.flatnonzero(found[0].allowed)) if found else None


@pytest.mark.parametrize(
    ("line", "generated", "expected"),
    [
        ("x = self.", "", "s"),
        ("x = self.sto", "", "pr"),
        ("x = ", "self.", "s"),
        ("x = ", "self.stor", "e"),
        ("x = ", "os.path.", "j"),
    ],
)
def test_a_name_goes_on_as_one_of_those_known(line, generated, expected):
    assert allowed(line, generated) == expected


@pytest.mark.parametrize(
    ("line", "generated"),
    [
        ("x = other.", ""),
        ("x = ", "sel"),
        ("x = f().", ""),
        ("x = self.nothing_like_it", ""),
        ("x = '", "self."),
        ("# ", "self."),
        ("", "for self in things: self."),
        ("", "self = other; self."),
    ],
)
def test_where_nothing_is_known_everything_may_stand(line, generated):
    assert allowed(line, generated) is None


def test_a_whole_name_may_be_ended_but_not_gone_on_with():
    found = allowed("x = ", "self.store")

    assert "(" in found
    assert "s" not in found


@pytest.mark.parametrize("generated", ["", "Path, ", "Path, PurePath, "])
def test_every_name_of_an_import_is_one_of_the_modules(generated):
    found = allowed("from pathlib import ", generated, IMPORTS)

    assert {each for each in found if each.isalnum()} == {"P"}
    assert "\n" in found


@pytest.mark.parametrize(
    ("line", "generated"), [("from pathlib imp", "ort "), ("from pathlib ", "import ")]
)
def test_imported_names_behind_an_import_to_come(line, generated):
    found = allowed(line, generated, IMPORTS)

    assert {each for each in found if each.isalnum()} == {"P"}
    assert allowed(line, generated[:2], IMPORTS) is None


def test_what_follows_an_import_is_free():
    assert allowed("from pathlib import ", "Path as P", IMPORTS) is None


def test_each_node_of_a_draft_has_its_own_row():
    tree = DraftTree(
        np.array(tokens_of("s.x"), np.int32),
        np.array([-1, -1, 0], np.int32),
        np.ones(3, np.float32),
        np.zeros(3, np.int8),
    )
    found = guide("y = self").narrowings(tokens_of("."), tree)

    assert [each.row for each in found] == [0, 1]  # behind ".", ".s"; not "..", ".sx"


def test_an_attribute_that_may_be_bound_for_the_first_time_is_less_sure():
    (begins,) = guide("    self.").narrowings([], DraftTree.empty())
    (goes_on,) = guide("    x = self.").narrowings([], DraftTree.empty())

    assert (begins.weight, goes_on.weight) == (WEIGHTS[NameKind.OPEN], WEIGHTS[NameKind.SELF])


def test_a_kind_without_weight_is_left_alone():
    assert (
        guide("x = self.", weights={**WEIGHTS, NameKind.SELF: 0.0}).narrowings(
            [], DraftTree.empty()
        )
        == []
    )


def test_the_rest_of_the_only_name_is_drafted():
    tree = guide("os.path.").draft(tokens_of("j"), 8)

    assert tree.token_ids.tolist() == tokens_of("oin")
    assert set(tree.sources.tolist()) == {DraftSource.NAMES}
    assert len(guide("os.path.").draft([], 2)) == 2
    assert len(guide("x = self.").draft([], 8)) == 0  # two names begin so

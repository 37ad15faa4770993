"""How sure evidence of names is, measured on what really stands there."""

from completer.evaluation.naming import fit_name_weights, names_found
from completer.names.evidence import NameKind
from tests.completer.names.test_guide import guide


def test_each_true_name_whose_place_is_known_counts_once():
    found = list(names_found(guide("x = self.st"), "ore + self.other + os.path.join(y)"))

    assert found == [(NameKind.SELF, True), (NameKind.SELF, False), (NameKind.MODULE, True)]


def test_a_name_that_is_typed_already_does_not_count():
    assert list(names_found(guide("self.store = "), "1")) == []


def test_a_kinds_weight_is_the_share_of_true_names_that_were_known():
    found = [(NameKind.SELF, True)] * 90 + [(NameKind.SELF, False)] * 8
    found += [(NameKind.MODULE, True)] * 500 + [(NameKind.OPEN, True)] * 3

    assert fit_name_weights(found) == {NameKind.SELF: 0.91, NameKind.MODULE: 0.98}

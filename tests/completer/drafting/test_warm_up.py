"""After the warm-up, drafting compiles nothing more."""

import numpy as np

from completer.drafting import evidence, growing, matching, suffix_array, suffix_tree
from completer.drafting.drafter import Drafter
from completer.drafting.warm_up import is_warm, warm_up


def compiled() -> dict[str, int]:
    """How many versions of each kernel there are."""
    return {
        f"{module.__name__}.{name}": len(kernel.signatures)
        for module in (evidence, growing, matching, suffix_array, suffix_tree)
        for name, kernel in vars(module).items()
        if hasattr(kernel, "signatures")
    }


def test_a_real_session_compiles_nothing_after_the_warm_up():
    warm_up()
    assert is_warm()
    before = compiled()
    text = np.arange(1, 3000, dtype=np.int32) % 500
    drafter = Drafter(1024)
    drafter.update_file("a.py", text)
    drafter.corpus.merge()
    drafter.update_file("b.py", text[:700])
    drafter.open_document("c.py", text[100:400])
    with drafter.start(text[:64], after=text[70:90], document="c.py") as session:
        tree = session.propose(8, np.linspace(1, 2, 9))
        session.observe(tree, [5, 6], np.ones((1 + len(tree), 8), np.int32))
        session.predict(tree)

    assert sum(before.values()) > 5
    assert compiled() == before

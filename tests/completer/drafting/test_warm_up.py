"""After the warm-up, drafting compiles nothing more; a first start compiles in another process."""

import os
import subprocess
import sys
import time

import numpy as np
import pytest

from completer.drafting import evidence, growing, matching, suffix_array, suffix_tree
from completer.drafting.compiled import VARIABLE
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


def first_start(cache, code: str) -> str:
    """What a process prints that runs some code on a machine where nothing has been compiled."""
    return subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {VARIABLE: str(cache)},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    ).stdout


@pytest.mark.slow  # compiles
def test_a_first_start_finds_compiled_what_another_process_has_compiled(tmp_path):
    code = """if True:
        from completer.drafting import growing, suffix_tree
        from completer.drafting.warm_up import is_warm, warm_up
        warm_up()
        assert is_warm()
        for kernel in (growing.propose, suffix_tree.rewrite):
            print(kernel.stats.cache_hits.total(), kernel.stats.cache_misses.total())
    """
    assert first_start(tmp_path, code).split() == ["1", "0"] * 2
    assert list(tmp_path.glob("*.complete"))


def test_a_first_start_that_is_stopped_leaves_nothing_running(tmp_path):
    code = """if True:
        import subprocess, threading
        from completer.drafting import warm_up
        started = []
        class Noted(subprocess.Popen):
            def __init__(self, *args, **more):
                super().__init__(*args, **more)
                started.append(self)
        subprocess.Popen = Noted
        warm_up.warm_up(lambda: bool(started))
        print(len(started), started[0].returncode, warm_up.is_warm())
    """
    began = time.monotonic()
    assert first_start(tmp_path, code).split() == ["1", "-15", "False"]
    assert time.monotonic() - began < 20


def test_a_first_start_takes_no_module_from_the_folder_it_is_in(tmp_path):
    """A stranger's workspace may hold a folder that is called as we are."""
    for name in ("completer/__init__.py", "numba.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("open('stolen', 'w').close()")
    code = f"""if True:
        import os, sys
        from completer.drafting import warm_up
        os.chdir({str(tmp_path)!r})
        sys.path.insert(0, "")
        warm_up.__spec__.name = "completer.drafting.tree"
        warm_up._compile_aside(lambda: False)
    """
    first_start(tmp_path / "kernels", code)

    assert not (tmp_path / "stolen").exists()

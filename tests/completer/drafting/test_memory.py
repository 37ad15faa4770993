"""What lives as long as the process is not looked through for garbage; everything else is."""

import subprocess
import sys

CODE = """
import gc, weakref
from completer.drafting.memory import release_memory, settled_memory

class Ring:
    def __init__(self):
        self.self = self

with settled_memory():
    kept = [Ring() for _ in range(1000)]
    assert not gc.isenabled()
    gone = weakref.ref(Ring())
assert gc.isenabled()
assert gone() is None, "garbage of before is not kept for ever"
frozen = gc.get_freeze_count()
assert frozen > 1000
assert not any(isinstance(each, Ring) for each in gc.get_objects())

with settled_memory():
    later = [Ring() for _ in range(1000)]
assert gc.get_freeze_count() == frozen, "what is made later may go"
gone = weakref.ref(later[0])
del later
release_memory()
assert gone() is None
"""


def test_garbage_is_looked_for_in_what_was_made_since():
    subprocess.run([sys.executable, "-c", CODE], check=True)

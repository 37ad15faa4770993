"""The completion backend: from a request to a completion.

Our other packages have everyday names. They are imported from beside this one before anything else
is, so that a `models.py` of the user's own, in a folder that is on the path, is not taken for ours.
"""

import sys
from importlib import import_module
from pathlib import Path

_BESIDE = str(Path(__file__).parents[1])

sys.path.insert(0, _BESIDE)
try:
    for _name in ("lsp", "models", "telemetry"):
        import_module(_name)
finally:
    sys.path.remove(_BESIDE)

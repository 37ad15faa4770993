"""A small workspace that names are looked for in, by jedi in this process."""

from pathlib import Path
from time import monotonic

import pytest

from completer.names.document import Document
from completer.names.evidence import NameEvidence
from completer.names.guard import stdlib_folders
from completer.names.python_names import PythonPlace, evidence_around, evidence_at_caret
from completer.names.worker import OwnEnvironment

FILES = {
    "pkg/__init__.py": "",
    "pkg/base.py": """
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

class Base:
    def __init__(self):
        self._storage = {}
    @property
    def size(self):
        return Point(1, 2)
    @classmethod
    def make(cls) -> "Base":
        return cls()

class Proxy:
    def __getattr__(self, name):
        return 1

@dataclass
class Point:
    x: int
    y: int

class Pair(NamedTuple):
    left: Point
    right: str

class Color(Enum):
    RED = 1

async def fetch() -> Pair: ...
""",
    "pkg/stars.py": "from .base import *\n",
    "pkg/deep/__init__.py": "from ..base import Pair as Renamed\n",
    "pkg/deep/deeper/__init__.py": "",
    "pkg/deep/deeper/leaf.py": "from ...base import Color\n\ndef leaf(): ...\n",
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def around(root: Path, text: str, name: str = "pkg/mine.py") -> NameEvidence:
    """Return what may stand in the line of the caret, which "|" marks."""
    document = Document(*text.split("|")).around
    return evidence_around(document, _place(root, name), OwnEnvironment(), monotonic() + 60)


def at_caret(root: Path, text: str, name: str = "pkg/mine.py") -> NameEvidence:
    """Return what may stand at the caret itself."""
    return evidence_at_caret(Document(*text.split("|")), _place(root, name), OwnEnvironment())


def _place(root: Path, name: str) -> PythonPlace:
    return PythonPlace(root / name, root, tuple(stdlib_folders()))

"""Whether an answer parses in its file and its names exist there, judged by what serving is not.

Python's own parser judges files that it can read, tree-sitter the others. jedi judges each name
behind a dot or `import` whose object it knows; it runs in a process of its own, which is ended when
one answer takes long.
"""

import ast
import re
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from multiprocessing import TimeoutError as TooLate
from multiprocessing import get_context
from multiprocessing.pool import Pool
from pathlib import Path
from typing import Self

import jedi

from completer.answer.checking import check
from completer.answer.postprocess import TextContext
from completer.context.grammars import parse
from completer.context.lexical import tokens
from completer.evaluation.spans import Span

_TIME_LIMIT_S = 10.0
_BEHIND_DOT = re.compile(r"(?<=\.)[^\W\d]\w*")
_WORD = re.compile(r"\w*")
_ASSIGNED = re.compile(r"\s*=[^=]")
_IMPORTED = re.compile(r"[^\W\d]\w*")
_IMPORT = re.compile(r"from[ \t]+\S+[ \t]+import[ \t]")


@dataclass(frozen=True, slots=True)
class Validity:
    """What was found of an answer; `None` where it could not be judged.

    `truth_kept` tells whether what really stood there would have been shown unchanged.
    """

    parses: bool | None
    names_exist: bool | None
    truth_kept: bool


@dataclass(slots=True)
class Judge:
    """Judges answers. A context manager: leaving it ends jedi's process."""

    _pool: Pool | None = field(default=None, init=False)

    def of(self, span: Span, text: str, root: Path) -> Validity:
        """Judge an answer to a span of the folder `root`."""
        names = None
        if text and span.source.language == "python":
            names = self._names_exist(span.prefix + text + span.suffix, span, len(text), root)
        return Validity(parses(span, text) if text else None, names, _is_kept(span))

    def _names_exist(self, code: str, span: Span, length: int, root: Path) -> bool | None:
        places = list(_places(code, span.start, span.start + length))
        if not places:
            return None
        self._pool = self._pool or get_context("spawn").Pool(1)
        arguments = code, str(span.source.path), str(root.parent), places
        try:
            return self._pool.apply_async(_all_exist, arguments).get(_TIME_LIMIT_S)
        except TooLate:
            self.__exit__()
            return None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._pool is not None:
            self._pool.terminate()
            self._pool = None


def parses(span: Span, text: str) -> bool | None:
    """Whether a file parses with an answer in it, whose last block may lack its body.

    `None` where the file does not parse as it is.
    """
    language = span.source.language
    if not _reads(span.source.text, language):
        return None
    texts = [text, text + " pass"] if text.rstrip().endswith(":") else [text]
    return any(_reads(span.prefix + each + span.suffix, language) for each in texts)


def _reads(code: str, language: str) -> bool:
    if language != "python":
        tree = parse(code.encode("utf-8", "surrogatepass"), language)
        return tree is not None and not tree.root_node.has_error
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(code)
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return False
    return True


def _is_kept(span: Span) -> bool:
    context = TextContext(prefix=span.prefix, suffix=span.suffix, language=span.source.language)
    return check(span.truth, context).problem is None


def _places(code: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield where names begin and end that an answer at `start:end` has behind dot or import."""
    over = [each for each in tokens(code, "python") if each.end > start and each.start < end]
    line_start = code.rfind("\n", 0, start) + 1
    found = list(_BEHIND_DOT.finditer(code, line_start, end))
    if imported := _IMPORT.match(code, line_start):
        line_end = code.find("\n", line_start) % (len(code) + 1)
        found += list(_IMPORTED.finditer(code, imported.end(), min(end, line_end)))[:1]
    for name in found:
        whole = _WORD.match(code, name.start())
        name_end = whole.end() if whole else name.end()
        in_text = any(each.start <= name.start() < each.end for each in over)
        is_target = _ASSIGNED.match(code, name_end)
        if name_end > start and not in_text and not is_target:
            yield name.start(), name_end


def _all_exist(code: str, path: str, above: str, places: list[tuple[int, int]]) -> bool | None:
    """Ask jedi, in its own process, of each name what else might stand there."""
    project = jedi.Project(above, added_sys_path=(above,), smart_sys_path=False)

    def script(asked: str) -> jedi.Script:
        environment = jedi.InterpreterEnvironment()
        return jedi.Script(asked, path=path, project=project, environment=environment)

    whole = script(code)
    verdicts = [
        known for place in places if (known := _exists(whole, script, code, *place)) is not None
    ]
    return all(verdicts) if verdicts else None


def _exists(
    whole: jedi.Script, script: Callable[[str], jedi.Script], code: str, start: int, end: int
) -> bool | None:
    line, column = code.count("\n", 0, start) + 1, start - code.rfind("\n", 0, start) - 1
    asked = whole
    if _IMPORT.match(code, start - column):  # jedi leaves out what the statement imports already
        asked = script(code[:start] + code[code.find("\n", start) % (len(code) + 1) :])
    try:
        names = {each.name for each in asked.complete(line, column)}
    except Exception:  # noqa: BLE001  whatever is wrong in jedi, this name is not judged
        return None
    if not names or "__getattr__" in names:
        return None
    return code[start:end] in names

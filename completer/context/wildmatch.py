"""Git's glob patterns: many of them matched at once, in time linear in the text.

A pattern is a row of pieces, each of which takes one byte of a set; all rows stand one behind the
other in one bit set, and a state says which pieces may take the next byte. So a byte of the text
costs a few operations on integers, whatever the patterns are, and nothing is ever tried again.
"""

import re
import string
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

_SLASH = ord("/")
_ANY = (1 << 256) - 1
_NO_SLASH = _ANY & ~(1 << _SLASH)
_REMEMBERED_BYTES = 1 << 22  # of transitions, for one set of patterns
_LITERAL = re.compile(rb"[^*?\[\\]*")


def _set_of(characters: str) -> int:
    return sum(1 << ord(character) for character in characters)


_VISIBLE = string.ascii_letters + string.digits + string.punctuation
_CLASSES = {
    b"alnum": _set_of(string.ascii_letters + string.digits),
    b"alpha": _set_of(string.ascii_letters),
    b"blank": _set_of(" \t"),
    b"cntrl": (1 << 32) - 1 | 1 << 127,
    b"digit": _set_of(string.digits),
    b"graph": _set_of(_VISIBLE),
    b"lower": _set_of(string.ascii_lowercase),
    b"print": _set_of(_VISIBLE + " "),
    b"punct": _set_of(string.punctuation),
    b"space": _set_of(" \t\n\r"),
    b"upper": _set_of(string.ascii_uppercase),
    b"xdigit": _set_of(string.hexdigits),
}


@dataclass(frozen=True, slots=True)
class Piece:
    """Takes one of the bytes whose bits are set in `takes`, or any number of them.

    An `optional` piece and the one behind it may be left out together: `**/` matches nothing, too.
    """

    takes: int
    repeats: bool = False
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Pattern:
    """A row of pieces that has to match a whole path, or (`anywhere`) the path's last component.

    One for `folders` matches nothing else.
    """

    pieces: Sequence[Piece]
    anywhere: bool = False
    folders: bool = False


def parse(glob: bytes) -> list[Piece]:
    """Turn a pattern into pieces as git's `wildmatch` reads it; paths are bytes there.

    Raises `ValueError` for one that matches nothing, such as an unclosed bracket.
    """
    pieces: list[Piece] = []
    # Git compares what stands before the first special character by itself and begins there.
    begin = _literal_end(glob)
    position = 0
    while position < len(glob):
        read = _READERS.get(glob[position : position + 1], _byte)
        piece, position = read(glob, position, begin)
        if not _repeats_the_last(piece, pieces):
            pieces.append(piece)
        elif piece.optional:
            position += 1  # `**/**/` is `**/`
    return pieces


def _literal_end(glob: bytes) -> int:
    match = _LITERAL.match(glob)
    return match.end() if match else 0


def _repeats_the_last(piece: Piece, pieces: Sequence[Piece]) -> bool:
    return piece.optional and len(pieces) > 1 and pieces[-2].optional


def _byte(glob: bytes, position: int, _begin: int) -> tuple[Piece, int]:
    return Piece(1 << glob[position]), position + 1


def _escaped(glob: bytes, position: int, begin: int) -> tuple[Piece, int]:
    if position + 1 == len(glob):
        raise ValueError("a backslash with nothing behind it")
    return _byte(glob, position + 1, begin)


def _one(_glob: bytes, position: int, _begin: int) -> tuple[Piece, int]:
    return Piece(_NO_SLASH), position + 1


def _stars(glob: bytes, position: int, begin: int) -> tuple[Piece, int]:
    """`*` stays in its component, `**` does not if it is all of one."""
    end = len(glob) - len(glob[position:].lstrip(b"*"))
    opens = position == begin or glob[position - 1 : position] == b"/"
    closes = glob[end : end + 1] in (b"", b"/") or glob[end : end + 2] == rb"\/"
    if end - position > 1 and opens and closes:
        return Piece(_ANY, repeats=True, optional=glob[end : end + 1] == b"/"), end
    return Piece(_NO_SLASH, repeats=True), end


def _bracket(glob: bytes, position: int, _begin: int) -> tuple[Piece, int]:
    """Read `[...]`; in git's way, also where POSIX says something else."""
    position += 1
    negated = glob[position : position + 1] in (b"!", b"^")
    position += negated
    members, previous, first = 0, -1, True
    while first or glob[position : position + 1] != b"]":
        first = False
        added, previous, position = _member(glob, position, previous)
        members |= added
    return Piece(_NO_SLASH & (~members if negated else members)), position + 1


def _member(glob: bytes, position: int, previous: int) -> tuple[int, int, int]:
    """Read one member of a bracket: its bytes, the byte that a range may begin with, the rest."""
    if glob.startswith(b"[:", position):
        end = glob.index(b"]", position + 2)
        if end > position + 2 and glob[end - 1 : end] == b":":
            return _class(glob[position + 2 : end - 1]), -1, end + 1
    is_range = glob[position : position + 1] == b"-" and previous >= 0
    if is_range and glob[position + 1 : position + 2] not in (b"", b"]"):
        last, position = _plain(glob, position + 1)
        return sum(1 << byte for byte in range(previous, last + 1)), -1, position
    byte, position = _plain(glob, position)
    return 1 << byte, byte, position


def _class(name: bytes) -> int:
    if name not in _CLASSES:
        raise ValueError(f"no class of characters: {name!r}")
    return _CLASSES[name]


def _plain(glob: bytes, position: int) -> tuple[int, int]:
    position += glob[position : position + 1] == b"\\"
    if position >= len(glob):
        raise ValueError("a bracket that is not closed")
    return glob[position], position + 1


_READERS: dict[bytes, Callable[[bytes, int, int], tuple[Piece, int]]] = {
    b"\\": _escaped,
    b"?": _one,
    b"*": _stars,
    b"[": _bracket,
}


class Automaton:
    """Reads paths and says which of `patterns` match them. A state is an integer."""

    def __init__(self, patterns: Sequence[Pattern]) -> None:
        self._pieces: list[Piece] = []
        self._ends: dict[int, int] = {}  # position behind a pattern's pieces -> its number
        starts: dict[bool, list[int]] = {False: [], True: []}
        for number, pattern in enumerate(patterns):
            starts[pattern.anywhere].append(len(self._pieces))
            self._pieces += map(_in_a_name, pattern.pieces) if pattern.anywhere else pattern.pieces
            self._ends[len(self._pieces)] = number
            self._pieces.append(Piece(0))
        self._repeating = _bits(piece.repeats for piece in self._pieces)
        self._optional = _bits(piece.optional for piece in self._pieces)
        self._anywhere = self._entered(_at(starts[True]))
        self._for_folders = _at(p for p, number in self._ends.items() if patterns[number].folders)
        self._for_all = _at(self._ends) & ~self._for_folders
        self._takers: dict[int, int] = {}
        self._moves: dict[tuple[int, int], int] = {}
        self._most_moves = _REMEMBERED_BYTES // (256 + len(self._pieces) // 4)
        self.start = self._entered(_at(starts[False])) | self._anywhere

    def after(self, text: bytes, state: int) -> int:
        """Return the state after reading more of a path."""
        for byte in text:
            following = self._moves.get((state, byte))
            state = self._move(state, byte) if following is None else following
        return state

    def last(self, state: int, *, is_folder: bool) -> int | None:
        """Return the number of the last pattern that matches the path read so far."""
        ends = self._for_all | self._for_folders if is_folder else self._for_all
        found = (state & ends).bit_length()
        return self._ends[found - 1] if found else None

    def _move(self, state: int, byte: int) -> int:
        taking = state & self._taking(byte)
        staying = taking & self._repeating
        following = self._entered((taking ^ staying) << 1, staying)
        if byte == _SLASH:
            following |= self._anywhere
        if len(self._moves) >= self._most_moves:
            self._moves.clear()
        self._moves[state, byte] = following
        return following

    def _entered(self, come_to: int, stayed_in: int = 0) -> int:
        """Add where one comes to without a byte: over `**/`, and behind what may take no more."""
        state = come_to | (come_to & self._optional) << 2 | stayed_in
        return state | (state & self._repeating) << 1

    def _taking(self, byte: int) -> int:
        if byte not in self._takers:
            self._takers[byte] = _bits(bool(piece.takes >> byte & 1) for piece in self._pieces)
        return self._takers[byte]


def _in_a_name(piece: Piece) -> Piece:
    """Let a piece not reach out of the path's last component, as `**` does elsewhere."""
    return replace(piece, takes=piece.takes & _NO_SLASH)


def matches(glob: bytes, path: bytes) -> bool:
    """Whether one pattern matches the whole of `path`; one that is malformed matches nothing."""
    try:
        automaton = Automaton([Pattern(parse(glob))])
    except ValueError:
        return False
    return automaton.last(automaton.after(path, automaton.start), is_folder=True) is not None


def _at(positions: Iterable[int]) -> int:
    """Return the bit set of some positions."""
    known = set(positions)
    return _bits(position in known for position in range(max(known, default=-1) + 1))


def _bits(flags: Iterable[bool]) -> int:
    """Return the bit set of the positions where a flag is set, in linear time."""
    digits = "".join("1" if flag else "0" for flag in flags)
    return int(digits[::-1], 2) if digits else 0

"""Comments and strings, read from the left without a parse.

What is being typed hardly ever parses. Whether a caret stands in a string depends only on the text
before it, and so does what a lexer says, however broken the code is.
"""

import re
from collections import deque
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Literal, NamedTuple

Where = Literal["code", "comment", "string"]

# Opening mark -> how the token goes on, as a pattern whose group 1 is the closing mark.
_HASH = {"#": r"[^\n]*()"}
_DASHES = {"--": r"[^\n]*()"}
_BLOCK = {"/*": r"(?:[^*]+|\*(?!/))*(\*/)?"}
_SLASHES = {"//": r"[^\n]*()"} | _BLOCK
_DOUBLE = {'"': r'(?:[^"\\\n]+|\\.)*("?)'}
_QUOTES = _DOUBLE | {"'": r"(?:[^'\\\n]+|\\.)*('?)"}
_BACKTICK = {"`": r"(?:[^`\\]+|\\.)*(`?)"}
_TRIPLE = {
    '"""': r'(?:[^"\\]+|\\.|"(?!""))*(""")?',
    "'''": r"(?:[^'\\]+|\\.|'(?!''))*(''')?",
}
_MARKUP = {"<!--": r"(?:[^-]+|-(?!->))*(-->)?"} | _DOUBLE
# An apostrophe also begins a lifetime, and strings go over lines.
_RUST = _SLASHES | {'r#"': r'(?:[^"]+|"(?!#))*("#)?', '"': r'(?:[^"\\]+|\\.)*("?)'}

_FAMILIES: tuple[tuple[str, dict[str, str]], ...] = (
    ("python", _TRIPLE | _HASH | _QUOTES),
    ("rust", _RUST),
    ("go", _SLASHES | _QUOTES | {"`": r"[^`]*(`?)"}),
    ("javascript javascriptreact typescript typescriptreact", _SLASHES | _QUOTES | _BACKTICK),
    ("java c cpp csharp objective-c objective-cpp", _SLASHES | _QUOTES),
    ("swift kotlin scala groovy dart zig proto thrift", _SLASHES | _QUOTES),
    ("verilog systemverilog php scss less jsonc", _SLASHES | _QUOTES),
    ("ruby perl shellscript powershell r julia elixir nim nix", _HASH | _QUOTES),
    ("yaml toml terraform makefile cmake dockerfile graphql starlark just", _HASH | _QUOTES),
    ("sql lua haskell elm vhdl", _DASHES | _QUOTES),
    ("ini clojure", {";": r"[^\n]*()"} | _DOUBLE),
    ("html xml vue svelte", _MARKUP),
    ("css", _BLOCK | _QUOTES),
    ("json", _DOUBLE),
)
_MARKS = {language: marks for languages, marks in _FAMILIES for language in languages.split()}
_COMMENT_MARKS = frozenset({"#", "//", "/*", "--", ";", "<!--"})

_IDENTIFIER = re.compile(r"[^\W\d]\w*")


class Lexeme(NamedTuple):
    """A comment or string: where it stands, and its closing mark, empty if that was not found."""

    kind: Literal["comment", "string"]
    start: int
    end: int
    closing: str


@cache
def _lexicon(language: str) -> re.Pattern[str]:
    """Make the pattern of a language's tokens: each mark is a group, and its closing the next."""
    marks = _MARKS[language]
    longest_first = sorted(marks, key=len, reverse=True)
    return re.compile("|".join(f"({re.escape(m)}){marks[m]}" for m in longest_first), re.DOTALL)


def tokens(text: str, language: str | None, start: int = 0) -> Iterator[Lexeme]:
    """Yield the comments and strings of `text`, none for a language without a known lexicon.

    The text is read from `start` on, which is in no token.
    """
    if language is None or language not in _MARKS:
        return
    for found in _lexicon(language).finditer(text, start):
        mark = ((found.lastindex or 0) - 1) // 2 * 2 + 1  # a token that is closed ends in its group
        kind: Literal["comment", "string"]
        kind = "comment" if found[mark] in _COMMENT_MARKS else "string"
        yield Lexeme(kind, found.start(), found.end(), found[mark + 1] or "")


def where(prefix: str, language: str | None) -> Where:
    """Say in what a caret behind `prefix` stands."""
    last = next(iter(deque(tokens(prefix, language), maxlen=1)), None)
    if last is None or last.closing or last.end < len(prefix):
        return "code"
    return last.kind


def without_text(text: str, language: str | None) -> str:
    """Return `text` with comments and strings blanked out; length and lines stay the same."""
    return blank_out(text, tokens(text, language))


def blank_out(text: str, found: Iterable[Lexeme]) -> str:
    """Return `text` with the tokens `found` in it replaced by spaces, their line ends kept."""
    parts: list[str] = []
    position = 0
    for token in found:
        parts.append(text[position : token.start])
        parts.append(_blank(text[token.start : token.end]))
        position = token.end
    parts.append(text[position:])
    return "".join(parts)


def _blank(text: str) -> str:
    if "\n" not in text:
        return " " * len(text)
    return "\n".join([" " * len(line) for line in text.split("\n")])


def identifiers(text: str, language: str | None = None) -> list[str]:
    """Return the names in the code of `text`, in order and with repetitions."""
    return _IDENTIFIER.findall(without_text(text, language))


def indentation(line: str) -> str:
    """Return the white space that `line` begins with."""
    return line[: len(line) - len(line.lstrip(" \t"))]


def window_before(prefix: str, characters: int) -> str:
    """Return the end of `prefix`: whole lines, at most `characters`, from an unindented line on.

    A window that begins with a top-level line seldom begins inside a string or a bracket. Of a line
    that is longer than the window, its end is all that is returned.
    """
    if len(prefix) <= characters:
        return prefix
    first = len(prefix) - characters
    line_end = prefix.find("\n", first)
    start = line_end + 1 if line_end >= 0 else first
    top_level = re.compile(r"^[A-Za-z_@#/]", re.MULTILINE).search(prefix, start)
    return prefix[top_level.start() if top_level else start :]


def window_after(suffix: str, characters: int) -> str:
    """Return the start of `suffix`: whole lines, at most `characters` when it has a line end."""
    if len(suffix) <= characters:
        return suffix
    return suffix[: suffix.rfind("\n", 0, characters) + 1 or characters]

"""Comments and strings, read from the left without a parse.

What is being typed hardly ever parses. Whether a caret stands in a string depends only on the text
before it, and so does what a lexer says, however broken the code is.
"""

import re
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
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
_UNKNOWN = _TRIPLE | _QUOTES
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
_UNPAIRED = frozenset({"shellscript", "makefile", "html", "xml", "vue", "svelte", "ini"})
_COMMENT_MARKS = frozenset({"#", "//", "/*", "--", ";", "<!--"})

_IDENTIFIER = re.compile(r"[^\W\d]\w*")
_TELLING = re.compile(r"\w\W*\w\W*\w")


class Lexeme(NamedTuple):
    """A comment or string: where it stands, and its marks; `closing` is empty if not found."""

    kind: Literal["comment", "string"]
    start: int
    end: int
    closing: str
    opening: str

    def covers(self, position: int) -> bool:
        """Whether a caret at `position` stands in it; a comment goes on up to its line's end."""
        return self.start < position < self.end or (position == self.end and not self.closing)


class _Lexicon(NamedTuple):
    """Finds the mark that opens the next token, and says how a token goes on behind its mark."""

    mark: re.Pattern[str]
    rests: Mapping[str, re.Pattern[str]]


@cache
def _lexicon(language: str | None) -> _Lexicon:
    """Make a language's patterns; the search for marks is one for any of a set of characters."""
    marks = _UNKNOWN if language is None else _MARKS.get(language, {})
    longest_first = sorted(marks, key=len, reverse=True)
    return _Lexicon(
        re.compile("|".join(map(re.escape, longest_first)) or r"(?!)"),
        {mark: re.compile(rest, re.DOTALL) for mark, rest in marks.items()},
    )


def tokens(text: str, language: str | None, start: int = 0) -> Iterator[Lexeme]:
    """Yield the comments and strings of `text`, none for a language without a known lexicon.

    The text is read from `start` on, which is in no token. Where nothing is known of the language
    (`None`), what stands in quotes is a string.
    """
    lexicon = _lexicon(language)
    while mark := lexicon.mark.search(text, start):
        rest = lexicon.rests[mark[0]].match(text, mark.end())
        assert rest is not None  # noqa: S101  # any text begins with what a token may hold: nothing
        start = rest.end()
        kind: Literal["comment", "string"]
        kind = "comment" if mark[0] in _COMMENT_MARKS else "string"
        yield Lexeme(kind, mark.start(), start, rest[1] or "", mark[0])


def pairs_brackets(language: str | None) -> bool:
    """Whether every closing bracket in the language's code has an opening one, as far as known."""
    return language in _MARKS and language not in _UNPAIRED


def open_token(prefix: str, language: str | None) -> Lexeme | None:
    """Return the comment or string that a caret behind `prefix` stands in."""
    last = next(iter(deque(tokens(prefix, language), maxlen=1)), None)
    return last if last is not None and last.covers(len(prefix)) else None


def where(prefix: str, language: str | None) -> Where:
    """Say in what a caret behind `prefix` stands."""
    token = open_token(prefix, language)
    return token.kind if token else "code"


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


def is_telling(text: str) -> bool:
    """Whether a text says enough that it seldom stands twice in one place."""
    return _TELLING.search(text) is not None


def identifiers(text: str, language: str | None = None) -> list[str]:
    """Return the names in the code of `text`, in order and with repetitions."""
    return _IDENTIFIER.findall(without_text(text, language))


def indentation(line: str) -> str:
    """Return the white space that `line` begins with."""
    return line[: len(line) - len(line.lstrip(" \t"))]


def window_after(suffix: str, characters: int) -> str:
    """Return the start of `suffix`: whole lines, at most `characters` when it has a line end."""
    if len(suffix) <= characters:
        return suffix
    return suffix[: suffix.rfind("\n", 0, characters) + 1 or characters]

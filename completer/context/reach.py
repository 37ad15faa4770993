"""How much of a request's text is read: what is near its caret, whatever the size of the rest."""

from collections.abc import Hashable, Sequence
from dataclasses import replace

from completer.context.lexed_texts import LexedTexts
from completer.context.lexical import open_token
from completer.context.prompt import CHARACTERS_PER_TOKEN, CUT_STEP
from completer.context.surroundings import HEAD
from completer.request import CompletionRequest, Snippet

LONGEST_WINDOW = 16_384  # of all rules that look around the caret, or beyond a prompt's text
_LINE = 1_024  # characters that may be left out to begin with a whole line


def within_reach(
    request: CompletionRequest, prompt_tokens: int, lexed: LexedTexts, document: Hashable
) -> CompletionRequest:
    """Leave out of a request what neither a prompt of so many tokens nor any rule would read.

    Of what is left out the line ends are counted, and whether what is left begins in a comment or
    string is found in `lexed`, which remembers the `document`: where it does, the mark that opens
    that stays. Whatever comes later takes time that does not grow with the size of the document.
    """
    near = _near(prompt_tokens)
    sizes = [len(snippet.text) + len(snippet.path) for snippet in request.snippets]
    if max(len(request.prefix), len(request.suffix), sum(sizes)) <= near:
        return request
    return replace(
        request,
        prefix=_head_and_end(request.prefix, near, request.language, lexed, document),
        suffix=request.suffix[:near],
        snippets=_last(request.snippets, near),
    )


def is_long(request: CompletionRequest, prompt_tokens: int) -> bool:
    """Whether a request's text is so long that `within_reach` takes time."""
    return len(request.prefix) > _near(prompt_tokens)


def is_whole(request: CompletionRequest, prompt_tokens: int) -> bool:
    """Whether a request has all of its document's text after `within_reach`."""
    near = _near(prompt_tokens)
    return len(request.prefix) <= near and len(request.suffix) < near


def _near(prompt_tokens: int) -> int:
    return 1 + LONGEST_WINDOW + prompt_tokens * CHARACTERS_PER_TOKEN


def _head_and_end(
    prefix: str, near: int, language: str | None, lexed: LexedTexts, document: Hashable
) -> str:
    """Drop the middle but for so many line ends that numbers of lines keep their remainders.

    The head, with its imports, is read as well; cuts and steps fall on multiples of `CUT_STEP`.
    """
    end = len(prefix) - near
    end = prefix.find("\n", end, end + _LINE) + 1 or end
    if end <= HEAD + 2 * CUT_STEP:
        return prefix
    over_head = open_token(prefix[:HEAD], language)
    over_end = lexed.open_token(document, prefix[:end], language)
    head = prefix[: over_head.start] if over_head else prefix[:HEAD]
    lines = prefix.count("\n", len(head), end) % CUT_STEP or CUT_STEP
    return head + "\n" * lines + (over_end.opening if over_end else "") + prefix[end:]


def _last(snippets: Sequence[Snippet], characters: int) -> tuple[Snippet, ...]:
    """The last snippets: those before them would not fit into a prompt."""
    kept: list[Snippet] = []
    for snippet in reversed(snippets):
        if characters <= 0:
            break
        kept.append(replace(snippet, text=snippet.text[-characters:]))
        characters -= len(snippet.text) + len(snippet.path)
    return tuple(reversed(kept))

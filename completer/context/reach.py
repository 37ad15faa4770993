"""How much of a request's text is read: what is near its caret, whatever the size of the rest."""

from collections.abc import Sequence
from dataclasses import replace

from completer.context.prompt import CHARACTERS_PER_TOKEN, CUT_STEP
from completer.context.query import HEAD
from completer.request import CompletionRequest, Snippet

LONGEST_WINDOW = 16_384  # of all rules that look around the caret, or beyond a prompt's text


def within_reach(request: CompletionRequest, prompt_tokens: int) -> CompletionRequest:
    """Leave out of a request what neither a prompt of so many tokens nor any rule would read.

    Of what is left out only its line ends are counted, at the speed of memory; whatever comes later
    takes time that does not grow with the size of the document.
    """
    near = 1 + LONGEST_WINDOW + prompt_tokens * CHARACTERS_PER_TOKEN
    sizes = [len(snippet.text) + len(snippet.path) for snippet in request.snippets]
    if max(len(request.prefix), len(request.suffix), sum(sizes)) <= near:
        return request
    return replace(
        request,
        prefix=_head_and_end(request.prefix, near),
        suffix=request.suffix[:near],
        snippets=_last(request.snippets, near),
    )


def _head_and_end(prefix: str, near: int) -> str:
    """Drop the middle but for so many line ends that numbers of lines keep their remainders.

    The head, with its imports, is read as well; cuts and steps fall on multiples of `CUT_STEP`.
    """
    end = len(prefix) - near
    if end <= HEAD + CUT_STEP:
        return prefix
    return prefix[:HEAD] + "\n" * (prefix.count("\n", HEAD, end) % CUT_STEP) + prefix[end:]


def _last(snippets: Sequence[Snippet], characters: int) -> tuple[Snippet, ...]:
    """The last snippets: those before them would not fit into a prompt."""
    kept: list[Snippet] = []
    for snippet in reversed(snippets):
        if characters <= 0:
            break
        kept.append(replace(snippet, text=snippet.text[-characters:]))
        characters -= len(snippet.text) + len(snippet.path)
    return tuple(reversed(kept))

"""What leaves this machine of a text: all but its secrets."""

from dataclasses import replace

from completer.context.filenames import may_hold_secrets
from completer.next_edit.edits import NextEditRequest
from completer.request import CompletionRequest
from completer.secrets.cleaning import RequestCleaner
from completer.secrets.finding import find_secrets, without_secrets

REACH = 1 << 18  # characters on either side of a caret: more than a language server hands on


class Leaving:
    """Cleans what is sent. What was found in a line is remembered with the line."""

    def __init__(self) -> None:
        self._cleaner = RequestCleaner()

    def text(self, text: str) -> str:
        """A text without its secrets."""
        return self._cleaner.clean(CompletionRequest(prefix=text), len(text)).prefix

    def request(self, request: CompletionRequest) -> CompletionRequest:
        """A request without secrets; of a file that may hold some nothing is left but its name."""
        if request.path is not None and may_hold_secrets(request.path):
            return replace(request, prefix="", suffix="", snippets=(), prediction="")
        cleaned = self._cleaner.clean(request, REACH)
        return replace(cleaned, prediction=without_secrets(request.prediction))

    def next_edits(self, request: NextEditRequest) -> NextEditRequest:
        """A request with secrets made illegible, so that places in its text stay what they are."""
        if may_hold_secrets(request.path):
            return replace(request, text="", offset=0, history=())
        history = request.history and tuple(
            replace(each, old=illegible(each.old), new=illegible(each.new))
            for each in request.history
        )
        return replace(request, text=illegible(request.text), history=history)


def illegible(text: str) -> str:
    r"""Write over the secrets of a text; its length and lines stay.

    >>> illegible("password = 'hunter2-and-more'\n") == "password = 'xxxxxxxxxxxxxxxx'\n"
    True
    """
    pieces, position = [], 0
    for begin, end in find_secrets(text):
        over = "".join("\n" if each == "\n" else "x" for each in text[begin:end])
        pieces += [text[position:begin], over]
        position = end
    return "".join([*pieces, text[position:]])

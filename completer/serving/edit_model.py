"""Next edits by a model that was trained to write them, where the rules find none.

The region around the caret is written anew, drafted from its old text. It is judged by whether the
file parses no worse and by how sure the model was of what it changes; the threshold was chosen by
hand, and is not calibrated.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

from completer.context.encoding import encode_one
from completer.context.languages import language_of_name
from completer.context.surroundings import Surroundings
from completer.next_edit.asking import edit_of
from completer.next_edit.edits import Hunk, NextEdit, NextEditRequest
from completer.next_edit.expected import expected
from completer.next_edit.history import difference
from completer.next_edit.parsing import parses_no_worse
from completer.request import Choice, CompletionRequest
from completer.secrets.finding import without_secrets
from completer.workspaces.repository import Repository
from models.edit_formats import EditFormat, Situation
from models.tokenizer import ModelTokenizer

SHOWN_FROM = 0.7
"""Mean probability of the tokens that write what is changed. Chosen by hand: not calibrated."""
_MORE_TOKENS = 128
_OTHER_FILES = 512  # tokens
_CONTEXT = 40  # characters by which a change is found in an answer
_LONGEST = 60_000  # characters of a file


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of the model so that the region `old`, at `start`, becomes another."""

    request: NextEditRequest
    asked: Situation
    start: int
    old: str
    completion: CompletionRequest


class EditModel:
    """Asks a model that speaks `form`, and reads its answers. May be used from any thread."""

    def __init__(self, form: EditFormat, tokenizer: ModelTokenizer, context_tokens: int) -> None:
        self._form = form
        self._tokenizer = tokenizer.backend_tokenizer
        self._context_tokens = context_tokens
        added = self._tokenizer.get_added_tokens_decoder().values()
        marks = (each.content for each in added if each.special or each.content.startswith("<"))
        self._marks = (*form.marks, *marks)

    def question(self, request: NextEditRequest, repository: Repository) -> Question | None:
        """Return what is asked about the lines at the caret; `None` for what cannot be asked.

        A prompt is cut nowhere: what is too long, or has marks, secrets or other line ends than
        models write in it, is not asked, nor is anything without an edit before, unless by hand.
        """
        found = repository.situation(request)
        if found is None or len(request.text) > _LONGEST or "\r" in request.text:
            return None
        asked, replaced = found
        language = language_of_name(request.path.name)
        around = Surroundings.of(*request.around_caret, language)
        snippets = repository.snippets(around, request.path, _OTHER_FILES)
        asked = replace(asked, files=tuple((each.path, each.text) for each in snippets))
        unasked = not asked.changes and request.trigger == "automatic"
        if unasked or any(mark in part for part in asked.texts for mark in self._marks):
            return None
        text = request.text
        begin, end = self._form.region(text, request.offset)
        completion = self._completion(request, asked, expected(text[begin:end], replaced))
        if completion is None:
            return None
        return Question(request, asked, begin, text[begin:end], completion)

    def edit(self, question: Question, choice: Choice) -> NextEdit | None:
        """Return the edit that an answer makes; `None` if it makes none, or the model is unsure.

        What was asked for by hand comes however sure the model is, and whether it parses or not.
        """
        request, begin, old = question.request, question.start, question.old
        ended = choice.finish_reason == "stop"
        new = self._form.read(question.asked, choice.text) if ended else None
        if new is None:
            return None
        wanted = request.trigger == "manual" or self._is_good(request, choice, begin, old, new)
        return edit_of(request, begin, old, new) if wanted else None

    def _completion(
        self, request: NextEditRequest, asked: Situation, probably: str
    ) -> CompletionRequest | None:
        prompt, answer = self._form.prompt(asked), self._form.answer(asked, probably)
        most = len(encode_one(self._tokenizer, answer)) + _MORE_TOKENS
        length = len(encode_one(self._tokenizer, prompt))
        if length + most > self._context_tokens or without_secrets(prompt) != prompt:
            return None
        return CompletionRequest(
            prefix=prompt,
            raw=True,
            as_is=True,
            path=request.path,
            workspace=request.workspace,
            may_use=request.may_use,
            prediction=answer,
            max_tokens=most,
            stop=self._form.ends,
            with_probabilities=True,
        )

    def _is_good(
        self, request: NextEditRequest, choice: Choice, begin: int, old: str, new: str
    ) -> bool:
        after = request.text[:begin] + new + request.text[begin + len(old) :]
        language = language_of_name(request.path.name)
        changed = difference(old, new, request.path)
        if changed is None or not parses_no_worse(request.text, after, language):
            return False
        return self._sure_of(choice, *_written_at(choice.text, new, changed)) >= SHOWN_FROM

    def _sure_of(self, choice: Choice, start: int, end: int) -> float:
        """Mean probability of the tokens that write these characters, and of the one behind."""
        texts: Sequence[str] = self._tokenizer.decode_batch(
            [[token] for token in choice.token_ids], skip_special_tokens=False
        )
        ends = accumulate(map(len, texts))
        told = list(zip(ends, map(len, texts), choice.token_probabilities, strict=False))
        of_them = [p for stop, length, p in told if stop > start and stop - length <= end]
        return sum(of_them) / len(of_them) if of_them else 0.0


def _written_at(answer: str, new: str, changed: Hunk) -> tuple[int, int]:
    """Return where an answer writes what is changed in a region, which it may have only in part."""
    length = len(changed.new)
    for context in (min(changed.start, _CONTEXT), 0):
        found = answer.find(new[changed.start - context : changed.start + length])
        if found >= 0:
            return found + context, found + context + length
    return 0, len(answer)

"""Drafts for requests of no workspace: from their own text, and from the model's runners-up."""

import threading
from collections import OrderedDict
from functools import partial
from typing import TYPE_CHECKING

from completer.context.encoding import encode_one, token_pieces
from completer.context.prompt import Prompt, blind_to_marks
from completer.later import Later
from completer.request import CompletionRequest
from models.loading import LoadedModel

if TYPE_CHECKING:  # Numba's import takes long, and happens on a thread
    from completer.drafting.drafter import Drafter
    from completer.drafting.healing import Healer
    from completer.drafting.session import DraftSession

_OWNERS = 16
"""So many people's drafts are remembered, the latest ones: 1.3 MB each and their documents."""


class UnplacedDrafts:
    """Drafts as a workspace's index does, that knows no file. May be used from any thread.

    People share nothing. The first request has the kernels loaded, or compiled, on a thread; until
    they are there nothing is drafted.
    """

    def __init__(self, model: LoadedModel) -> None:
        self._model = model
        self._closing = False
        self._healer = Later(self._load, lambda: None)
        self._drafters: OrderedDict[str, Drafter] = OrderedDict()
        self._lock = threading.Lock()

    def start(
        self, request: CompletionRequest, prompt: Prompt, owner: str
    ) -> "DraftSession | None":
        """Start drafting for one request; whoever takes the session has to `stop` it."""
        loading = self._healer.begin()
        if self._closing or not loading.done() or loading.exception() is not None:
            return None
        healer = loading.result()
        return self._drafter_of(owner, len(healer.pieces)).start(
            prompt.prefix_ids,
            after=prompt.suffix_ids,
            document=None if request.raw else str(request.path or ""),
            heal=healer,
        )

    def forget(self) -> None:
        """Keep nothing of the requests so far."""
        with self._lock:
            self._drafters.clear()

    def close(self) -> None:
        """Give up what is being compiled; nothing is drafted any more."""
        self._closing = True
        self.forget()

    def _drafter_of(self, owner: str, vocabulary_size: int) -> "Drafter":
        from completer.drafting.drafter import Drafter

        with self._lock:
            drafter = self._drafters.get(owner) or Drafter(vocabulary_size)
            self._drafters[owner] = drafter
            self._drafters.move_to_end(owner)
            if len(self._drafters) > _OWNERS:
                self._drafters.popitem(last=False)
            return drafter

    def _load(self) -> "Healer":
        from completer.drafting.healing import Healer
        from completer.drafting.warm_up import is_warm, warm_up

        warm_up(lambda: self._closing)
        if not is_warm():
            raise RuntimeError("the drafting kernels were not compiled")
        tokenizer = blind_to_marks(self._model.tokenizer.backend_tokenizer)
        size = tokenizer.get_vocab_size(with_added_tokens=True)
        return Healer(token_pieces(tokenizer, size), partial(encode_one, tokenizer))

import time

import numpy as np
import pytest

from completer.context.prompt import Prompt
from completer.drafting.tree import DraftTree
from completer.request import CompletionRequest
from completer.serving.unplaced_drafts import UnplacedDrafts
from models.loading import load_model
from tests.tiny import save_tiny

pytestmark = pytest.mark.slow
COST = 1 + 0.05 * np.arange(17)
CARET = 60
REQUEST = CompletionRequest(prefix="x", raw=True)


@pytest.fixture
def unplaced(tmp_path):
    unplaced = UnplacedDrafts(load_model(str(save_tiny("llama", tmp_path)), device="cpu"))
    yield unplaced
    unplaced.close()


def session(unplaced, prompt, owner="ann"):
    """Start to draft, once the kernels are there."""
    ids = Prompt(ids=prompt, prefix_ids=prompt, suffix_ids=[])
    until = time.monotonic() + 120
    while time.monotonic() < until:
        if (drafts := unplaced.start(REQUEST, ids, owner)) is not None:
            return drafts
        time.sleep(0.01)
    raise TimeoutError


def drafted(unplaced, prompt, owner="ann"):
    with session(unplaced, prompt, owner) as drafts:
        return drafts.propose(16, COST).token_ids.tolist()


def test_a_prompt_drafts_from_itself(unplaced):
    line = list(range(10, 40))
    assert drafted(unplaced, [*line, 5, *line[:12]])[:5] == line[12:17]


def test_what_the_model_ranked_is_drafted_for_its_owner_alone(unplaced):
    with session(unplaced, [1, 2, CARET]) as drafts:
        for _ in range(60):  # each time the first runner-up came
            drafts.observe(DraftTree.empty(), [7], np.full((1, 8), 7, np.int32))
            drafts.observe(DraftTree.empty(), [CARET], np.full((1, 8), CARET, np.int32))
    assert drafted(unplaced, [3, 4, CARET])[:1] == [7]
    assert drafted(unplaced, [3, 4, CARET], "bob") == []
    unplaced.forget()
    assert drafted(unplaced, [3, 4, CARET]) == []


def test_nothing_is_drafted_once_it_is_closed(unplaced):
    unplaced.close()
    assert unplaced.start(REQUEST, Prompt(ids=[1], prefix_ids=[1], suffix_ids=[]), "") is None

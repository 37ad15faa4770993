"""What is shown depends on the tokens alone: how they fell into steps has no say in it."""

import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from completer.cli.assembly import build_service
from completer.drafting.tree import DraftTree
from completer.engine.engine import MAX_DRAFT
from completer.engine.sequence import Drafting
from completer.evaluation.isolation import waiting_for_names
from completer.place import local_place
from completer.request import CompletionRequest
from completer.serving.generation import Generations
from models.loading import load_model
from models.source import BUNDLED
from tests.completer.serving.test_service import NO_TUNING, settings
from tests.tiny import save_tiny

EXAMPLE = Path(__file__).parents[3] / "examples" / "shop"
CARETS = 24


@dataclass
class Shortened:
    """Drafts of at most `longest` tokens, or of as many as chance wants."""

    drafts: Drafting
    longest: int | None
    rng: np.random.Generator

    def propose(self, max_tokens, step_cost):
        tree = self.drafts.propose(max_tokens, step_cost)
        most = self.rng.integers(0, 6) if self.longest is None else self.longest
        return DraftTree(
            tree.token_ids[:most],
            tree.parents[:most],
            tree.probs[:most],
            tree.sources[:most],
        )

    def __getattr__(self, name):
        return getattr(self.drafts, name)


def requests(folder):
    """Ends of lines that begin at random, one and several."""
    rng = np.random.default_rng(0)
    files = sorted(folder.rglob("*.py"))
    for number in range(CARETS):
        path = files[rng.integers(len(files))]
        text = path.read_text()
        at = int(rng.integers(len(text)))
        end = text.find("\n", at) % (len(text) + 1)
        yield CompletionRequest(
            prefix=text[:at],
            suffix=text[end:],
            path=path,
            language="python",
            multiline=number % 3 == 0,
            polish=True,
            max_tokens=24,
            deadline_ms=60_000.0,
        )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("family", "weight", "ends"),
    [(None, "auto", {"stop", "low_confidence"}), ("qwen2", 0.8, {"stop", "length"})],
    ids=["embedded", "made-up Qwen2"],
)
async def test_what_is_shown_does_not_depend_on_how_tokens_fell_into_steps(
    family, weight, ends, tmp_path, monkeypatch
):
    folder = Path(shutil.copytree(EXAMPLE, tmp_path / "shop"))
    source = str(save_tiny(family, tmp_path / "model", context=1024)) if family else BUNDLED
    model = load_model(source, device="cpu", dtype="float32")
    wanted = settings(tmp_path, completion={"repository_weight": weight})
    service = build_service(model, NO_TUNING, waiting_for_names(wanted))
    service.open_workspace(local_place(folder))
    assert service._repositories.open(local_place(folder)).wait(120)
    drafts, rng = Generations.drafts, np.random.default_rng(1)
    found, accepted = {}, {}
    for longest in (MAX_DRAFT, 0, 1, None):
        monkeypatch.setattr(
            Generations,
            "drafts",
            lambda self, job, longest=longest: Shortened(drafts(self, job), longest, rng),
        )
        answers = []
        for request in requests(folder):
            service.forget()
            answers.append(
                await service.complete(replace(request, workspace=service.workspaces[0]))
            )
        found[longest] = [
            (each.text, each.finish_reason, len(each.choices[0].confidence)) for each in answers
        ]
        accepted[longest] = sum(each.stats.accepted for each in answers)
    service.close()

    assert found[0] == found[1] == found[MAX_DRAFT] == found[None]
    assert {reason for _, reason, _ in found[0]} >= ends
    assert accepted[0] < accepted[1] < accepted[MAX_DRAFT]

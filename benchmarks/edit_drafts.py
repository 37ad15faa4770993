"""Rewriting a region, drafted from its old text, beside prompt lookup and no drafts.

The engine runs the model, but what it draws is dictated: the text after the edit, or one that
diverges from it. So times are real, and all contestants write the same.
"""

import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray
from rich.table import Table

from benchmarks.command import Given
from benchmarks.draft_peers import PromptLookup
from benchmarks.edit_regions import Region, diverging, edited_regions, revised_regions
from benchmarks.releases import fetch_releases, revised_files
from completer.cli.assembly import build_drafter, build_engine, build_model
from completer.cli.printing import progress
from completer.context.encoding import encode_one
from completer.drafting.drafter import Drafter
from completer.drafting.predicted import PredictedDrafts
from completer.drafting.tree import DraftTree, Predictions
from completer.engine.engine import Engine
from completer.engine.sequence import Drafting, GenerationRequest, GenerationResult
from completer.evaluation.forcing import Dictated
from completer.evaluation.turns import turns
from completer.next_edit.expected import expected
from models.loading import LoadedModel

SHARES = {"truth": 0.0, "10 % of lines diverge": 0.1, "30 % of lines diverge": 0.3}
BEFORE = 512  # tokens of the file above the region that a prompt has


def run(
    given: Given,
    *,
    regions: Annotated[int, typer.Option(min=4, help="So many are rewritten.")] = 40,
    releases: Annotated[
        Path, typer.Option(help="Where pip puts two releases of packages.", metavar="FOLDER")
    ] = Path("build/releases"),
) -> dict[str, Any]:
    """Rewrite regions after renames, added arguments, changed literals, and between releases.

    Drafted from the old text with the index beside it, by prompt lookup, and not at all.
    """
    settings, drawn = given.settings(), random.Random(given.seed)
    model, tuning = build_model(settings)
    off = settings.drafting.model_copy(update={"self_speculation": False})  # "none" is none
    engine = build_engine(model, tuning, settings.model_copy(update={"drafting": off}))
    files = given.split()
    bench = _Bench(model, engine, build_drafter(model, files.indexed))
    texts = {str(path): text for path, text in files.held_out.items()}
    revised = list(revised_files(releases, fetch_releases(releases)))
    cases = list(edited_regions(texts, regions - regions // 4, drawn))
    cases += revised_regions(revised, regions // 4, drawn)
    lines = [line for text in texts.values() for line in text.splitlines(keepends=True)]
    tallies: dict[tuple[str, str, str], list[GenerationResult]] = defaultdict(list)
    with progress("regions") as advance:
        for number, case in enumerate(cases):
            for said, share in SHARES.items():
                written = diverging(case.new, share, lines, drawn)
                # Without drafts all texts take the same time for a token.
                for name in turns(number, CONTESTANTS if not share else DRAFTING):
                    result = bench.write(case, written, name)
                    tallies[said, case.kind, name].append(result)
                    tallies[said, "all", name].append(result)
            advance(number + 1, len(cases))
    engine.close()
    return {"device": str(model.device), "dtype": model.dtype_name, "cases": _figures(tallies)}


DRAFTING = ("old text", "prompt lookup")
CONTESTANTS = (*DRAFTING, "none")


@dataclass(frozen=True, slots=True)
class _Bench:
    model: LoadedModel
    engine: Engine
    drafter: Drafter

    def write(self, case: Region, text: str, contestant: str) -> GenerationResult:
        """Have the engine write `text` for a region."""
        before, old, new = self._encode(case.before)[-BEFORE:], *map(self._encode, (case.old, text))
        end, prompt = min(self.model.layout.stop_ids), [*before, *old]
        drafts: Drafting | None = None
        if contestant == "old text":
            predicted = [*self._encode(expected(case.old, case.replaced)), end]
            drafts = PredictedDrafts(predicted, self.drafter.start(prompt, document=case.file))
        elif contestant == "prompt lookup":
            drafts = _Lookup(PromptLookup(np.empty(0, np.int32), np.array(prompt)))
        truth = [*new, end]
        return self.engine.generate(
            GenerationRequest(
                prompt=prompt,
                max_tokens=len(truth),
                stop_ids=frozenset({end}),
                drafts=Dictated(truth, drafts),
                repository_weight=1.0,
                owner=contestant,
            )
        )

    def _encode(self, text: str) -> list[int]:
        return encode_one(self.model.tokenizer.backend_tokenizer, text)


class _Lookup:
    """Prompt lookup as the engine's drafts."""

    def __init__(self, lookup: PromptLookup) -> None:
        self._lookup = lookup

    def propose(self, max_tokens: int, step_cost: NDArray[np.float64]) -> DraftTree:
        tree = self._lookup.propose()
        ids, probs = tree.token_ids[:max_tokens], tree.probs[:max_tokens]
        return DraftTree(ids, tree.parents[:max_tokens], probs, tree.sources[:max_tokens])

    def observe(
        self,
        tree: DraftTree,
        accepted: Sequence[int],
        top_candidates: NDArray[np.int32] | None = None,
    ) -> None:
        self._lookup.observe(tree, list(accepted))

    def predict(self, tree: DraftTree) -> Predictions:
        raise NotImplementedError

    def stop(self) -> None:
        pass


def _figures(tallies: dict[tuple[str, str, str], list[GenerationResult]]) -> list[dict[str, Any]]:
    """Tokens a step, and milliseconds a token against those without drafts."""
    rows = []
    for (said, kind, name), results in tallies.items():
        tokens, ms = _totals(results)
        other_tokens, other_ms = _totals(tallies["truth", kind, "none"])
        steps = sum(each.stats.steps + 1 for each in results)
        rows.append(
            {
                "model": said,
                "edit": kind,
                "drafts": name,
                "regions": len(results),
                "tokens_per_step": round(tokens / steps, 2),
                "ms": round(ms / len(results), 1),
                "time": round(ms / tokens * other_tokens / other_ms, 3),
            }
        )
    return sorted(rows, key=lambda row: (list(SHARES).index(row["model"]), row["edit"]))


def _totals(results: list[GenerationResult]) -> tuple[int, float]:
    """Tokens, the end mark being one, and milliseconds after the prompt."""
    tokens = sum(len(each.token_ids) + 1 for each in results)
    return tokens, sum(each.stats.decode_ms for each in results)


def table(result: dict[str, Any]) -> Table:
    """Lay the figures out for a person."""
    names = ("model", "edit", "drafts", "regions", "tokens_per_step", "ms", "time")
    shown = Table(*names, title="Drafts from the old text (time: share of that without drafts)")
    for row in result["cases"]:
        shown.add_row(*(str(row[name]) for name in names))
    return shown

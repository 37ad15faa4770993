"""The drafting index, timed and walked, beside its peers in one run."""

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from tokenizers import Tokenizer

from benchmarks.command import CorpusFlag, SeedFlag
from benchmarks.contest import percentiles
from benchmarks.draft_cases import (
    DraftCases,
    Encode,
    Int32s,
    cases_of_file,
    cases_of_folder,
    load_encoder,
)
from benchmarks.draft_peers import (
    Arctic,
    PromptLookup,
    arctic_over,
    arctic_tree_type,
    lookup_repository,
)
from benchmarks.draft_speed import (
    time_build,
    time_proposals,
    time_stalls,
    time_updates,
)
from benchmarks.draft_walks import (
    Tally,
    drafter_over,
    fim_walks,
    oracle_walks,
    total,
    walk_files,
)
from benchmarks.spans import default_corpus
from models.source import BUNDLED_FOLDER

Say = Callable[[str], None]
_TIMED_TOKENS, _STALL_TOKENS = 5_000_000, 3_000_000


def run(
    *,
    corpus: CorpusFlag = None,
    cases: Annotated[
        Path | None,
        typer.Option(help="Files and spans to walk, of no folder.", metavar="FILE"),
    ] = None,
    tokenizer: Annotated[
        Path, typer.Option(help="A tokenizer.json.", metavar="FILE", show_default=False)
    ] = BUNDLED_FOLDER / "tokenizer.json",
    with_peers: Annotated[
        bool, typer.Option("--peers/--no-peers", help="Whether the others walk too.")
    ] = True,
    seed: SeedFlag = 0,
) -> dict[str, Any]:
    """Time the drafting index, and walk held-out files with it and its peers.

    The true text plays the model: what it would have accepted counts as tokens per step. With
    several packages in the file of cases, `packages` holds each one's walks besides.
    """
    say = Console(stderr=True).print
    loaded = Tokenizer.from_file(str(tokenizer))
    vocabulary_size = loaded.get_vocab_size(with_added_tokens=True)
    encoder = _TimedEncoder(load_encoder(loaded))
    packages = (
        [cases_of_folder(corpus or default_corpus(), encoder, seed)]
        if cases is None
        else list(cases_of_file(cases, encoder))
    )
    result: dict[str, Any] = _speeds(packages, vocabulary_size, seed, say)
    result["tokenise_tokens_per_s"] = encoder.tokens_per_s
    walks = {each.name: _walks(each, vocabulary_size, with_peers, say) for each in packages}
    result.update(_summary(list(walks.values())))
    if len(packages) > 1:
        result["packages"] = {name: _summary([walked]) for name, walked in walks.items()}
    return result


class _TimedEncoder:
    """An encoder that keeps count of its speed."""

    def __init__(self, encode: Encode) -> None:
        self._encode = encode
        self._tokens, self._seconds = 0, 0.0

    def __call__(self, texts: Sequence[str]) -> list[Int32s]:
        begin = time.perf_counter()
        streams = self._encode(texts)
        self._seconds += time.perf_counter() - begin
        self._tokens += sum(len(stream) for stream in streams)
        return streams

    @property
    def tokens_per_s(self) -> float:
        return self._tokens / self._seconds if self._seconds else 0.0


def _speeds(
    packages: list[DraftCases], vocabulary_size: int, seed: int, say: Say
) -> dict[str, Any]:
    """Time everything on all packages together, as one corpus."""
    held_out = [name for package in packages for name in package.held_out]
    streams = {name: ids for package in packages for name, ids in package.streams.items()}
    merged = DraftCases("all", _first_tokens(streams, held_out, _TIMED_TOKENS), held_out)
    say("sorting")
    build = time_build(list(merged.indexed(held_out).values()), vocabulary_size)
    say("sorting beside another thread")
    stalls = time_stalls(_first_tokens(streams, [], _STALL_TOKENS), vocabulary_size)
    drafter = drafter_over(merged, held_out, vocabulary_size)
    say("proposing")
    proposals = time_proposals(drafter, {name: streams[name] for name in held_out})
    say("updating")
    updates = time_updates(drafter, merged.indexed(held_out), seed)
    return {
        **build,
        "stall_ms": stalls,
        "propose_us": percentiles(proposals, 50, 99),
        "update_ms": percentiles(updates, 50, 99),
    }


def _first_tokens(streams: dict[str, Int32s], always: list[str], limit: int) -> dict[str, Int32s]:
    """Return the first streams that have `limit` tokens together, and those named in `always`."""
    kept, tokens = {name: streams[name] for name in always}, 0
    for name, ids in streams.items():
        if tokens + len(ids) > limit:
            continue
        tokens += len(ids)
        kept[name] = ids
    return kept


_Walks = dict[str, list[Tally]]


def _walks(package: DraftCases, vocabulary_size: int, peers: bool, say: Say) -> _Walks:
    say(f"walking {package.name}")
    walks = {
        "oracle": oracle_walks(package, vocabulary_size),
        "fim": fim_walks(package, vocabulary_size, flat=False),
        "flat": fim_walks(package, vocabulary_size, flat=True),
    }
    if not peers:
        return walks
    say(f"walking {package.name} with peers")
    repository = lookup_repository(package)
    walks["lookup"] = walk_files(package, lambda _, ids: PromptLookup(repository, ids))
    tree_type = arctic_tree_type()
    if tree_type is not None:
        tree = arctic_over(package, tree_type)
        walks["arctic"] = walk_files(package, lambda _, ids: Arctic(tree, tree_type, ids))
    return walks


def _summary(walks: list[_Walks]) -> dict[str, Any]:
    """Turn walks, of one package or of several, into the benchmark's keys."""
    joined: _Walks = {
        name: [tally for one in walks for tally in one.get(name, [])]
        for name in ("oracle", "fim", "flat", "lookup", "arctic")
    }
    oracle, fim, flat = (total(joined[name]) for name in ("oracle", "fim", "flat"))
    summary: dict[str, Any] = {
        "oracle": {
            "tokens_per_step": oracle.tokens_per_step,
            "median_over_files": median(tally.tokens_per_step for tally in joined["oracle"]),
            "drafted_per_step": oracle.drafted_per_step,
            "prompt_lookup_tokens_per_step": total(joined["lookup"]).tokens_per_step
            if joined["lookup"]
            else None,
        },
        "fim_one_line": {
            "tokens_per_step": fim.tokens_per_step,
            "flat_tokens_per_step": flat.tokens_per_step,
            "drafted_per_step": fim.drafted_per_step,
            "steps_per_completion": fim.steps / max(1, len(joined["fim"])),
        },
    }
    if joined["arctic"]:
        arctic = total(joined["arctic"])
        summary["oracle"]["arctic_tokens_per_step"] = arctic.tokens_per_step
        summary["oracle"]["arctic_drafted_per_step"] = arctic.drafted_per_step
    return summary


def table(result: dict[str, Any]) -> Table:
    """Lay all figures out, one a row."""
    view = Table("figure", "value", title="the drafting index")
    for name, text in _rows(result):
        view.add_row(name, text)
    return view


def _rows(result: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for name, value in result.items():
        if isinstance(value, dict):
            yield from _rows(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", "not run" if value is None else f"{value:,.2f}"

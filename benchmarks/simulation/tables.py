"""What is drawn for a simulated database, as rows of its tables."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.simulation.vocabulary import (
    ARMS,
    DISTRIBUTIONS,
    EXIT_MODES,
    FINISH,
    LANGUAGES,
    MODELS,
    OUTCOMES,
    SOURCES,
    Array,
)
from telemetry.schema import TABLES
from telemetry.survival import WINDOWS_S
from telemetry.writes import Write, accumulate, insert

Label = Callable[[str], int]


@dataclass(slots=True)
class Ids:
    """The last id given in each table."""

    opportunity: int = 0
    suggestion: int = 0
    accept: int = 0


def writes(batch: dict[str, Array], ids: Ids, label: Label) -> list[Write]:
    """The rows of a batch of opportunities, table by table."""
    batch["row"], ids.opportunity = _numbered(batch, ids.opportunity)
    returned = _where(batch, batch["outcome"] == 0)
    returned["suggestion"], ids.suggestion = _numbered(returned, ids.suggestion)
    accepts = _where(returned, returned["accepted"])
    accepts["accept"], ids.accept = _numbered(accepts, ids.accept)
    return [
        _opportunities(batch, label),
        _suggestions(returned, label),
        _accepts(accepts, label),
        *(_survival(accepts, window_s, label) for window_s in WINDOWS_S),
        _edits(batch, "typed", batch["typed"], label),
        _edits(accepts, "ai_inline", accepts["taken"], label),
        _commits(_where(batch, batch["committed"] > 0)),
    ]


def _numbered(rows: dict[str, Array], last: int) -> tuple[Array, int]:
    size = len(rows["outcome"])
    return np.arange(last + 1, last + size + 1), last + size


def _where(rows: dict[str, Array], chosen: Array) -> dict[str, Array]:
    return {name: values[chosen] for name, values in rows.items()}


def _insert(table: str, columns: dict[str, Array | int | None]) -> Write:
    size = max(len(values) for values in columns.values() if isinstance(values, np.ndarray))
    lists = [
        values.tolist() if isinstance(values, np.ndarray) else [values] * size
        for values in columns.values()
    ]
    return insert(table, tuple(columns), list(zip(*lists, strict=True)))


def _labelled(names: Sequence[str], label: Label, codes: Array) -> Array:
    """Label ids of codes; nothing is labelled that does not occur."""
    ids = np.zeros(len(names), dtype=int)
    for code in np.unique(codes):
        ids[code] = label(names[code])
    return ids[codes]


def _or_null(values: Array, there: Array) -> Array:
    nullable = values.astype(object)
    nullable[~there] = None
    return nullable


def _opportunities(rows: dict[str, Array], label: Label) -> Write:
    return _insert(
        "opportunity",
        {
            "id": rows["row"],
            "session": rows["user"] + 1,
            "doc_h": rows["doc"],
            "ts_ms": rows["ts_ms"],
            "lang": _labelled(LANGUAGES, label, rows["lang"]),
            "trigger": label("auto"),
            "outcome": _labelled(OUTCOMES, label, rows["outcome"]),
            "model": _labelled(MODELS, label, rows["model"]),
            "arm": _labelled(ARMS, label, rows["arm"]),
            "draft_source": _labelled(SOURCES, label, rows["source"]),
            "finish_reason": _labelled(FINISH, label, rows["finish"]),
            "exit_mode": _labelled(EXIT_MODES, label, rows["exit_mode"]),
            "distribution": _labelled(DISTRIBUTIONS, label, rows["exit_mode"]),
            "total_ms": rows["total_ms"],
            "prompt_tok": rows["prompt_tok"],
            "reused_tok": rows["reused"],
            "gen_tok": rows["gen_tok"],
            "steps": rows["steps"],
            "drafted_tok": rows["drafted"],
            "draft_ok_tok": rows["draft_ok"],
            "p_accept": rows["p_accept"],
            "propensity": 1,
            "features": rows["features"],
        },
    )


def _suggestions(rows: dict[str, Array], label: Label) -> Write:
    shown, inferred = rows["shown"], rows["shown_inferred"]
    taken = np.where(rows["full"], label("accepted"), label("partial"))
    reason = np.where(rows["esc"], label("esc"), label("typed_over"))
    source = np.where(inferred, label("inferred"), label("client"))
    return _insert(
        "suggestion",
        {
            "id": rows["suggestion"],
            "opportunity": rows["row"],
            "rank": 0,
            "len": rows["len"],
            "len_b": rows["len"],
            "lines": 1 + rows["multiline"],
            "multiline": rows["multiline"],
            "text_hmac": rows["suggestion"],
            "dedupe_hmac": rows["suggestion"],
            "shown_ms": _or_null(rows["ts_ms"] + 50, shown),
            "shown_dur_ms": _or_null(rows["shown_for"], shown),
            "hidden_reason": _or_null(np.where(rows["accepted"], taken, reason), shown),
            "ev_src": np.where(shown, source, label("none")),
            "typed_len": 0,
        },
    )


def _accepts(rows: dict[str, Array], label: Label) -> Write:
    return _insert(
        "accept",
        {
            "id": rows["accept"],
            "suggestion": rows["suggestion"],
            "ts_ms": rows["ts_ms"] + 50 + rows["shown_for"],
            "kind": np.where(rows["full"], label("full"), label("word")),
            "delta_len": rows["taken"],
            "cum_len": rows["taken"],
            "replaced_len": 0,
            "net_len": rows["taken"],
            "ev_src": np.where(rows["accept_inferred"], label("inferred"), label("client")),
        },
    )


def _survival(rows: dict[str, Array], window_s: int, label: Label) -> Write:
    length = rows["taken"]
    lexemes = np.maximum(length // 4, 1)
    edited, removed = window_s >= rows["edited_s"], window_s >= rows["removed_s"]
    known = window_s < rows["censored_s"]
    changed = np.maximum((length * rows["edited_share"]).astype(int), 1)
    lev = np.where(removed, length, np.where(edited, changed, 0))
    lex_dist = np.ceil(lexemes * lev / length).astype(int)
    seen = np.where(removed, label("removed"), label("ok"))
    return _insert(
        "survival",
        {
            "accept": rows["accept"],
            "window_s": window_s,
            "actual_s": window_s * np.where(rows["late"], 1.5, 1.0),
            "state": np.where(known, seen, label("censored_restart")),
            "method": label("tracked"),
            "init_len": length,
            "cur_len": _or_null(np.where(removed, 0, length), known),
            "lev": _or_null(lev, known),
            "lex_dist": _or_null(lex_dist, known),
            "lex_len": _or_null(lexemes, known),
            "arc": _or_null(length - lev, known),
            "ws_only": _or_null(0 * length, known),
            "branch_changed": 0,
        },
    )


def _commits(rows: dict[str, Array]) -> Write:
    return _insert(
        "commit_attr",
        {
            "id": rows["row"],
            "session": rows["user"] + 1,
            "commit_h": rows["row"],
            "ts_ms": rows["ts_ms"],
            "files": 1,
            "added": rows["committed"],
            "ai": rows["committed_ai"],
            "whole": 1,
        },
    )


def _edits(rows: dict[str, Array], cls: str, inserted: Array, label: Label) -> Write:
    lang, class_id = _labelled(LANGUAGES, label, rows["lang"]), label(cls)
    columns = (rows["user"] + 1, rows["doc"], lang, rows["ts_ms"] // 60_000, inserted)
    values = [
        (session, doc, language, minute, class_id, count, count, 0, 1)
        for session, doc, language, minute, count in zip(
            *(column.tolist() for column in columns), strict=True
        )
    ]
    return accumulate("edit_rollup", TABLES["edit_rollup"].names, values)

"""Events as rows: the only place where a value of the outside becomes a column of the store."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple, fields
from typing import Final

from telemetry.alignment import utf16_length
from telemetry.events import Opportunity, SessionStarted, Suggestion
from telemetry.privacy import Pseudonyms
from telemetry.survival import Survival
from telemetry.writes import Write, insert, insert_row

Label = Callable[[str], int]

SURVIVAL_COLUMNS: Final = tuple(field.name for field in fields(Survival))
_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,31}")  # of a feature
_STATE, _METHOD = SURVIVAL_COLUMNS.index("state"), SURVIVAL_COLUMNS.index("method")


def session_row(row: int, info: SessionStarted, user_h: str, label: Label, now_ms: int) -> Write:
    """A session that begins."""
    return insert_row(
        "session",
        id=row,
        user_h=user_h,
        client=label(info.client),
        client_ver=label(info.client_version),
        server_ver=label(info.server_version),
        started_ms=now_ms,
        caps=json.dumps(sorted(info.capabilities)),
    )


def opportunity_row(
    row: int, session: int, doc_h: int, event: Opportunity, label: Label, now_ms: int
) -> Write:
    """A trigger point and its outcome."""
    return insert_row(
        "opportunity",
        id=row,
        session=session,
        doc_h=doc_h,
        ts_ms=now_ms if event.started_ms is None else event.started_ms,
        lang=label(event.language),
        trigger=label(event.trigger),
        outcome=label(event.outcome),
        model=label(event.model),
        arm=label(event.arm),
        draft_source=label(event.draft_source),
        finish_reason=label(event.finish_reason),
        exit_mode=label(event.exit_mode),
        distribution=label(event.distribution),
        queue_ms=event.queue_ms,
        engine_ms=event.engine_ms,
        total_ms=event.total_ms,
        prompt_tok=event.prompt_tokens,
        reused_tok=event.reused_tokens,
        gen_tok=event.generated_tokens,
        steps=event.steps,
        drafted_tok=event.drafted_tokens,
        draft_ok_tok=event.accepted_draft_tokens,
        p_accept=event.p_accept,
        propensity=event.propensity,
        features=_features(event.features),
    )


def _features(features: Mapping[str, float]) -> str | None:
    """A JSON object of numbers; ValueError for anything in which a text could hide."""
    for name, value in features.items():
        if not _NAME.fullmatch(name) or not math.isfinite(value):
            raise ValueError(f"the feature {name!r} is not a plain name with a finite number")
    return (
        json.dumps({name: float(value) for name, value in features.items()}) if features else None
    )


def suggestion_row(
    row: int,
    opportunity: int,
    uri: str,
    suggestion: Suggestion,
    new_text: str,
    pseudonyms: Pseudonyms,
    label: Label,
) -> Write:
    """A returned suggestion: the lengths and keyed hashes of what is new in its text."""
    return insert_row(
        "suggestion",
        id=row,
        opportunity=opportunity,
        rank=suggestion.rank,
        len=utf16_length(new_text),
        len_b=len(new_text.encode("utf-8", "surrogatepass")),
        lines=new_text.count("\n") + 1,
        multiline=int("\n" in new_text),
        text_hmac=pseudonyms.text(new_text),
        dedupe_hmac=pseudonyms.ending(uri, new_text),
        ev_src=label("none"),
    )


def survival_rows(results: Sequence[Survival], label: Label) -> Write:
    """Checks that were made or censored."""
    rows = []
    for result in results:
        values = list(astuple(result))
        values[_STATE], values[_METHOD] = label(result.state), label(result.method)
        rows.append(tuple(values))
    return insert("survival", SURVIVAL_COLUMNS, rows)

"""The settings that requests are answered by; a repository or an experiment changes them."""

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, ValidationError

from completer.errors import BadRequestError
from completer.setting_kinds import Count, Section, Share

if TYPE_CHECKING:
    from completer.request import Arm
    from completer.settings import Settings


class CompletionSettings(Section):
    """What a completion may be."""

    max_tokens: Annotated[int, Field(ge=1, le=4096)] = 64
    prompt_tokens: Count | None = Field(
        None, description="prompt budget; by default 1024 on a CPU and 4096 on a GPU"
    )
    suffix_share: Share = Field(0.25, description="share of the prompt for text after the caret")
    suffix_rows: Literal["exact", "kept"] = Field(
        "exact",
        description="kept: where a model's prompt begins with the prefix, what was computed of the"
        " suffix is kept while the prefix changes: keys cost less, but another text; answers say"
        " `kept-suffix`; never when pure",
    )
    repository_share: Share = Field(0.2, description="share of the prompt for other files")
    repository_weight: Literal["auto"] | Share = Field(
        "auto",
        description="weight of the repository's own distribution in the model's; auto: as"
        " calibrated for the model and repository, where it proved better",
    )
    min_acceptance: Literal["auto"] | Share = Field(
        "auto",
        description="probability of being accepted below which nothing is shown; auto: as"
        " calibrated for the model and repository; 0: everything is shown",
    )
    exploration: Share = Field(
        0.02,
        description="share of what would not be shown that is shown nevertheless, so that"
        " `calibrate --from-telemetry` can learn from it",
    )
    exit_mode: Literal["lossless", "lossy"] = Field(
        "lossless",
        description="lossy: tokens may come from early layers: fewer layers, but another text",
    )
    guide_names: bool = Field(
        True, description="lean on names that static analysis knows to exist where they are written"
    )
    names_wait_ms: Annotated[float, Field(ge=0)] = Field(
        10.0, description="how long a request waits for static analysis; without it, it goes on"
    )
    check_syntax: bool = Field(True, description="hold back ghost text that does not parse")
    check_names: bool = Field(
        True, description="hold back ghost text with names that surely do not exist"
    )
    multiline: Literal["auto", "never", "always"] = "auto"
    max_lines: Count = 16
    deadline_ms: Annotated[float, Field(gt=0)] = 5000.0
    decode_ahead: bool = Field(
        False, description="while a completion is shown, compute what follows it"
    )
    disabled_in: Annotated[tuple[str, ...], Field(max_length=1000)] = Field(
        (),
        description="where nothing is completed: patterns as in `.gitignore`, languages as"
        " `language:markdown`, and `scope:comment` or `scope:string`",
    )


class DraftSettings(Section):
    """Speculative decoding from the repository."""

    enabled: bool = True
    self_speculation: bool = Field(
        True, description="let the model's first layers draft where that was measured to pay"
    )
    with_dependencies: bool = Field(False, description="draft from installed packages as well")
    max_index_mb: Count = 512


FOR_EVERYBODY = frozenset(
    {
        "completion.disabled_in",
        "drafting.self_speculation",
        "drafting.with_dependencies",
        "drafting.max_index_mb",
    }
)
"""What an index, an engine or the user's list is made of: it cannot differ by request."""


class RequestSettings(Section):
    """Those of them that somebody else than the user sets."""

    completion: CompletionSettings = CompletionSettings()
    drafting: DraftSettings = DraftSettings()

    @property
    def given(self) -> dict[str, Any]:
        """What is set here, by names such as `completion.max_lines`."""
        return {
            f"{section}.{name}": getattr(getattr(self, section), name)
            for section in RequestSettings.model_fields
            for name in sorted(getattr(self, section).model_fields_set)
        }


def with_given(settings: "Settings", given: Mapping[str, Any]) -> "Settings":
    """The settings with other values for some names; pydantic's `ValidationError` for bad ones."""
    changed = settings.model_dump(include=set(RequestSettings.model_fields))
    for name, value in given.items():
        section, _, option = name.partition(".")
        changed[section][option] = value
    return settings.model_copy(update=dict(RequestSettings(**changed)))


@lru_cache(maxsize=64)
def in_arm(settings: "Settings", arm: "Arm") -> "Settings":
    """The settings for a person in an arm, which go before all others. Raises `BadRequestError`."""
    given = dict(arm.given)
    try:
        changed = with_given(settings, given)
    except (KeyError, ValidationError) as error:
        raise BadRequestError(f"The arm {arm.name} has settings that cannot be.") from error
    if FOR_EVERYBODY & given.keys():
        raise BadRequestError(f"The arm {arm.name} has settings that cannot differ by request.")
    return changed

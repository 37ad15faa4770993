"""Fill-in-the-middle (FIM) layouts: how each model family wants prefix and suffix put together.

A model's config may say its layout (`"fim_layout": "completer-caret"` in config.json). Otherwise it
is chosen by the config's model type **and** by the marks that the tokenizer really has: the same
marks stand for different orders in different families, and a model type says nothing about marks.

PSM is prefix, suffix, middle; SPM is suffix, prefix, middle. Under SPM the prefix stands behind all
else, so that the keys and values of everything up to the caret are kept while a person types: a key
computes itself, the marks behind it and the answer.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from models.errors import ModelError

PREFIX = "{prefix}"
SUFFIX = "{suffix}"


@dataclass(frozen=True, slots=True, kw_only=True)
class FimLayout:
    """One family's layout.

    `template` lists marks and the two slots in their order. `end_marks` end a completion besides
    the tokenizer's own end mark. `repo_mark` and `file_mark` introduce the repository's name and
    each other file in front of the prompt; a family without them gets other files as plain text.
    `own_path` says that the path of the file to complete always stands in front.
    `note` is something that a user should know. A layout without `model_types` is used only where a
    config or a person names it.
    """

    name: str
    model_types: frozenset[str]
    template: tuple[str, ...]
    end_marks: tuple[str, ...] = ()
    repo_mark: str = ""
    file_mark: str = ""
    own_path: bool = False
    note: str = ""

    @property
    def marks(self) -> tuple[str, ...]:
        """The marks without which the layout cannot be used."""
        return tuple(part for part in self.template if part not in (PREFIX, SUFFIX))

    @property
    def order(self) -> Literal["psm", "spm"]:
        """Whether the prefix (`psm`) or the suffix (`spm`) comes first."""
        return "psm" if self.template.index(PREFIX) < self.template.index(SUFFIX) else "spm"


LAYOUTS: tuple[FimLayout, ...] = (
    FimLayout(
        name="completer-caret",
        model_types=frozenset(),
        template=("<|fim_suffix|>", SUFFIX, "<|fim_prefix|>", PREFIX, "<|fim_middle|>"),
        end_marks=("<|endoftext|>",),
        repo_mark="<|repo_name|>",
        file_mark="<|file_sep|>",
        own_path=True,
    ),
    FimLayout(
        name="completer-spm",
        model_types=frozenset(),
        template=("<|fim_prefix|>", "<|fim_suffix|>", SUFFIX, "<|fim_middle|>", PREFIX),
        end_marks=("<|endoftext|>",),
        repo_mark="<|repo_name|>",
        file_mark="<|file_sep|>",
    ),
    FimLayout(
        name="qwen-coder",
        model_types=frozenset({"qwen2", "qwen2_moe", "qwen3", "qwen3_moe", "qwen3_next"}),
        template=("<|fim_prefix|>", PREFIX, "<|fim_suffix|>", SUFFIX, "<|fim_middle|>"),
        end_marks=("<|endoftext|>", "<|fim_pad|>", "<|cursor|>"),
        repo_mark="<|repo_name|>",
        file_mark="<|file_sep|>",
        note="Qwen models that are not Coder models have these marks without being trained on them",
    ),
    FimLayout(
        name="starcoder",
        model_types=frozenset({"starcoder2", "gpt_bigcode", "granite", "llama", "granitemoe"}),
        template=("<fim_prefix>", PREFIX, "<fim_suffix>", SUFFIX, "<fim_middle>"),
        end_marks=("<|endoftext|>", "<fim_pad>"),
        repo_mark="<repo_name>",
        file_mark="<file_sep>",
    ),
    FimLayout(
        name="santacoder",
        model_types=frozenset({"gpt_bigcode", "gpt2"}),
        template=("<fim-prefix>", PREFIX, "<fim-suffix>", SUFFIX, "<fim-middle>"),
        end_marks=("<|endoftext|>", "<fim-pad>"),
    ),
    FimLayout(
        name="granite-4",
        model_types=frozenset({"granite", "granitemoe", "granitemoeshared", "granitemoehybrid"}),
        template=("<|fim_prefix|>", PREFIX, "<|fim_suffix|>", SUFFIX, "<|fim_middle|>"),
        end_marks=("<|endoftext|>", "<|fim_pad|>", "<|end_of_text|>"),
    ),
    FimLayout(
        name="code-llama",
        model_types=frozenset({"llama", "code_llama"}),
        template=("▁<PRE>", PREFIX, "▁<SUF>", SUFFIX, "▁<MID>"),
        end_marks=("▁<EOT>",),
    ),
    FimLayout(
        name="deepseek-coder",
        model_types=frozenset({"llama", "deepseek_v2", "deepseek_v3"}),
        template=("<｜fim▁begin｜>", PREFIX, "<｜fim▁hole｜>", SUFFIX, "<｜fim▁end｜>"),
        end_marks=("<｜end▁of▁sentence｜>", "<|EOT|>"),
    ),
    FimLayout(
        name="codegemma",
        model_types=frozenset({"gemma", "gemma2"}),
        template=("<|fim_prefix|>", PREFIX, "<|fim_suffix|>", SUFFIX, "<|fim_middle|>"),
        end_marks=("<|file_separator|>", "<end_of_turn>"),
        file_mark="<|file_separator|>",
    ),
    FimLayout(
        name="codestral",
        model_types=frozenset({"mistral"}),
        template=("[SUFFIX]", SUFFIX, "[PREFIX]", PREFIX),
        end_marks=("[MIDDLE]",),
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundLayout:
    """A layout with the token ids of one tokenizer. `stop_ids` end a completion."""

    layout: FimLayout
    mark_ids: Mapping[str, int]
    begin_ids: tuple[int, ...]
    stop_ids: frozenset[int]

    @property
    def overhead(self) -> int:
        """Tokens that every prompt spends on marks."""
        return len(self.begin_ids) + len(self.layout.marks)

    def prompt(
        self, prefix: Sequence[int], suffix: Sequence[int], context: Sequence[int] = ()
    ) -> list[int]:
        """Lay out one prompt from token ids; `context` (other files) goes in front of all marks."""
        slots = {PREFIX: prefix, SUFFIX: suffix}
        ids = [*self.begin_ids, *context]
        for part in self.layout.template:
            ids.extend(slots[part] if part in slots else (self.mark_ids[part],))
        return ids


def find_layout(
    model_type: str, vocabulary: Mapping[str, int], name: str | None = None
) -> FimLayout:
    """Choose the layout for a model type whose tokenizer has `vocabulary`.

    `name` is what a person or the model's config says: it holds whatever the model type is. Raises
    `ModelError` that lists what was looked for when none fits.
    """
    candidates = [each for each in LAYOUTS if name in (None, each.name)]
    if not candidates:
        known = ", ".join(each.name for each in LAYOUTS)
        raise ModelError(f"There is no FIM layout named {name!r}.", hint=f"Known: {known}.")
    for layout in candidates:
        fits = name is not None or model_type in layout.model_types
        if fits and all(mark in vocabulary for mark in layout.marks):
            return layout
    raise ModelError(
        f"This {model_type!r} model cannot fill in the middle: its tokenizer has none of the"
        " sets of marks that belong to its type.",
        hint=_what_was_looked_for(model_type, candidates),
    )


def bind_layout(
    layout: FimLayout,
    vocabulary: Mapping[str, int],
    *,
    begin_ids: Sequence[int] = (),
    special_ids: Sequence[int] = (),
) -> BoundLayout:
    """Look up the layout's marks.

    Everything special ends a completion: no mark of any kind belongs in code that is shown.
    """
    optional = (*layout.end_marks, layout.repo_mark, layout.file_mark)
    mark_ids = {mark: vocabulary[mark] for mark in (*layout.marks, *optional) if mark in vocabulary}
    return BoundLayout(
        layout=layout,
        mark_ids=mark_ids,
        begin_ids=tuple(begin_ids),
        stop_ids=frozenset(mark_ids.values()) | frozenset(special_ids),
    )


def _what_was_looked_for(model_type: str, candidates: Sequence[FimLayout]) -> str:
    fitting = [each for each in candidates if model_type in each.model_types] or candidates
    looked_for = "; ".join(f"{each.name}: {' '.join(each.marks)}" for each in fitting)
    return (
        f"Looked for {looked_for}. Choose a model that was trained to fill in the middle"
        " (most 'base' code models are; chat models are not). A model that `completer train` made"
        " before it wrote layouts down needs the line"
        ' "fim_layout": "completer-spm" in its config.json.'
    )

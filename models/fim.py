"""Which layout a model has, and its marks as the token ids of one tokenizer.

A model's config may say its layout (`"fim_layout": "completer-caret"` in config.json). Otherwise it
is chosen by the config's model type **and** by the marks that the tokenizer really has, and where
these are the same in several families, by what else tells them apart: the same marks stand for
different orders in different families, and a model type says nothing about marks.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from models.errors import ModelError
from models.fim_layouts import LAYOUTS
from models.fim_template import (
    FILES,
    OWN,
    PLAIN_FILE,
    PLAIN_OWN,
    PREFIX,
    SUFFIX,
    FimLayout,
    marks_of,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundLayout:
    """A layout with the token ids of one tokenizer, whose sections have no mark that it lacks.

    `stop_ids` end a completion.
    """

    layout: FimLayout
    mark_ids: Mapping[str, int]
    begin_ids: tuple[int, ...]
    stop_ids: frozenset[int]

    @property
    def overhead(self) -> int:
        """Tokens that every prompt spends on marks."""
        return len(self.begin_ids) + len(self.layout.marks)

    def prompt(
        self,
        prefix: Sequence[int],
        suffix: Sequence[int],
        files: Sequence[int] = (),
        own: Sequence[int] = (),
    ) -> list[int]:
        """Lay out one prompt from token ids; `files` and `own` are sections, of `SectionWriter`."""
        slots = {PREFIX: prefix, SUFFIX: suffix, FILES: files, OWN: own}
        ids = list(self.begin_ids)
        for part in self.layout.template:
            ids.extend(slots[part] if part in slots else (self.mark_ids[part],))
        return ids


def find_layout(
    model_type: str,
    vocabulary: Mapping[str, int],
    name: str | None = None,
    config: Mapping[str, object] | None = None,
) -> FimLayout:
    """Choose the layout for a model type whose tokenizer has `vocabulary`.

    `name` is what a person or the model's config says: it holds whatever the model type is.
    `config` is the rest of the config, which tells families apart that have the same marks. Raises
    `ModelError` that lists what was looked for when none fits.
    """
    candidates = [each for each in LAYOUTS if name in (None, each.name)]
    if not candidates:
        known = ", ".join(dict.fromkeys(each.name for each in LAYOUTS))
        raise ModelError(f"There is no FIM layout named {name!r}.", hint=f"Known: {known}.")
    for layout in candidates:
        fits = name is not None or (
            model_type in layout.model_types
            and layout.is_told_by(config or {})
            and layout.also <= vocabulary.keys()
        )
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
    """Look up the layout's marks; what has to do without them becomes plain text.

    Everything special ends a completion: no mark of any kind belongs in code that is shown.
    """
    sections = (layout.repo, layout.file, layout.behind_files, layout.own)
    optional = {mark for section in sections for mark in marks_of(section)}
    mark_ids = {
        mark: vocabulary[mark]
        for mark in (*layout.marks, *layout.end_marks, *sorted(optional))
        if mark in vocabulary
    }
    return BoundLayout(
        layout=_without_missing(layout, mark_ids),
        mark_ids=mark_ids,
        begin_ids=tuple(begin_ids),
        stop_ids=frozenset(mark_ids.values()) | frozenset(special_ids),
    )


def _without_missing(layout: FimLayout, mark_ids: Mapping[str, int]) -> FimLayout:
    """The same layout without the sections whose marks a tokenizer lacks."""
    if not mark_ids.keys() >= set(marks_of(layout.repo)):
        layout = replace(layout, repo=())
    in_files = (*layout.file, *layout.behind_files, *layout.own)
    if mark_ids.keys() >= set(marks_of(in_files)):
        return layout
    return replace(layout, file=PLAIN_FILE, behind_files=(), own=PLAIN_OWN)


def _what_was_looked_for(model_type: str, candidates: Sequence[FimLayout]) -> str:
    fitting = [each for each in candidates if model_type in each.model_types] or candidates
    looked_for = "; ".join(
        f"{each.name}: {' '.join((*each.marks, *sorted(each.also)))}" for each in fitting
    )
    return (
        f"Looked for {looked_for}. Choose a model that was trained to fill in the middle"
        " (most 'base' code models are; chat models are not). A model that `completer train` made"
        " before it wrote layouts down needs the line"
        ' "fim_layout": "completer-spm" in its config.json.'
    )

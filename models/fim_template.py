"""What a fill-in-the-middle (FIM) layout is: marks, text and slots in the order of a family.

PSM is prefix, suffix, middle; SPM is suffix, prefix, middle. Under SPM the prefix stands behind all
else, so that the keys and values of everything up to the caret are kept while a person types: a key
computes itself, the marks behind it and the answer.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

PREFIX, SUFFIX = "{prefix}", "{suffix}"
FILES, OWN = "{files}", "{own}"
"""Slots of a template: the text around the caret; other files, and the path of the file itself."""
REPO, PATH, TEXT = "{repo}", "{path}", "{text}"
COMMENT, LANGUAGE = "{comment}", "{language}"
"""Slots of a section: a name, a path, a text; what begins a comment, and its language's name."""
SLOTS = frozenset({PREFIX, SUFFIX, FILES, OWN, REPO, PATH, TEXT, COMMENT, LANGUAGE})


class Text(str):
    """Text that stands as it is in a template or a section, where other strings are marks."""

    __slots__ = ()


Section = tuple[str, ...]
"""Marks, `Text` and slots, one behind the other."""

PLAIN_OWN: Section = (Text("# "), PATH, Text("\n"))
PLAIN_FILE: Section = (*PLAIN_OWN, TEXT)
"""For families that know no marks of files: a comment says where a text is from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FimLayout:
    """One family's layout.

    `source` says where the family's authors, or else programs that prompt it, write it down.
    `template` lists marks and the slots `FILES`, `OWN`, `PREFIX` and `SUFFIX` in their order.
    `FILES` are sections: `repo` if the repository's name is known, `file` for each other file, then
    `behind_files`; `OWN` is the section with the path of the file to complete, which stands there
    always (`own_path`) or where other files do. A family whose tokenizer lacks the marks of its
    sections gets them as plain text.

    A model is of the family if its type is among `model_types`, its tokenizer has all `marks` and
    those in `also`, and its config has one of the entries in `config` or a name with `named` in it,
    where any of these is given (`is_told_by`). A layout without `model_types` is used only where a
    config or a person names it.

    `end_marks` and `end_texts` end a completion besides the tokenizer's own end mark. `spellings`
    are other ways in which clients write the template's marks, in their order. `note` is something
    that a user should know.
    """

    name: str
    source: str
    model_types: frozenset[str]
    template: Section
    repo: Section = ()
    file: Section = PLAIN_FILE
    behind_files: Section = ()
    own: Section = PLAIN_OWN
    own_path: bool = False
    also: frozenset[str] = frozenset()
    config: tuple[tuple[str, object], ...] = ()
    named: str = ""
    end_marks: tuple[str, ...] = ()
    end_texts: tuple[str, ...] = ()
    spellings: tuple[tuple[str, ...], ...] = ()
    note: str = ""

    @property
    def marks(self) -> tuple[str, ...]:
        """The marks without which the layout cannot be used."""
        return marks_of(self.template)

    @property
    def order(self) -> Literal["psm", "spm"]:
        """Whether the prefix (`psm`) or the suffix (`spm`) comes first."""
        return "psm" if self.template.index(PREFIX) < self.template.index(SUFFIX) else "spm"

    def is_told_by(self, config: Mapping[str, object]) -> bool:
        """Whether a config says that its model is of this family.

        Its name is in `_name_or_path`, or in `source`, where it was loaded from. The last three
        parts of a path are the name: a snapshot of the hub lies two folders down.
        """
        if not (self.config or self.named):
            return True
        paths = [str(config.get(key, "")).lower() for key in ("_name_or_path", "source")]
        names = ["/".join(path.split("/")[-3:]) for path in paths]
        named = bool(self.named) and any(self.named in name for name in names)
        return named or any(config.get(key) == value for key, value in self.config)


def marks_of(section: Section) -> tuple[str, ...]:
    """Return the marks of a template or a section, in their order."""
    return tuple(part for part in section if part not in SLOTS and not isinstance(part, Text))

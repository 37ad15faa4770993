"""What can be chosen for a language server, by whoever starts it or by the client."""

from __future__ import annotations

import logging
from pathlib import Path

import attrs
from attrs.validators import and_, ge, gt, instance_of, le, optional

from completer.request import ArmOf, in_no_arm

logger = logging.getLogger(__name__)

CLIENT_OPTIONS = ("choices", "deadline_ms", "after_deletion", "disabled_in")
"""What a client may choose for itself."""
NUMBER = (int, float)


def _entries(value: object) -> tuple[str, ...]:
    """A list of texts; raises `TypeError` for anything else."""
    if not isinstance(value, list | tuple) or not all(isinstance(each, str) for each in value):
        raise TypeError("disabledIn must be a list of texts")
    return tuple(value)


@attrs.frozen(kw_only=True)
class LspOptions:
    """Options of a language server.

    `context_chars` is how much text around the caret is handed on (on each side), `choices` how
    many alternatives are asked for when a person asks, `deadline_ms` the time after which what is
    there is returned (None: as the settings say). With `after_deletion` off, deleting text brings
    up nothing by itself. Documents longer than `max_document_chars` are completed but not learned
    from. `user` is who sits at the editor, `config` the file in which they disable completions;
    `disabled_in` adds to what it says. `arm_of` says which arm of an experiment they are in.
    """

    context_chars: int = attrs.field(default=65_536, validator=ge(256))
    choices: int = attrs.field(default=1, validator=and_(instance_of(int), ge(1), le(10)))
    deadline_ms: float | None = attrs.field(
        default=None, validator=optional(and_(instance_of(NUMBER), gt(0)))
    )
    after_deletion: bool = attrs.field(default=True, validator=instance_of(bool))
    max_document_chars: int = attrs.field(default=1_048_576, validator=ge(0))
    user: str = ""
    config: Path | None = None
    disabled_in: tuple[str, ...] = attrs.field(default=(), converter=_entries)
    arm_of: ArmOf = in_no_arm

    def with_client_wishes(self, wishes: object) -> LspOptions:
        """These options with what a client's `initializationOptions` say, in camelCase.

        They are left out as a whole if one of them has a value that it cannot have.
        """
        if not isinstance(wishes, dict):
            return self
        known = {
            name: wishes[to_camel(name)] for name in CLIENT_OPTIONS if to_camel(name) in wishes
        }
        try:
            return attrs.evolve(self, **known)
        except (TypeError, ValueError) as error:
            logger.warning("initializationOptions are ignored: %s", error.args[0])
            return self


def to_camel(name: str) -> str:
    """The name as clients spell it."""
    first, *others = name.split("_")
    return first + "".join(map(str.capitalize, others))

"""What can be chosen for a language server, by whoever starts it or by the client."""

from __future__ import annotations

import logging
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

logger = logging.getLogger(__name__)

CLIENT_OPTIONS = ("choices", "deadline_ms", "after_deletion", "disabled_in")
"""What a client may choose for itself."""


class LspOptions(BaseModel):
    """Options of a language server.

    `context_chars` is how much text around the caret is handed on (on each side), `choices` how
    many alternatives are asked for when a person asks, `deadline_ms` the time after which what is
    there is returned (None: as the settings say). With `after_deletion` off, deleting text brings
    up nothing by itself. Documents longer than `max_document_chars` are completed but not learned
    from. `user` is who sits at the editor, `config` the file in which they disable completions;
    `disabled_in` adds to what it says.
    """

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True)

    context_chars: int = Field(default=65_536, ge=256)
    choices: int = Field(default=1, ge=1, le=10)
    deadline_ms: float | None = Field(default=None, gt=0)
    after_deletion: bool = True
    max_document_chars: int = Field(default=1_048_576, ge=0)
    user: str = ""
    config: Path | None = None
    disabled_in: tuple[str, ...] = ()

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
            return LspOptions.model_validate({**dict(self), **known})
        except ValidationError as error:
            wrong = [f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()]
            logger.warning("initializationOptions are ignored: %s", "; ".join(wrong))
            return self

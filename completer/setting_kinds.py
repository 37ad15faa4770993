"""The kinds of values that settings have."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from completer.config_file import APP as APP

Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=1)]
Seconds = Annotated[float, Field(gt=0, le=86_400, allow_inf_nan=False)]
Milliseconds = Annotated[float, Field(ge=0, le=10_000, allow_inf_nan=False)]


class Section(BaseModel):
    """Settings that belong together, under one name of the settings file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

"""Files of what was fitted to a model's exits: written wholly or not at all, and for one model."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from safetensors.torch import save_file
from torch import Tensor

from models.errors import ModelError

AGAIN = "Run `completer calibrate` again."


def save_whole(file: Path, tensors: dict[str, Tensor], metadata: Mapping[str, str]) -> None:
    """Write tensors and metadata as safetensors, in place of what is there.

    They were fitted to somebody's code: only its owner may read the file.
    """
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    beside = file.with_suffix(".new")
    beside.unlink(missing_ok=True)
    beside.touch(mode=0o600)
    save_file(tensors, beside, metadata=dict(metadata))
    beside.replace(file)


def refuse_other_widths(file: Path, widths: Iterable[int], width: int) -> None:
    """Raise `ModelError` if what was read from `file` takes states of another width."""
    if any(each != width for each in widths):
        raise ModelError(f"{file} was fitted for another model.", hint=AGAIN)

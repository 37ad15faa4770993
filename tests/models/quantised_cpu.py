"""Skips what needs quantised weights on processors that do not run them."""

import pytest
import torch

from models.errors import ModelError
from models.quantising import check_device


def _runs(dtype: str) -> bool:
    try:
        check_device(dtype, torch.device("cpu"))
    except ModelError:
        return False
    return True


needs_int8 = pytest.mark.skipif(
    not _runs("int8"), reason="this processor has no exact int8 products"
)
needs_int4 = pytest.mark.skipif(not _runs("int4"), reason="this processor has no int4 products")

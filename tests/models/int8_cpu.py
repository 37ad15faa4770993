"""Skips what needs exact int8 products on processors without them."""

import pytest
import torch

from models.errors import ModelError
from models.int8 import check_device


def _exact() -> bool:
    try:
        check_device(torch.device("cpu"))
    except ModelError:
        return False
    return True


needs_int8 = pytest.mark.skipif(not _exact(), reason="this processor has no exact int8 products")

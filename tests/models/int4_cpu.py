"""Skips what needs int4 weights on processors that pack them in another order."""

import pytest
import torch

from models.errors import ModelError
from models.int4 import check_device


def _packs() -> bool:
    try:
        check_device(torch.device("cpu"))
    except ModelError:
        return False
    return True


needs_int4 = pytest.mark.skipif(not _packs(), reason="this processor packs int4 in another order")

"""Attention as a GPU returns it: the same numbers, one token's heads side by side in memory.

torch's fused kernels for CUDA lay out a result [B, H, T, D] as [B, T, H, D]; its CPU kernels give
most results as they are indexed. What takes one for the other works on one device only.
"""

import importlib
import pkgutil
import sys

import pytest
from torch.nn.functional import scaled_dot_product_attention

import completer.engine
import models

NAME = "scaled_dot_product_attention"


def as_on_cuda(*arguments, **options):
    """Attend, with the strides of the fused kernels for CUDA."""
    result = scaled_dot_product_attention(*arguments, **options)
    return result.transpose(1, 2).contiguous().transpose(1, 2)


def lay_out_as_on_cuda(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Have every module of ours that attends get such results; return the modules' names."""
    for package in (completer.engine, models):
        for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            importlib.import_module(module.name)
    attending = {
        name
        for name, module in sys.modules.items()
        if name.startswith(("completer.", "models.")) and NAME in vars(module)
    }
    for name in attending:
        monkeypatch.setattr(f"{name}.{NAME}", as_on_cuda)
    monkeypatch.setattr(f"torch.nn.functional.{NAME}", as_on_cuda)
    return attending

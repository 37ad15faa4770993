"""Ray is an extra: what runs on it is skipped where it is not installed."""

from importlib.util import find_spec

import pytest

needs_ray = pytest.mark.skipif(
    find_spec("ray") is None, reason="Ray is not installed: pip install 'completer[cluster]'"
)

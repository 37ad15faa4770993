"""Options that all tests share."""

import os

import pytest
import torch

# What the person who runs the tests has set is theirs, and names of settings know no case.
for name in [name for name in os.environ if name.upper().startswith("COMPLETER_")]:
    del os.environ[name]

torch.set_num_threads(1)  # the tests' models are too small to share


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--device", default="cpu", help="device for the engine's tests: cpu or cuda")


@pytest.fixture
def device(request: pytest.FixtureRequest) -> torch.device:
    return torch.device(request.config.getoption("--device"))

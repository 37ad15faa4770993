"""Options that all tests share."""

import pytest
import torch

torch.set_num_threads(1)  # the tests' models are too small to share


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--device", default="cpu", help="device for the engine's tests: cpu or cuda")


@pytest.fixture
def device(request: pytest.FixtureRequest) -> torch.device:
    return torch.device(request.config.getoption("--device"))

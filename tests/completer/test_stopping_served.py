"""The stop controller at work in the service: when it judges, and what a person gets."""

from pathlib import Path

import pytest

from completer.calibration import Calibration, Calibrations, Mixture
from completer.cli.assembly import build_service
from completer.engine.cost import ASSUMED
from completer.engine.tuning import Tuning
from completer.request import Completion, CompletionRequest
from completer.serving.measures import measures, outcome
from completer.settings import Settings
from completer.stopping.controller import Rule
from completer.stopping.scorecard import Scorecard
from models.loading import LoadedModel, load_model
from tests.tiny import save_tiny

NO_TUNING = Tuning("float32", 1, False, ASSUMED, ())
UNLIKELY, LIKELY = Scorecard(-3.0, {}), Scorecard(3.0, {})  # 0.047 and 0.953


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> LoadedModel:
    return load_model(str(save_tiny("llama", tmp_path_factory.mktemp("model"))), device="cpu")


@pytest.fixture
def serve(model, tmp_path):
    services = []

    def make(card: Scorecard, **completion):
        settings = Settings(
            cache_folder=tmp_path / "cache",
            calibration_folder=tmp_path / "calibration",
            engine={"kv_cache_mb": 8},
            completion={"exploration": 0.0, **completion},
        )
        Calibrations(model, settings.calibration_folder).adopt(
            None, Calibration(stopping=Rule(card, 0.1))
        )
        services.append(build_service(model, NO_TUNING, settings))
        return services[-1]

    yield make
    for service in services:
        service.close()


def ask(**options) -> CompletionRequest:
    asked = {"path": Path("a.py"), "max_tokens": 12, "polish": True, **options}
    return CompletionRequest(prefix="def f(x):\n    return x + ", suffix="\n", **asked)


async def test_what_will_not_be_accepted_is_not_shown(serve):
    completion = await serve(UNLIKELY).complete(ask())

    assert completion.text == ""
    assert completion.finish_reason == "low_confidence"
    assert completion.stats.steps == 0
    assert outcome(completion) == "filtered"
    assert measures(completion, 1.0)["p_accept"] == pytest.approx(0.0474, abs=1e-4)
    assert measures(completion, 1.0)["propensity"] == 0.0
    assert measures(completion, 1.0)["features"]["tokens"] == 1


async def test_what_may_be_accepted_is_shown_with_its_probability(serve):
    completion = await serve(LIKELY).complete(ask())

    assert completion.finish_reason != "low_confidence"
    assert completion.confidence.probability == pytest.approx(0.9526, abs=1e-4)
    assert measures(completion, 1.0)["propensity"] == 1.0


@pytest.mark.parametrize(
    ("request_options", "settings"),
    [
        ({"trigger": "manual"}, {}),  # a person asked
        ({"polish": False}, {}),  # a client wants the text as it comes
        ({}, {"min_acceptance": 0.0}),
        ({}, {"min_acceptance": 0.04}),
        ({}, {"exploration": 1.0}),
    ],
)
async def test_when_nothing_is_held_back(serve, request_options, settings):
    completion = await serve(UNLIKELY, **settings).complete(ask(**request_options))

    assert completion.finish_reason != "low_confidence"
    assert completion.stats.generated_tokens > 1


async def test_what_explores_says_how_likely_that_was(serve):
    completion = await serve(UNLIKELY, exploration=1.0).complete(ask())

    assert measures(completion, 1.0)["propensity"] == 1.0  # the chance of exploring, here certain


async def test_a_calibration_holds_only_for_the_distribution_that_it_was_fitted_to(model, tmp_path):
    settings = Settings(
        cache_folder=tmp_path, calibration_folder=tmp_path, engine={"kv_cache_mb": 8}
    )
    fitted = Calibration(stopping=Rule(UNLIKELY, 0.1), mixture=Mixture(0.5))
    Calibrations(model, tmp_path).adopt(None, fitted)
    service = build_service(model, NO_TUNING, settings)
    completion = await service.complete(ask())  # no workspace that could be mixed in
    service.close()

    assert completion.distribution == "model"
    assert completion.finish_reason != "low_confidence"
    assert completion.confidence is None


async def test_pure_answers_are_never_judged(model, tmp_path):
    settings = Settings(
        cache_folder=tmp_path, calibration_folder=tmp_path, pure=True, engine={"kv_cache_mb": 8}
    )
    Calibrations(model, tmp_path).adopt(None, Calibration(stopping=Rule(UNLIKELY, 0.1)))
    service = build_service(model, NO_TUNING, settings)
    completion = await service.complete(ask())
    service.close()

    assert completion.finish_reason != "low_confidence"
    assert completion.confidence is None


async def test_what_is_streamed_is_plain_text_and_never_held_back(serve):
    parts = [part async for part in serve(UNLIKELY).stream(ask())]

    assert isinstance(parts[-1], Completion)
    assert parts[-1].finish_reason != "low_confidence"
    assert "".join(part.text for part in parts[:-1]) == parts[-1].text

"""What the engine is asked for a request."""

from dataclasses import replace

import pytest

from completer.cli.assembly import build_service
from completer.request import CompletionRequest
from models.loading import load_model
from models.source import BUNDLED
from tests.completer.serving.test_service import NO_TUNING, settings
from tests.tiny import save_tiny


@pytest.mark.slow
async def test_a_bracket_that_the_editor_closes_keeps_what_was_computed(tmp_path):
    service = build_service(load_model(BUNDLED, device="cpu"), NO_TUNING, settings(tmp_path))
    above = "".join(f"def half_{number}(a):\n    return a / 2\n\n\n" for number in range(20))
    asked = CompletionRequest(
        prefix=above + "total = half_1",
        suffix="\n\nprint(total)\n",
        language="python",
        deadline_ms=60_000.0,
    )
    await service.complete(asked)
    opened = await service.complete(
        replace(asked, prefix=asked.prefix + "(", suffix=")" + asked.suffix)
    )
    changed = await service.complete(replace(asked, suffix=" + 1" + asked.suffix))
    service.close()

    assert opened.stats.prompt_tokens - opened.stats.reused_tokens < 8
    assert changed.stats.prompt_tokens - changed.stats.reused_tokens > 200


async def test_kept_suffixes_are_asked_for_and_labelled(tmp_path):
    model = load_model(str(save_tiny("qwen2", tmp_path / "model")), device="cpu")
    kept = settings(tmp_path, completion={"suffix_rows": "kept"})
    asked = CompletionRequest(
        prefix="total = ", suffix="\n" * 40, max_tokens=2, deadline_ms=60_000.0
    )
    answers = {}
    for name, wanted in (
        ("kept", kept),
        ("exact", settings(tmp_path)),
        ("pure", kept.model_copy(update={"pure": True})),
    ):
        service = build_service(model, replace(NO_TUNING, lean=True), wanted)
        first = await service.complete(asked)
        answers[name] = await service.complete(replace(asked, prefix=asked.prefix + "("))
        service.close()
        assert first.distribution == "model"

    assert answers["kept"].distribution == "kept-suffix"
    assert answers["kept"].stats.kept_tokens == 40
    for name in ("exact", "pure"):
        assert answers[name].distribution == "model"
        assert answers[name].stats.kept_tokens == 0

"""Self-speculation is judged by two engines on the same prompts and weights."""

from completer.cli.assembly import build_pair
from completer.context.prompt import PromptBuilder
from completer.engine.cost import ASSUMED
from completer.engine.tuning import Tuning
from completer.evaluation.speculation import SETTLING
from completer.evaluation.turns import take_turns
from completer.request import CompletionRequest
from completer.settings import Settings
from models.loading import load_model
from tests.tiny import save_tiny


def test_both_engines_answer_alike_and_the_result_says_why(tmp_path):
    model = load_model(str(save_tiny("llama", tmp_path)), device="cpu")
    pair = build_pair(model, Tuning("float32", 1, True, ASSUMED, ()), Settings(), [])
    builder = PromptBuilder(
        model.tokenizer.backend_tokenizer, model.layout, budget=64, suffix_share=0.25
    )
    prompts = [
        builder.build(CompletionRequest(prefix=f"x = {n} +", suffix="\n"))
        for n in range(SETTLING + 3)
    ]
    seen = []
    result = pair.compare(model, prompts, lambda done, total: seen.append(done))
    pair.close()

    assert result["identical"]
    assert result["prompts"] == len(prompts) - len(prompts) // 2
    assert result["speed_ratio"]["low"] <= result["speed_ratio"]["value"]
    assert result["active"] or "pay" in result["reason"]
    assert set(result["agreement"]) == {"1"}
    assert seen[-1] == len(prompts)


def test_everyone_is_first_in_turn():
    order = []
    runs = {name: lambda asked, name=name: order.append(name + asked) for name in "ab"}
    take_turns(runs, "123", lambda done, total: None)
    assert order == ["a1", "b1", "b2", "a2", "a3", "b3"]

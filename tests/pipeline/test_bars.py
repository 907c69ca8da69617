from __future__ import annotations

from typing import Any

from promptsci.pipeline.bars import alarms


def result(method: str, value: float, model: str | None = "tiny", majority: float | None = None) -> dict[str, Any]:
    """As much of a result as an alarm reads."""
    metrics = {"macro_f1": {"value": value}, "rmse": {"value": value}}
    always = majority is not None and {"label": "a", "metrics": {name: {"value": majority} for name in metrics}}
    return {"main": "macro_f1", "method": method, "model": model, "metrics": metrics, "majority": always or None}


def test_every_bar_that_was_missed_is_named() -> None:
    """A tuned model below its base, the bag of words and the majority label hears of all three; equal is not below."""
    bars = [result("tfidf", 0.6, None), result("zero-shot", 0.4), result("2-shot", 0.3)]
    said = alarms(bars, result("lora", 0.3, majority=0.35), higher=True)

    assert [line.split(":")[0] for line in said] == [
        "TUNED BELOW ALWAYS ANSWERING 'a'",
        "TUNED BELOW COUNTED WORDS (tfidf)",
        "TUNED BELOW ITS OWN BASE (zero-shot prompting of tiny)",
    ]
    assert said[1].endswith("macro_f1 is 30.0 after tuning, 60.0 there")


def test_better_weights_hear_nothing() -> None:
    """Above every bar nothing is said."""
    assert alarms([result("tfidf", 0.2, None)], result("lora", 0.3, majority=0.1), higher=True) == []


def test_less_is_better_for_errors() -> None:
    """Where the metric is an error, the larger value is the worse one, in the units of the data."""
    tuned = {**result("lora", 2.5), "main": "rmse"}

    assert alarms([result("zero-shot", 3.0)], tuned, higher=False) == []
    (said,) = alarms([result("zero-shot", 2.0)], tuned, higher=False)
    assert said.endswith("rmse is 2.5 after tuning, 2 there")

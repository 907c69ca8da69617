from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any


def test_a_head_is_trained_and_scored_from_the_command_line(
    call: Callable[..., Any], project: Path, tiny_encoder_folder: Path
) -> None:
    """One JSON object on stdout, nothing else; the table for people, counted words beside; the runs are listed."""
    words = ["tune", "--head", "task=verdicts", f"model={tiny_encoder_folder}", "epochs=1", "batch=4"]
    answer = call(*words, "--json")

    assert (answer.code, answer.err) == (0, "")
    assert answer.json["method"] == "head"
    assert any("held out of train" in warning for warning in answer.json["warnings"])
    shown = call(*words).out
    assert "verdicts  head  template verdicts/plain" in shown
    assert "lr 0.0001, layer 0.001, batch 4, class weights balanced, best epoch 1" in shown
    assert [run["method"] for run in call("runs", "--json").json["runs"]] == ["head", "tfidf"]
    (bar,) = answer.json["bars"]
    assert (bar["method"], bar["n"]) == ("tfidf", answer.json["n"])
    is_below = answer.json["metrics"]["macro_f1"]["value"] < bar["metrics"]["macro_f1"]["value"]
    assert any("TUNED BELOW COUNTED WORDS" in warning for warning in answer.json["warnings"]) == is_below
    beside = shown.split("Stored in")[1]
    assert [name in beside for name in ("always ", "tfidf", "head")] == [True] * 3


def test_what_a_head_cannot_use_is_refused(call: Callable[..., Any], project: Path, tiny_encoder_folder: Path) -> None:
    """Unknown values get the nearest spelling, bad ones the usual value, unknown models all that is known."""
    assert "Did you mean 'epochs'" in call("tune", "--head", "task=verdicts", "epoch=1").err
    answer = call("tune", "--head", "task=verdicts", "model=minilmm", "epochs=0")
    assert answer.code == 1
    assert "epochs=0 is too small" in answer.err
    assert "Did you mean 'minilm'" in answer.err
    assert not Path(os.environ["PROMPTSCI_RUNS"]).exists()


def test_a_tuning_has_one_method_and_a_head_no_shots(call: Callable[..., Any], project: Path) -> None:
    """Options of the other methods are refused by name, and so is --frozen without a head."""
    assert "--head and --lora are given" in call("tune", "task=verdicts", "--head", "--lora").err
    assert "--head does not know --shots" in call("tune", "task=verdicts", "--head", "--shots", 2).err
    assert "--frozen says what of a head's body learns" in call("tune", "task=verdicts", "--frozen").err

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptsci.report.console import console
from promptsci.report.explanation import faithfulness_line, segments, show_explanation
from promptsci.report.page.explanation import explanation_page, shade

TEXT = "We <b>follow</b> Collins (1997), & more."


def explained(**changes: Any) -> dict[str, Any]:
    """What ``explain --json`` prints for one row."""
    words = [
        {"text": TEXT[a:b], "field": "text", "start": a, "stop": b, "change": change, "parts": []}
        for a, b, change in ((0, 2, 0.1), (3, 16, 2.0), (17, 32, -1.0))
    ]
    shots = [
        {"place": 0, "id": "train-1", "gold": "Uses", "text": "far <i>", "change": 0.5, "how": "hidden", "hidden": 0.5},
        {
            "place": 1,
            "id": "train-2",
            "gold": "Future",
            "text": "near",
            "change": None,
            "how": "not asked",
            "hidden": None,
        },
    ]
    row = {
        "id": "test-1", "gold": "Uses", "fields": {"text": TEXT}, "choice": "Uses", "decided": "Uses", "log_odds": 0.7,
        "probabilities": {"Uses": 0.67, "Future": 0.33}, "words": words, "named": words[1:2],
        "faithful": {"named": 2.0, "random": [0.1, -0.2, 0.3], "holds": True}, "shots": shots,
        "gradients": [{"text": "We", "value": -0.4}], "tokens": {"once": 100, "computed": 250, "ratio": 2.5},
        "notes": ["1 of 2 shots were not asked about: the budget ended"],
    }  # fmt: skip
    return {
        "task": "acl-arc", "template": "plain", "model": "tiny", "adapter": None, "method": "2-shot", "split": "test",
        "shots": 2, "rule": "sum", "rows": [row], "shot_map": None, "warnings": [], "run_dir": "runs/x",
        "faithfulness": {"holds": 1, "n": 1, "share": 1.0, "low": 0.2, "high": 1.0, "unasked": 0, "bar": 0.8},
        "tokens": {"once": 100, "computed": 250, "ratio": 2.5, "highest_ratio": 2.5}, **changes,
    }  # fmt: skip


def test_the_pieces_of_a_text_are_the_text() -> None:
    """Coloured or not, nothing of it is lost, and each piece has the change of its words."""
    found = list(segments(explained()["rows"][0], "text"))

    assert "".join(text for text, _ in found) == TEXT
    assert ("<b>follow</b>", 2.0) in found


@given(st.floats(-10, 10), st.floats(0.1, 10))
def test_colours_say_direction_and_strength(change: float, most: float) -> None:
    """Above 0 speaks for, below against; steps go from 1 to 9, and what hardly moves is silent."""
    found = shade(change, most).split()

    if found != ["silent"]:
        assert found[0] == ("for" if change > 0 else "against")
        assert 1 <= int(found[1].removeprefix("s")) <= 9
    else:
        assert abs(change) <= most / 9


def test_the_terminal_says_what_is_exact_and_what_was_not_asked(capsys: pytest.CaptureFixture[str]) -> None:
    """Row, named words, check, shots with how they were asked, notes, and what it cost."""
    show_explanation(explained(), console())

    out = capsys.readouterr().out
    for said in (
        "test-1: Uses 67.0 %",
        "<b>follow</b> +2.00",
        "hidden (approximate)",
        "not asked",
        "2.50 x",
        "Note: 1 of",
    ):
        assert said in out


def test_the_page_escapes_what_the_data_say() -> None:
    """Texts are text: no markup of theirs, no script, nothing from elsewhere."""
    html = explanation_page(explained())

    assert "&lt;b&gt;follow&lt;/b&gt;" in html
    assert "<b>follow" not in html
    assert "far &lt;i&gt;" in html
    assert "<script" not in html
    assert "src=" not in html.replace("script-src", "").replace("style-src", "").replace("default-src", "")


def test_a_missed_bar_is_said_loudly() -> None:
    """Below 80 % the line says so, with the rows that could not be asked."""
    found = {"holds": 7, "n": 10, "share": 0.7, "low": 0.4, "high": 0.9, "unasked": 2, "bar": 0.8}

    assert "NOT REACHED; 2 could not be asked" in faithfulness_line(found)

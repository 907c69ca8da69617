from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

Call = Callable[..., tuple]


@pytest.fixture
def show(call: Call, project: Path, tiny_tokenizer_folder: Path) -> Call:
    """``promptsci show`` on the project's task with the tiny tokenizer."""
    return lambda *words: call("show", "task=verdicts", f"model={tiny_tokenizer_folder}", *words)


def test_the_prompt_is_shown_part_by_part(show: Call) -> None:
    """Instruction, shots, answers, query and the choices stand in the margin, the text beside them."""
    out = show("--format", "plain", "--shots", 2).out
    names = re.findall(r"^ *(instruction|shot \d|answer \d|query|answers) ", out, flags=re.MULTILINE)

    assert names == ["instruction", "shot 1", "answer 1", "shot 2", "answer 2", "query", "answers"]
    assert "Is it good or bad?" in out
    assert "✓ ␣good" in out


def test_prompts_do_not_wait_for_the_split(show: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    """The prompts are printed before the whole split is measured."""
    import promptsci.author.show as room
    from promptsci.errors import PromptError

    def fail(*_: object) -> None:
        raise PromptError("the split was measured")

    monkeypatch.setattr(room, "measure", fail)
    shown = show("--format", "plain")

    assert "✓ ␣good" in shown.out
    assert (shown.code, "the split was measured" in shown.err) == (1, True)


def test_ids_stand_behind_their_tokens(show: Call) -> None:
    """``--ids`` writes the number of each token; without it there is none."""
    with_ids, without = show("--format", "plain", "--ids").out, show("--format", "plain").out
    ids = show("--format", "plain", "--json").json["prompts"][0]["ids"]

    assert re.findall(r"\[(\d+)\]", with_ids.split("answers")[0]) == [str(number) for number in ids]
    assert "[" not in without.split("answers")[0].split("\n", 2)[2]


@pytest.mark.parametrize("format_", ["plain", "chat", "chat-one-turn"])
def test_what_is_shown_is_what_is_run(show: Call, score: Call, runs: Path, format_: str) -> None:
    """The texts, shots and token counts of show are those of the run with the same settings, row by row."""
    import hashlib
    import json

    shown = show("--format", format_, "--shots", 2, "--seed", 3, "-n", 24, "--json").json["prompts"]
    score("--format", format_, "--shots", 2, "--seed", 3)
    (path,) = runs.glob("verdicts/*/predictions.jsonl")
    run = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]

    assert [hashlib.sha256(each["text"].encode()).hexdigest()[:16] for each in shown] == [
        row["prompt_sha256"] for row in run
    ]
    assert [(each["id"], each["shots"], len(each["ids"])) for each in shown] == [
        (row["id"], row["shots"], row["prompt_tokens"]) for row in run
    ]


def test_the_cost_is_that_of_the_run(show: Call, score: Call) -> None:
    """Tokens for 1,000 rows, shared and not, are the run's own counts, scaled."""
    cost = show("--shots", 2, "--json").json["measure"]["cost"]
    tokens = score("--shots", 2, "--json").json["tokens"]

    assert cost == {
        "rows": 24,
        "shared": round(1000 * tokens["distinct"] / 24),
        "unshared": round(1000 * tokens["unshared"] / 24),
        "written": 0,
    }


def test_a_row_can_be_named(show: Call) -> None:
    """``--row`` shows the row of an id; an unknown id is answered with the nearest."""
    assert [each["id"] for each in show("--row", "test-7", "--json").json["prompts"]] == ["test-7"]
    answer = show("--row", "tset-7")
    assert answer.code == 1
    assert "no row of test has the id 'tset-7'\n  Did you mean 'test-7'?" in answer.err


def test_without_a_tokenizer_the_text_alone_is_shown(call: Call, project: Path) -> None:
    """Nothing is downloaded for a look: without a fetched model plain text is shown, and what to type for tokens."""
    answer = call("show", "task=verdicts", "--shots", 2)
    shown = call("show", "task=verdicts", "--json").json

    assert answer.code == 0
    assert "no tokenizer at hand" in answer.out
    assert "promptsci models pull smollm2-135m" in answer.out
    assert (shown["model"], shown["measure"], shown["prompts"][0]["ids"]) == (None, None, [])
    assert shown["prompts"][0]["text"] == "Is it good or bad?\n\nText: The table number 0 is convincing.\nIt is"


def test_the_page_is_one_file_that_needs_nothing(show: Call, project: Path) -> None:
    """``--html`` writes a page without scripts, links or addresses, in which text from the data is only text."""
    (project / "odd.jsonl").write_text(
        '{"text": "<script>alert(1)</script> & <b>\\"bold\\"</b>", "label": "good"}\n', encoding="utf-8"
    )
    answer = show("data=odd.jsonl", "--html", "page.html", "--ids")
    page = (project / "page.html").read_text(encoding="utf-8")

    assert (answer.code, answer.out) == (0, "")
    assert "page.html" in answer.err
    assert not re.search(r"<script|<link|<img|src=|href=|https?://|@import|url\(", page)
    assert "prefers-color-scheme: dark" in page
    assert "@media print" in page
    assert "<b>" not in page
    text = re.sub(r'<span class="ids">[\d,]*</span>|<[^>]+>', "", page)
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; &lt;b&gt;&#34;bold&#34;&lt;/b&gt;" in text


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["template=plian"], "Did you mean 'plain'?"),
        (["split=tset"], "Did you mean 'test'?"),
        (["--shots", "99"], "99 shots are asked for, but the pool has 9"),
        (["--choose", "simlar", "--shots", "2"], "Did you mean 'similar'?"),
        (["data=onw"], "Did you mean 'own'?"),
        (["--html", "nowhere/page.html"], "the page cannot be written"),
    ],
)
def test_what_cannot_be_shown_is_answered(show: Call, words: list[str], said: str) -> None:
    """A wrong setting is an error with what to write instead, as in run."""
    answer = show(*words)

    assert (answer.code, answer.out) == (1, "")
    assert said in answer.err


def test_a_row_that_does_not_fit_is_shown_and_said(show: Call, project: Path, tiny_lm_folder: Path, call: Call) -> None:
    """A row longer than the context is shown without shots, marked, and counted in the table of fits."""
    (project / "long.jsonl").write_text(
        '{"text": "short", "label": "good"}\n{"text": "' + "long " * 400 + '", "label": "bad"}\n', encoding="utf-8"
    )
    words = ["show", "task=verdicts", f"model={tiny_lm_folder}", "data=long.jsonl", "-n", 2]
    shown = call(*words, "--json").json

    assert [each["fits"] for each in shown["prompts"]] == [True, False]
    assert [fit["too_long"] for fit in shown["measure"]["fits"] if fit["shots"] == 0] == [1]
    assert "does not fit the context" in call(*words).out

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

Call = Callable[..., tuple]


def rows_of(page: Path) -> dict:
    """What the page's script is given."""
    return json.loads(re.search(r'id="payload">(.*?)</script>', page.read_text(encoding="utf-8"), re.DOTALL).group(1))


def test_compare_writes_a_page(call: Call, score: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From any folder ``--html`` writes the page beside what is printed, with the texts that were scored."""
    score("--limit", 8)
    score("--shots", 2, "--limit", 8)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    plain = call("compare", "task=verdicts", "--json")
    told = call("compare", "task=verdicts", "--json", "--html", "report.html")
    stored = rows_of(Path("report.html"))

    assert (told.code, told.json) == (0, plain.json)
    assert re.search(r"Wrote report.html \(0\.\d MB\)", told.err)
    assert {method["name"] for method in stored["methods"]} == {"zero-shot", "2-shot"}
    assert len(stored["ids"]) == 8
    assert all(re.fullmatch(r"The table number \d+ is convincing.", text) for text in stored["texts"][0])

    call("compare", "task=verdicts", "--html", "bare.html", "--no-text")
    assert "convincing" not in Path("bare.html").read_text(encoding="utf-8")
    assert rows_of(Path("bare.html"))["ids"] == stored["ids"]

    (tmp_path / "file").write_text("")
    wrong = call("compare", "task=verdicts", "--html", tmp_path / "file" / "report.html")
    assert wrong.code == 1
    assert "--html" in wrong.err


def test_no_text_is_about_the_page(call: Call, project: Path) -> None:
    """``--no-text`` without a page would do nothing, so it is refused."""
    answer = call("compare", "task=verdicts", "--no-text")

    assert answer.code == 1
    assert "Add --html FILE." in answer.err

"""Claims about a comparison as text: terminal, Markdown, LaTeX, CSV."""

from __future__ import annotations

import csv
import io
import re
from typing import Any

import pytest
from rich.console import Console

from promptsci.report.comparison import p_value, points, reading, sections
from promptsci.report.comparison_terminal import show_comparison
from promptsci.report.comparison_text import as_csv, as_latex, as_markdown, latex, stars


def test_every_row_fits_its_columns(make_compared: Any, figures: Any) -> None:
    """All tables are rectangular, with and without published rows, seen rows and a separate baseline."""
    group = {"n": 3, "metrics": make_compared()["methods"][0]["metrics"]}
    apart = make_compared(published=figures)
    for method in apart["methods"]:
        method |= {"unseen": group, "seen": group}
    for compared in (make_compared(), apart, make_compared(baseline="lora")):
        for section in sections(compared):
            assert {len(cells) for cells in section.rows} == {len(section.columns)}
            assert len(section.bold) == len(section.rows)


def test_terminal_shows_what_matters(make_compared: Any, figures: Any) -> None:
    """Scores, spread over runs, differences, p, ties, published rows, cost and notes are on the page, nothing cut."""
    out = Console(width=150, file=io.StringIO(), color_system=None)
    show_comparison(make_compared(published=figures), out)
    text = out.file.getvalue()
    for part in (
        "verdicts  test: 1,200 rows",
        "80.0 [75.0, 85.0]",
        "3: 78.0, 68.0–88.0",
        "-60.0 [-66.0, -54.0]",
        "=1",
        "0.0003",
        "published",
        "50.0 (f1)",
        "† Others: B 2021; averaging unknown",
        "The data cannot tell lora apart from 8-shot (level 0.05, ",
        "1,500 MB",
        "Note: a note.",
    ):
        assert part in text
    assert "…" not in text


def test_reading_says_ties_and_winners(make_compared: Any) -> None:
    """A sole winner is called one; ties are named; one method alone has nothing to be compared with."""
    tied = make_compared()
    sole = make_compared(tied=["lora"])
    alone = make_compared(methods=tied["methods"][:1], tied=["lora"], differences=[])
    assert reading(tied)[0].startswith("The data cannot tell lora apart from 8-shot")
    assert reading(sole)[0].startswith("The data show that lora is better than every other method")
    assert reading(alone)[0].startswith("One method only")
    assert any("every run with every run" in line for line in reading(tied))


def test_numbers_as_printed() -> None:
    """Small p keep their size, differences carry a sign."""
    assert [p_value(p) for p in (0.5, 0.0456, 0.0009, 0.0001)] == ["0.500", "0.046", "0.0009", "≤0.0001"]
    assert p_value(1e-9, 0.0) == "1e-09"
    assert points({"value": 0.05, "low": -0.01, "high": 0.1}) == "+5.0 [-1.0, +10.0]"
    assert [stars(p) for p in (0.2, 0.04, 0.009, 0.0001)] == ["", "*", "**", "***"]


def test_markdown_is_tables(make_compared: Any) -> None:
    """Each table line has the same number of bars, and signs in names mean nothing to Markdown."""
    text = as_markdown(make_compared())
    tables = re.findall(r"(?:^\|.*\n)+", text, re.M)
    assert len(tables) == 3
    for table in tables:
        bars = {len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}
        assert len(bars) == 1
    assert r"majority\_50%\|x" in text
    assert "**lora**" in text


def test_latex_is_a_booktabs_table(make_compared: Any, figures: Any) -> None:
    """Four columns are separated on every line, ties are bold, stars mark p, and no sign is left bare."""
    text = as_latex(make_compared(published=figures))
    body = text.partition(r"\midrule")[2].partition(r"\bottomrule")[0]
    lines = [line for line in body.splitlines() if line.endswith(r"\\")]
    assert len(lines) == 4
    assert {len(re.findall(r"(?<!\\)&", line)) for line in lines} == {4}
    assert r"lora & \textbf{80.0} & [75.0, 85.0] & $+60.0$$^{***}$ & 1 \\" in body
    assert r"majority\_50\%|x & 20.0" in body
    assert r"Them \& us$^\dagger$ & 70.0" in body
    assert "Others" not in body
    assert text.count("{") == text.count("}")
    assert text.count(r"\begin") == text.count(r"\end") == 2


def test_latex_escapes_every_special_sign() -> None:
    """No sign of LaTeX survives bare."""
    assert latex("a_b & 5% #1 $x {y} ~ ^ \\") == (
        r"a\_b \& 5\% \#1 \$x \{y\} \textasciitilde{} \textasciicircum{} \textbackslash{}"
    )


def test_csv_has_a_line_a_method_and_exact_numbers(make_compared: Any) -> None:
    """CSV reads back with every number as it was."""
    rows = list(csv.DictReader(io.StringIO(as_csv(make_compared()))))
    assert [row["name"] for row in rows] == ["lora", "8-shot", "majority_50%|x"]
    assert float(rows[1]["macro_f1_low"]) == pytest.approx(0.73)
    assert (rows[0]["to_best_p"], rows[1]["to_best_p"]) == ("", "0.4")
    assert rows[2]["ece"] == ""
    assert rows[0]["labels"] == "8"

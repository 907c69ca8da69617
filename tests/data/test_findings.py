from __future__ import annotations

import re

import pytest

from promptsci.data.findings import Findings, short
from promptsci.errors import DataError, Problems


def test_no_finding_no_error() -> None:
    """A file without problems raises nothing."""
    Findings("a.jsonl").raise_any()


def test_the_same_problem_is_told_once_with_its_number() -> None:
    """A mistake on every row is one error, at the first row, with the count; its fix is worked out once."""
    findings, asked = Findings("a.jsonl"), []
    for line in range(3, 1003):
        findings.add("odd", line, lambda: asked.append(1) or "Mend it.")

    with pytest.raises(DataError, match=r"^a.jsonl:3: odd \(1000 rows; this is the first\)\n  Mend it\.$"):
        findings.raise_any()
    assert len(asked) == 1


def test_five_problems_are_shown_and_all_are_counted() -> None:
    """Of eight different problems on ten rows five are shown, then the number of all."""
    findings = Findings("a.jsonl")
    for line in range(1, 11):
        findings.add(f"problem {min(line, 8)}", line)

    with pytest.raises(Problems) as caught:
        findings.raise_any()
    lines = str(caught.value).splitlines()
    assert lines[0] == "a.jsonl:1: problem 1"
    assert lines[5:] == ["a.jsonl: 10 problems in all; the first 5 are shown"]


def test_long_values_do_not_fill_the_screen() -> None:
    """A value is cut to 60 characters in a message."""
    assert re.fullmatch("a{59}…", short("a" * 1_000_000))
    assert short("as it is") == "as it is"

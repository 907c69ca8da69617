from __future__ import annotations

import re
from pathlib import Path

from promptsci.author.check import CODES

DOCS = Path(__file__).parents[3] / "docs" / "check.md"
HEADING = re.compile(r"^### (PS\d{3}) (.+) \((error|warning|note)\)$", re.MULTILINE)


def test_every_code_is_documented_as_it_is() -> None:
    """docs/check.md has a heading for each code in its order, with its title and severity, and no other."""
    documented = HEADING.findall(DOCS.read_text(encoding="utf-8"))

    assert documented == [(code.code, code.title, code.severity) for code in CODES.values()]


def test_every_code_has_an_example_and_its_mending() -> None:
    """Below each heading stand why it matters, where it is found and how to mend it."""
    _, *sections = re.split(r"^### ", DOCS.read_text(encoding="utf-8"), flags=re.MULTILINE)

    assert [
        section[:5] for section in sections if not re.search(r"\n\n\S.*\n\n- found in: .+\n- mend: .+", section)
    ] == []


def test_codes_are_grouped_by_what_they_are_about() -> None:
    """The first digit of a code says what is looked at, and titles are unlike each other within a group."""
    titles = [(code.code[:3], code.title) for code in CODES.values()]

    assert {code[:3] for code in CODES} == {"PS0", "PS1", "PS2", "PS3", "PS4", "PS5"}
    assert len(set(titles)) == len(titles)

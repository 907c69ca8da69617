"""PS2xx: the words that stand for the labels."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from promptsci.author.check.findings import Hit
from promptsci.author.check.rules import rule, rules_of
from promptsci.author.check.sources import Wording
from promptsci.author.check.yaml_traps import read_elsewhere


@rule("PS204", "warning", "two choices differ in case or spacing only")
def nearly_equal(wording: Wording) -> Iterator[Hit]:
    """An answer that is written, by a model or a person, does not keep such words apart."""
    first_with: dict[str, str] = {}
    for label, words in wording.words.items():
        other = first_with.setdefault(folded(words), label)
        if other != label and wording.words[other] != words:
            yield Hit(
                wording.at_choice(label),
                f"the words of {other} and {label}, '{wording.words[other]}' and '{words}', differ in case or spacing",
                "Give each label words of its own.",
            )


@rule("PS205", "warning", "one choice begins with the words of another")
def begins_with(wording: Wording) -> Iterator[Hit]:
    """The summed log-likelihood of the longer can never exceed that of the shorter: under ``sum`` it never wins."""
    for label, words in wording.words.items() if wording.is_scored else ():
        for other, start in wording.words.items():
            if words != start and re.match(rf"{re.escape(start)}(?!\w)", words):
                yield Hit(
                    wording.at_choice(label),
                    f"'{words}' ({label}) begins with '{start}' ({other}), so it never wins under the rule sum",
                    "Choose words of which none begins with another.",
                )


@rule("PS206", "warning", "white space at the edge of a choice is dropped")
def edge_space(wording: Wording) -> Iterator[Hit]:
    """The space before an answer is written by the program; one in the choice would be a second and is cut."""
    given = wording.template.document.value.get("choices")
    for label in wording.template.front.choices if isinstance(given, dict) else ():
        if given and given[label] != given[label].strip():
            yield Hit(
                wording.at_choice(label),
                f"the words of {label} are given with white space at an edge, which is dropped",
                "Write the words alone; the space before the answer is written by the program.",
            )


@rule("PS207", "note", "other YAML readers read another value")
def yaml_trap(wording: Wording) -> Iterator[Hit]:
    """Here ``yes`` and ``1e3`` stay the text they are; a script that reads the file elsewhere gets True and 1000.0."""
    for label, words in wording.template.front.choices.items():
        meant = read_elsewhere(words, wording.lines)
        if meant is not None:
            what = f"'{words}' is {meant} to other YAML readers"
            yield Hit(wording.at_choice(label), what, f'Write "{words}" in quotes.')


@rule("PS208", "warning", "a choice holds unusual characters")
def odd_characters(wording: Wording) -> Iterator[Hit]:
    """Line ends, no-break spaces and zero-width marks look like nothing and are tokens of their own."""
    for label, words in wording.words.items():
        odd = next((mark for mark in words if mark != " " and _is_odd(mark)), None)
        if odd is not None:
            name = unicodedata.name(odd, "a control character")
            what = f"the words of {label} hold U+{ord(odd):04X} ({name})"
            yield Hit(wording.at_choice(label), what, "Write plain words on one line.")


def folded(text: str) -> str:
    """The text with case and white space folded."""
    return " ".join(text.split()).casefold()


def _is_odd(mark: str) -> bool:
    return (mark.isspace() and mark != " ") or unicodedata.category(mark) in ("Cf", "Cc", "Co", "Zl", "Zp")


RULES = rules_of(globals())

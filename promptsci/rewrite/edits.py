"""Edits that change how a scientific text is written and not what it says."""

from __future__ import annotations

import re
from collections.abc import Mapping
from random import Random

from promptsci.rewrite.prose import PLAIN_WORD, Rewrite, in_prose

TYPO_SHARE = 0.1
LEAST_LETTERS = 5
"""Shorter words are left alone: a slip in them may make another word."""
KEPT = frozenset("cannot without neither never nothing hardly unlike despite against although however".split())
"""Words that turn a statement round."""

AUTHOR = r"[A-Z][\w'’-]+"
AUTHORS = rf"{AUTHOR}(?:\s+(?:and|&)\s+{AUTHOR}|\s+et\s+al\s*\.?)?"
YEAR = r"(?:1[89]|20)\d\d\s?[a-z]?"
CITED = re.compile(rf"\(\s*({AUTHORS}\s*,?\s*{YEAR}(?:\s*[;,]\s*{AUTHORS}\s*,?\s*{YEAR})*)\s*\)")
"""(Collins, 1997; Smith and Jones, 2001)."""
NAMED = re.compile(rf"({AUTHORS})\s+\(\s*({YEAR})\s*\)")
"""Collins (1997)."""
NUMBERED = re.compile(r"\[\s*(\d{1,3}(?:\s*[,–-]\s*\d{1,3})*)\s*\]")
"""[12], [3, 4], [5-7]."""

SHORT_FORMS = {
    "e.g.": "for example", "i.e.": "that is", "vs.": "versus", "w.r.t.": "with respect to", "approx.": "approximately",
    "Fig.": "Figure", "Sec.": "Section", "Eq.": "Equation", "Tab.": "Table", "etc.": "and so on", "cf.": "compare",
    "resp.": "respectively",
}  # fmt: skip
SMALL = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


def typos(text: str, draw: Random) -> str:
    """The text with a slip of the fingers in one of ten longer words, and in one at least."""
    places = [match.span() for match in PLAIN_WORD.finditer(text)]
    longer = [(a, b) for a, b in places if b - a >= LEAST_LETTERS and text[a:b].lower() not in KEPT]
    if not longer:
        return text
    for start, stop in sorted(draw.sample(longer, max(1, round(TYPO_SHARE * len(longer)))), reverse=True):
        text = text[:start] + _slip(text[start:stop], draw) + text[stop:]
    return text


def _slip(word: str, draw: Random) -> str:
    """A word with two inner letters changed over, one left out, or one doubled; its first and last stay."""
    pairs = [place for place in range(1, len(word) - 2) if word[place] != word[place + 1]]
    kind = draw.choice(("swap", "drop", "double") if pairs else ("drop", "double"))
    if kind == "swap":
        at = draw.choice(pairs)
        return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    at = draw.randrange(1, len(word) - 1)
    return word[:at] + (word[at] * 2 if kind == "double" else "") + word[at + 1 :]


def case(text: str, draw: Random) -> str:
    """The text all in small letters, or all in capitals."""
    return text.upper() if draw.random() < 0.5 else text.lower()


def citations(text: str, draw: Random) -> str:
    """The text with its citations in the other style: authors and years as numbers, numbers in round brackets."""
    number = draw.randrange(1, 40)

    def next_number() -> int:
        nonlocal number
        number += 1
        return number

    def as_numbers(match: re.Match[str]) -> str:
        return f"[{', '.join(str(next_number()) for _ in re.findall(YEAR, match.group(1)))}]"

    text = NUMBERED.sub(lambda match: f"({match.group(1)})", text)
    text = CITED.sub(as_numbers, text)
    return NAMED.sub(lambda match: f"{match.group(1)} [{next_number()}]", text)


def references(text: str, draw: Random) -> str:
    """The text with its author-year citations set otherwise: spaces, commas, ``and`` or ``&``."""
    commas, ampersand = draw.random() < 0.5, draw.random() < 0.5

    def set_otherwise(match: re.Match[str]) -> str:
        inside = re.sub(r"\s+([,;.])", r"\1", re.sub(r"\s+", " ", match.group(1)))
        inside = re.sub(r" (and|&) ", " & " if ampersand else " and ", inside)
        inside = re.sub(rf",? ({YEAR})", r", \1" if commas else r" \1", inside)
        return f"({inside})"

    return CITED.sub(set_otherwise, text)


def numbers(text: str, draw: Random) -> str:
    """The text with its numbers written otherwise, worth the same: 10,000 and 10000, 5 % and 5 percent, three and 3."""
    sign = draw.choice(("%", " %", " percent"))
    text = re.sub(r"(?<=\d)(?:\s?%|\s+percent\b|\s+per cent\b)", sign, text)
    if re.search(r"\b\d{1,3}(?:,\d{3})+\b", text):
        text = re.sub(r"\b\d{1,3}(?:,\d{3})+\b", lambda match: match.group().replace(",", ""), text)
    else:
        # Four digits may be a year.
        text = re.sub(r"(?<![\d.,])\d{5,9}(?![\d.,])", lambda match: f"{int(match.group()):,}", text)
    if draw.random() < 0.5:
        return re.sub(rf"\b({'|'.join(SMALL[2:])})\b(?!-)", lambda m: str(SMALL.index(m[1])), text)
    return text


def abbreviations(text: str, draw: Random) -> str:
    """The text with its common abbreviations written out, or the other way round; one way for the whole text."""
    ways: list[Mapping[str, str]] = [SHORT_FORMS, {long: short for short, long in SHORT_FORMS.items()}]
    for way in draw.sample(ways, 2):
        pattern = re.compile("|".join(rf"(?<!\w){re.escape(form)}(?!\w)" for form in way))
        if pattern.search(text):
            return pattern.sub(lambda match, way=way: way[match.group()], text)  # type: ignore[misc]
    return text


EDITS: dict[str, Rewrite] = {
    name: in_prose(rewrite)
    for name, rewrite in {
        "typos": typos,
        "case": case,
        "citations": citations,
        "references": references,
        "numbers": numbers,
        "abbreviations": abbreviations,
    }.items()
}
"""Every edit by name, kept away from marked entities and from texts that are no prose."""

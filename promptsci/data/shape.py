"""Rows of a public home in the columns that the task names, and one split dealt into several."""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import accumulate
from pathlib import Path
from typing import Any

from promptsci.data.example import Example, Split, text_key
from promptsci.data.findings import Findings
from promptsci.data.formats import read_lines
from promptsci.errors import DataError
from promptsci.spec.shape import Conll, Shape

Row = Mapping[str, Any]
Rows = Iterable[tuple[int, Row]]
NOT_TOKENS = "-DOCSTART-"
_ABSENT = object()


def read_conll(path: Path, conll: Conll, findings: Findings) -> Iterator[tuple[int, Row]]:
    """Yields (its first line, sentence) with the columns ``tokens`` and ``tags``."""
    columns = (conll.tokens, conll.tags)
    first = 0
    pairs: list[tuple[str, str]] = []
    for number, text in read_lines(path, findings):
        cells = text.split()
        if not cells or cells[0] == NOT_TOKENS:
            if pairs:
                yield first, _sentence(pairs)
            pairs = []
            continue
        if not all(-len(cells) <= column <= len(cells) for column in columns):
            there = "1 column" if len(cells) == 1 else f"{len(cells)} columns"
            what = f"the line has {there}; {conll.tokens} and {conll.tags} are read"
            findings.add(what, number, lambda: "Say in task.yaml under shape, conll which columns hold token and tag.")
            continue
        first = first if pairs else number
        token, tag = (cells[column - 1 if column > 0 else column] for column in columns)
        pairs.append((token, tag))
    if pairs:
        yield first, _sentence(pairs)


def _sentence(pairs: list[tuple[str, str]]) -> Row:
    return {"tokens": [token for token, _ in pairs], "tags": [tag for _, tag in pairs]}


def shaped(rows: Rows, shape: Shape, findings: Findings) -> Iterator[tuple[int, Row]]:
    """Yields (line, row) in the task's columns; the source's own columns stay beside them."""
    for number, (line, row) in enumerate(rows):
        found = {ours: _at(row, theirs) for ours, theirs in shape.columns.items()}
        there = {ours: value for ours, value in found.items() if value is not _ABSENT}
        made = {**row, **there, **shape.constant}
        if shape.each:
            yield from _elements(number, line, made, shape, findings)
        else:
            yield line, made


def _at(row: Row, place: str) -> Any:
    """What stands at ``a.b``; a column that has the dot in its name comes first."""
    if place in row:
        return row[place]
    value: Any = row
    for part in place.split("."):
        value = value.get(part, _ABSENT) if isinstance(value, Mapping) else _ABSENT
    return value


def _elements(number: int, line: int, row: Row, shape: Shape, findings: Findings) -> Iterator[tuple[int, Row]]:
    lists = {ours: row.get(theirs) for ours, theirs in shape.each.items()}
    wrong = [theirs for ours, theirs in shape.each.items() if not isinstance(lists[ours], list)]
    lengths = {len(each) for each in lists.values() if isinstance(each, list)}
    if wrong:
        findings.add(f"column '{wrong[0]}' holds no list whose elements could be rows", line)
    elif len(lengths) > 1:
        findings.add(f"the lists in {' and '.join(shape.each.values())} differ in length", line)
    else:
        count = lengths.pop()
        name = row.get("id", number)
        for position in range(count):
            elements = {ours: values[position] for ours, values in lists.items() if isinstance(values, list)}
            yield line, {**row, **elements, "position": position, "count": count, "id": f"{name}-{position}"}


def deal(whole: Split, shares: Mapping[str, float]) -> dict[str, Split]:
    """Split name -> its part of the rows, in their order: a function of each row's text, and of nothing else.

    Raises:
        DataError: no row falls to one of the splits.
    """
    names = list(shares)
    ends = list(accumulate(shares.values()))
    dealt: dict[str, list[Example]] = {name: [] for name in names}
    for example in whole.examples:
        place = bisect_right(ends, _point(example) * ends[-1])
        dealt[names[min(place, len(names) - 1)]].append(example)
    empty = [name for name, examples in dealt.items() if not examples]
    if empty:
        what = f"{len(whole.examples)} rows are too few to be dealt: none falls to '{empty[0]}'"
        raise DataError(what, where=whole.origin, fix="Change the shares in task.yaml.")
    return {name: replace(whole, name=name, examples=tuple(examples)) for name, examples in dealt.items()}


def _point(example: Example) -> float:
    """A number from 0 up to 1 that the text alone decides."""
    digest = hashlib.sha256(text_key(example).encode()).digest()
    return int.from_bytes(digest[:6], "big") / 2**48

"""Spans: typed stretches of a text, read from offsets or from tokens with BIO2 tags."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from promptsci.data.findings import Findings, short
from promptsci.errors import did_you_mean
from promptsci.spec.forms import Spans

Row = Mapping[str, Any]
KEYS = ("start", "end", "type")


class Span(NamedTuple):
    """A stretch of a text: characters from ``start`` up to but not including ``end``, and the type of what is there."""

    start: int
    end: int
    type: str


class _SpanReader:
    def __init__(self, section: Spans, findings: Findings) -> None:
        self.section = section
        self.findings = findings

    def known(self, row: Row) -> dict[str, Any]:  # noqa: ARG002 - the protocol's shape
        """Nothing."""
        return {}

    def labels(self, gold: Sequence[Span]) -> tuple[str, ...]:
        """The types, one a span."""
        return tuple(span.type for span in gold)

    def _check_type(self, name: Any, line: int) -> bool:
        if name in self.section.types:
            return True
        what = f"the type '{short(str(name))}' is not a type of the task"
        self.findings.add(what, line, lambda: did_you_mean(str(name), self.section.types))
        return False


class SpanReader(_SpanReader):
    """Spans in one column: objects with start, end and type, or lists of these three."""

    def __init__(self, section: Spans, findings: Findings) -> None:
        super().__init__(section, findings)
        self.columns = (section.column or "",)

    def fields(self, row: Row, line: int) -> dict[str, Any]:  # noqa: ARG002 - the protocol's shape
        """Nothing: the text is a field."""
        return {}

    def gold(self, row: Row, fields: Mapping[str, Any], line: int) -> tuple[Span, ...] | None:
        """The spans, by place; an empty list says that there are none."""
        (column,) = self.columns
        value, text = row.get(column), fields.get(self.section.text)
        if value is None:
            return None
        if not isinstance(value, list) or not isinstance(text, str):
            self.findings.add(f"the spans in column '{column}' are no list beside a text", line)
            return None
        found = [self._span(each, text, line) for each in value]
        return tuple(sorted({span for span in found if span is not None}))

    def _span(self, value: Any, text: str, line: int) -> Span | None:
        parts = [value.get(key) for key in KEYS] if isinstance(value, dict) else value
        if not isinstance(parts, list) or len(parts) != 3 or not all(type(each) is int for each in parts[:2]):
            self.findings.add("a span is no object with start, end and type", line)
            return None
        start, end, name = parts
        if not 0 <= start < end <= len(text):
            what = f"the span {start} to {end} lies outside the text of {len(text)} characters"
            self.findings.add(what, line, lambda: "Offsets count characters from 0; the end is not included.")
            return None
        return Span(start, end, name) if self._check_type(name, line) else None


class TagReader(_SpanReader):
    """Spans as BIO2 tags of tokens; the text is the tokens with a space between any two."""

    def __init__(self, section: Spans, findings: Findings) -> None:
        super().__init__(section, findings)
        self.columns = (section.tokens or "", section.tags or "")

    def fields(self, row: Row, line: int) -> dict[str, Any]:
        """The text."""
        column = self.columns[0]
        tokens = row.get(column)
        if column not in row:
            self.findings.add(f"there is no column '{column}'", line, lambda: did_you_mean(column, row))
            tokens = []
        elif not isinstance(tokens, list) or not all(isinstance(token, str) and token for token in tokens):
            self.findings.add(f"column '{column}' is no list of tokens", line)
            tokens = []
        return {self.section.text: " ".join(tokens)}

    def gold(self, row: Row, fields: Mapping[str, Any], line: int) -> tuple[Span, ...] | None:  # noqa: ARG002
        """The spans, by place."""
        tokens, tags = (row.get(column) for column in self.columns)
        if tags is None or not isinstance(tokens, list):
            return None
        if not isinstance(tags, list) or len(tags) != len(tokens):
            n_tags = len(tags) if isinstance(tags, list) else 0
            self.findings.add(f"{len(tokens)} tokens have {n_tags} tags", line, lambda: "Give each token one tag.")
            return None
        return self._spans(tokens, tags, line)

    def _spans(self, tokens: Sequence[str], tags: Sequence[str], line: int) -> tuple[Span, ...]:
        spans: list[Span] = []
        at, open_type = 0, ""
        for number, (token, tag) in enumerate(zip(tokens, tags, strict=True)):
            mark, _, name = str(tag).partition("-")
            start, at = at, at + len(token) + 1
            if mark == "I" and name and name == open_type:
                spans[-1] = spans[-1]._replace(end=start + len(token))
                continue
            begins = mark == "B" or (mark == "I" and self.section.scheme == "IOB1")
            open_type = name if begins and self._check_type(name, line) else ""
            if open_type:
                spans.append(Span(start, start + len(token), name))
            elif tag != "O" and not begins:
                what = f"the tag '{short(str(tag))}' of token {number + 1} does not go on from the one before it"
                self.findings.add(what, line, lambda: "Tags are BIO2: B-TYPE begins a span, I-TYPE goes on, O is none.")
        return tuple(spans)

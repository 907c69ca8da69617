"""What check found, for people in a terminal and for a code host's annotations."""

from __future__ import annotations

from promptsci.author.check.findings import SEVERITIES, Finding, Severity
from promptsci.author.check.run import Report

LEVELS: dict[Severity, str] = {"error": "error", "warning": "warning", "note": "notice"}
_ESCAPES = {"%": "%25", "\r": "%0D", "\n": "%0A"}


def summary(report: Report) -> str:
    """What was found, and what was looked at, in a line."""
    counts = [f"{_number(report.count(severity), severity)}" for severity in SEVERITIES if report.count(severity)]
    found = ", ".join(counts) or "nothing to mend"
    looked_at = [_number(report.tasks, "task"), _number(report.templates, "template")]
    looked_at += [_number(report.rows, "row")] if report.rows else []
    tokens = f"tokens of {report.reader}" if report.reader else "no tokenizer at hand: PS3xx left out"
    silenced = f"; {report.silenced} silenced" if report.silenced else ""
    return f"{found} in {', '.join(looked_at)} ({tokens}){silenced}"


def _number(n: int, noun: str) -> str:
    return f"{n:,} {noun}{'' if n == 1 else 's'}"


def annotated(report: Report) -> str:
    """The findings as workflow commands, one a line: they show beside the lines of a change.

    Source: GitHub Actions, workflow commands, "Setting an error message".
    """
    return "".join(f"{_annotation(finding)}\n" for finding in report.findings)


def _annotation(finding: Finding) -> str:
    place = finding.place
    file = _escaped(place.shown_file, {**_ESCAPES, ":": "%3A", ",": "%2C"})
    where = f"file={file},line={place.line},col={place.column},title={finding.code}"
    message = f"{finding.what}\n{finding.fix}" if finding.fix else finding.what
    return f"::{LEVELS[finding.severity]} {where}::{_escaped(message, _ESCAPES)}"


def _escaped(text: str, escapes: dict[str, str]) -> str:
    for mark, code in escapes.items():
        text = text.replace(mark, code)
    return text

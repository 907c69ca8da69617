"""The page as a whole: records and figures put into the template, one style sheet, one script, and the rows."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib.resources import files
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup, escape

import promptsci
from promptsci.compare import Candidate, Comparison
from promptsci.errors import RunError
from promptsci.report import numbers
from promptsci.report.comparison import cost_cells, p_value
from promptsci.report.figures import (
    COSTS,
    cost_plot,
    difference_plot,
    interval_plot,
    reliability_diagram,
    risk_plot,
)
from promptsci.report.page.answers import Answers, read_answers
from promptsci.report.page.payload import payload, script_json
from promptsci.report.page.portrait import Portrait, portrait
from promptsci.report.page.summary import sentences
from promptsci.report.page.texts import PRIVATE, Texts, read_texts
from promptsci.report.robustness import robustness_reading, robustness_section
from promptsci.report.svg import sheets, visible
from promptsci.report.terminal import metric_name
from promptsci.runs import write_atomically

SHADES = 9
"""Steps of colour of a confusion matrix."""


def write_page(path: Path, comparison: Comparison, candidates: Sequence[Candidate], *, texts: bool = True) -> int:
    """The size in bytes of the page, which now stands at path.

    Args:
        path: of the HTML file; an older one is replaced.
        comparison: what is shown.
        candidates: the Runs it was made from.
        texts: whether the rows' texts stand on the page.

    Raises:
        RunError: a Run's files cannot be read any more, or the page cannot be written.
    """
    html = page(comparison, candidates, texts=texts)
    try:
        write_atomically(path, html)
    except RunError as error:
        raise RunError(error.what, where=error.where, fix="Write the page elsewhere: --html FILE.") from error
    return len(html.encode())


def page(comparison: Comparison, candidates: Sequence[Candidate], *, texts: bool = True) -> str:
    """The page of a comparison as HTML that needs nothing but itself.

    Args:
        comparison: what is shown.
        candidates: the Runs it was made from.
        texts: whether the rows' texts stand on the page.

    Raises:
        RunError: a Run's files cannot be read any more.
    """
    answers, compared = read_answers(comparison, candidates), comparison.to_json()
    found = read_texts(candidates[0].record, answers.ids) if texts else Texts(note=PRIVATE)
    portraits = {name: drawn for name, runs in answers.methods.items() if (drawn := portrait(runs)) is not None}
    style, script = style_sheet(), own_file("page.js")
    return (
        environment()
        .get_template("page.html.jinja")
        .render(
            comparison=comparison,
            version=promptsci.__version__,
            source=candidates[0].record["data"],
            sentences=sentences(comparison, train_known=all(_knows_train(run.record) for run in candidates)),
            figures=_figures(comparison),
            portraits=portraits,
            diagrams=_diagrams(portraits),
            labels=answers.words[: answers.labels],
            texts=found,
            style=Markup(style),  # noqa: S704 - our own file
            script=Markup(script),  # noqa: S704 - our own file
            policy=content_policy(style, script),
            rows=script_json(payload(answers, found)),
            explorable=_explorable(answers),
            robustness=robustness_section(compared) if comparison.robustness else None,
            robustness_said=robustness_reading(compared["robustness"]) if comparison.robustness else [],
        )
    )


def _knows_train(record: Mapping[str, Any]) -> bool:
    """Whether the Run has looked for its rows in the split that shots or training rows come from."""
    return record.get("pool") in (record.get("integrity") or {}).get("splits", {})


def _figures(comparison: Comparison) -> dict[str, Any]:
    def against(other: str) -> Markup | None:
        found = [one for name in names if (one := comparison.difference(name, other))]
        return difference_plot(found, comparison.main, other).svg() if found else None

    names = [method.name for method in comparison.methods]
    best, baseline = comparison.best, comparison.baseline
    return {
        "intervals": interval_plot(comparison).svg(),
        "to_best": against(best),
        "to_baseline": against(baseline) if baseline != best else None,
        "costs": {COSTS[cost]: drawn.svg() for cost in COSTS if (drawn := cost_plot(comparison, cost)) is not None},
    }


def _diagrams(portraits: Mapping[str, Portrait]) -> dict[str, tuple[Markup, Markup]]:
    """Method -> its reliability diagram, and its risk and coverage before those of all others."""
    curves = {name: drawn.risk for name, drawn in portraits.items() if drawn.risk}
    return {
        name: (reliability_diagram(portraits[name].bins, name).svg(), risk_plot(curves, name).svg()) for name in curves
    }


def _explorable(answers: Answers) -> str:
    methods = numbers.counted(len(answers.methods), "method")
    return f"{numbers.counted(len(answers), 'row')}, {methods}"


def style_sheet() -> str:
    """What a page and the figures on it look like."""
    return sheets() + own_file("page.css")


def own_file(name: str) -> str:
    """A file of this room as text."""
    return files("promptsci.report.page").joinpath(name).read_text(encoding="utf-8")


def content_policy(style: str, script: str = "") -> str:
    """What the page may do: show its own style and run its own script, and nothing else; no network at all."""
    return (
        f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def environment() -> jinja2.Environment:
    """Templates of this room, in which everything is escaped unless it is markup of our own."""
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(own_file),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown,
    )
    environment.filters.update(
        metric_name=metric_name,
        score=numbers.score,
        interval=numbers.interval,
        p_value=p_value,
        cost_cells=lambda cost: cost_cells(asdict(cost)),
        counted=numbers.counted,
        duration=numbers.duration,
        shade=_shade,
    )
    return environment


def _shown(value: Any) -> Any:
    """A value as it goes into HTML: our own markup as it is, other text without what HTML cannot hold."""
    return value if isinstance(value, Markup) else escape(visible(str(value)))


def _shade(count: int, counts: Sequence[int]) -> int:
    """The step of colour of a cell: its share of the row's answers, 0 for none."""
    total = sum(counts)
    return min(SHADES, 1 + int(SHADES * count / total)) if count else 0

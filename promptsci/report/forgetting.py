"""What tuning on one task after another did to the earlier ones: a matrix and what it comes to, as people read them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from promptsci.report.numbers import MINUS, score
from promptsci.report.section import Section, markdown, markdown_table
from promptsci.report.terminal import metric_name

Plain = Mapping[str, Any]
MEASURES = {
    "average": "mean of the last row",
    "backward_transfer": "backward transfer",
    "forgetting": "forgetting",
    "forward_transfer": "forward transfer",
}
MEANT = {
    "average": "over all tasks",
    "backward_transfer": "earlier tasks, now against when each was learned; below 0 something is lost",
    "forgetting": "earlier tasks, the best of earlier steps against now",
    "forward_transfer": "tasks before they were learned, against the prompted base",
}


def forgetting_section(found: Plain) -> Section:
    """The matrix: a row for the base and each step, a column a task; what a step learned is marked by a star."""
    columns = found["columns"]
    titles = {f"{one['task']}, {metric_name(one['metric'])}": "right" for one in columns}
    rows = [["0", "base, prompted", *_cells(found["base"], columns, ())]]
    for number, (step, cells) in enumerate(zip(found["steps"], found["cells"], strict=True), 1):
        rows.append([str(number), _step(step), *_cells(cells, columns, step["tasks"])])
    last = len(rows) - 1
    title = "test score after each step, % [95 %]; * learned in this step"
    return Section(
        title, {"step": "right", "weights": "left", **titles},  # type: ignore[dict-item]
        rows, [number == last for number in range(len(rows))],
    )  # fmt: skip


def _step(step: Plain) -> str:
    kept = "" if step["keep"] is None else f", keep {step['keep']}"
    return f"{step['name']}{kept}"


def _cells(cells: Sequence[Plain | None], columns: Sequence[Plain], learned: Sequence[str]) -> Iterator[str]:
    for cell, column in zip(cells, columns, strict=True):
        if cell is None:
            yield ""
            continue
        value, low, high = (score(cell[name], column["metric"]) for name in ("value", "low", "high"))
        yield f"{value} [{low}, {high}]{'*' if column['task'] in learned else ''}"


def forgetting_lines(found: Plain) -> Iterator[str]:
    """What the matrix comes to, in lines; differences are such that more is better."""
    for name, title in MEASURES.items():
        if found[name] is not None:
            yield f"{title}: {points(found[name], signed=name != 'average')} ({MEANT[name]})"
    for one in found["changes"]:
        column = next(each for each in found["columns"] if each["task"] == one["task"])
        value, low, high = (score(one[end], column["metric"], signed=True) for end in ("value", "low", "high"))
        said = "shown" if one["shown"] else "not shown"
        yield (
            f"{one['task']} since it was learned last: {value} [{low}, {high}] on {column['n']:,} rows, "
            f"p {one['p_holm']:.2g} (paired randomisation, Holm): a change is {said}"
        )
    yield from (f"Note: {note}" for note in found["notes"])


def points(value: float, *, signed: bool = True) -> str:
    """A mean over tasks in points of a hundred, with a true minus."""
    text = f"{100 * value:+.1f}" if signed else f"{100 * value:.1f}"
    return text.replace("-", MINUS)


def forgetting_markdown(found: Plain) -> str:
    """The matrix and what it comes to as Markdown."""
    section = forgetting_section(found)
    lines = [f"- {markdown(line)}" for line in forgetting_lines(found)]
    return "\n\n".join([f"**{markdown(section.title)}**", markdown_table(section), "\n".join(lines)]) + "\n"

"""A labelled file in the terminal: what was written, what the rows were called, how far to trust it, and drift."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from promptsci.report.console import console, plain_table, show
from promptsci.report.terminal import interval, percent

Summary = Mapping[str, Any]
LOOKS = {
    "calls": ("shares of labels called", "share that would have to change"),
    "length": ("words in a text", "distance of distributions"),
    "new words": ("words that train does not have", "difference of shares"),
    "classifier": ("told apart by TF-IDF", "area under the curve, 0.5 is chance"),
}


def show_prediction(summary: Summary, out: Console | None = None) -> None:
    """Prints what came of a labelling."""
    show(out or console(), *_parts(summary))


def _parts(summary: Summary) -> Iterator[RenderableType]:
    shots = f"  {summary['shots']} shots" if summary["shots"] else ""
    model = f"  model {summary['model']}" if summary["model"] else ""
    yield Text(f"{summary['task']}  {summary['method']}{model}{shots}  rule {summary['rule']}", style="bold")
    yield Text(_counts(summary))
    yield Text(f"added: {', '.join(summary['columns'])}")
    if summary["rejects"]:
        yield Text(f"rejected, with the reason, in {summary['rejects']['path']}:")
        yield from (Text(f"  {n:,}  {reason}") for reason, n in summary["rejects"]["reasons"].items())
    yield from _trust(summary)
    if summary["drift"]:
        yield from _drift(summary["drift"])
    yield Text(_cost(summary))
    yield from (Text(f"Note: {note}.", style="yellow") for note in summary["notes"])
    yield Text(f"Written to {summary['out']}")
    yield Text(f"Answers are kept in {summary['job_dir']}")


def _counts(summary: Summary) -> str:
    n = summary["n"]
    parts = [f"{n['read']:,} rows read", f"{n['labelled']:,} labelled", f"{n['rejected']:,} rejected"]
    if n["not_asked_for"]:
        parts.append(f"{n['not_asked_for']:,} not asked for")
    if n["invalid"]:
        parts.append(f"{n['invalid']:,} without a valid answer")
    return f"{summary['data']['path']}: {', '.join(parts)}"


def _trust(summary: Summary) -> Iterator[RenderableType]:
    if "interval" in summary:
        reach, n = summary["interval"]["reach"], summary["interval"]["n_known"]
        yield Text(
            f"intervals reach {reach:.3g} to either side: {n:,} labelled rows of {summary['known_split']} say that "
            f"they miss at most {percent(summary['error'])} %"
        )
    if "abstention" in summary:
        cut, n = summary["abstention"], summary["n"]["labelled"]
        yield Text(
            f"learnt from {summary['known_split']}: {summary['n_known']:,} labelled rows, which say how far to trust "
            f"this in {summary['known_run_dir']}"
        )
        yield Text(
            f"kept {cut['kept']:,} of {n:,} decisions ({percent(cut['kept'] / n)} %), of which at most "
            f"{percent(cut['error'])} % are wrong (sure to {percent(cut['level'])} %), if the rows come from the same "
            "source"
            if cut["least"] is not None
            else f"all {n:,} decisions abstain: nothing shows that any of them err in at most {percent(cut['error'])} %"
        )
        sets = summary["label_sets"]
        yield Text(
            f"label sets that miss in at most {percent(summary['error'])} % of rows: {sets['mean_size']:.2f} labels on "
            f"average, one label in {percent(sets['single'])} %; temperature {summary['temperature']:.3g}"
        )
    if "prevalence" in summary:
        yield Text("how frequent each label is, %: counted, and corrected for the classifier's errors [95 %]")
        yield _prevalence(summary)
    elif "calls" in summary:
        yield Text("called: " + ", ".join(f"{label} {n:,}" for label, n in summary["calls"].items()))


def _prevalence(summary: Summary) -> Table:
    trained = (summary["drift"] or {}).get("train_shares")
    table = plain_table()
    titles = ["counted", "if the same source", "if other shares of labels", *(["in train"] if trained else [])]
    table.add_column("label")
    for title in titles:
        table.add_column(title, justify="right", overflow="fold")
    for label, found in summary["prevalence"].items():
        more = [percent(trained[label])] if trained else []
        table.add_row(label, percent(found["counted"]), interval(found["ppi"]), interval(found["inverted"]), *more)
    return table


def _drift(drift: Mapping[str, Any]) -> Iterator[RenderableType]:
    if drift["seen"]:
        yield Text("drift: these rows differ from those that the method was made with", style="yellow")
    else:
        yield Text("drift: none seen; the tests show what is there, not that nothing is")
    if drift["looks"]:
        table = plain_table()
        for title in ("what", "effect", "new", "known", "p (Holm)", "rows"):
            table.add_column(title, justify="left" if title == "what" else "right", overflow="fold")
        for look in drift["looks"]:
            title, scale = LOOKS[look["name"]]
            pair = ["" if look[side] is None else f"{look[side]:.3g}" for side in ("new", "known")]
            p = "< 0.001" if look["p_holm"] < 0.001 else f"{look['p_holm']:.3f}"
            n = f"{look['n_new']:,} / {look['n_known']:,}"
            table.add_row(f"{title} ({scale})", f"{look['effect']:.3f}", *pair, p, n)
        yield table
    told = next(
        (look for look in drift["looks"] if look["name"] == "classifier" and look["p_holm"] <= drift["level"]), None
    )
    if told and told["words"]:
        yield Text(f"new rows are told by: {', '.join(told['words'])}")
    for name, why in drift["skipped"].items():
        yield Text(f"not looked at: {LOOKS[name][0]} ({why})")


def _cost(summary: Summary) -> str:
    seconds, n = summary["seconds"], summary["answered_now"]
    rate = f", {n / seconds['answer']:.1f} rows/s" if n and seconds["answer"] else ""
    tokens = summary["tokens"]["computed"]
    return (
        f"{n:,} rows answered now in {seconds['answer']:.1f} s{rate}"
        + (f", {tokens:,} tokens computed" if tokens else "")
        + f"; labelled rows took {seconds['known']:.1f} s, writing {seconds['write']:.1f} s; "
        f"peak memory {summary['peak_memory_bytes'] / 2**20:,.0f} MiB"
    )

"""One result in the terminal: the headline first, then what it rests on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from promptsci.report.console import console, fits, plain_table, show
from promptsci.report.learned import training_lines

Result = Mapping[str, Any]
METRIC_NAMES = {
    "macro_f1": "macro-F1",
    "micro_f1": "micro-F1",
    "weighted_f1": "weighted F1",
    "mcc": "MCC",
    "entity_f1": "entity F1",
    "entity_macro_f1": "entity macro-F1",
    "untyped_f1": "untyped F1",
    "partial_f1": "partial F1",
    "partial_untyped_f1": "partial untyped F1",
    "field_f1": "field F1",
    "field_macro_f1": "field macro-F1",
    "instance_f1": "instance F1",
    "rouge1": "ROUGE-1",
    "rouge2": "ROUGE-2",
    "rougeL": "ROUGE-L",
    "chrf": "chrF",
    "mae": "MAE",
    "mse": "MSE",
    "rmse": "RMSE",
    "map": "MAP",
    "mrr": "MRR",
}
WRITTEN = "generated"
PLAIN = ("mae", "mse", "rmse")
"""Metrics in the units of the data, which are not printed in per cent."""


def show_result(result: Result, out: Console | None = None) -> None:
    """Prints one result."""
    out = out or console()
    show(out, *_parts(result, out))


def percent(value: float) -> str:
    """A share as it is printed: one decimal, in per cent."""
    return f"{100 * value:.1f}"


def plain(value: float) -> str:
    """A number in the units of the data, as it is printed: three significant digits."""
    return f"{value:.3g}"


def interval(estimate: Mapping[str, float], metric: str = "") -> str:
    """An estimate with its 95 % interval, in per cent unless the metric has the units of the data."""
    value, low, high = (figure(estimate[part], metric) for part in ("value", "low", "high"))
    return f"{value} [{low}, {high}]"


def figure(value: float, metric: str) -> str:
    """The value of a metric as it is printed."""
    return plain(value) if metric in PLAIN else percent(value)


def metric_name(name: str) -> str:
    """A metric as people write it."""
    return METRIC_NAMES.get(name, name.replace("_", " "))


def leading(result: Result) -> list[str]:
    """The metrics that are shown where there is room for two: the main one, and accuracy or the next."""
    names = list(result["metrics"])
    second = "accuracy" if "accuracy" in names else next((name for name in names if name != result["main"]), names[0])
    return list(dict.fromkeys([result["main"], second]))


def heading(result: Result) -> Text:
    """What was run, in one line."""
    text = Text()
    text.append(result["task"], style="bold")
    text.append(f"  {result['method']}")
    for name in ("template", "model"):  # a method that reads no prompt has neither
        if result[name]:
            text.append(f"  {name} {result[name]}")
    text.append(f"  {result['format'] or 'learned from ' + result['pool'] + ', seed ' + str(result['seed'])}")
    if result["shots"]:
        text.append(f"  shots {result['choose']} from {result['pool']}, seed {result['seed']}")
    return text


def _parts(result: Result, out: Console) -> Iterator[RenderableType]:
    yield heading(result)
    yield _data_line(result)
    yield _metrics_table(result)
    if result["confusion"]["labels"]:
        yield Text("labels, and what their rows were called")
        counts = _per_class_table(result)
        yield counts if fits(out, counts) else _per_class_list(result)
    elif result["per_class"]:
        yield _class_table(result)
    if result.get("thresholds"):
        yield _thresholds_line(result)
    if "rule_because" in result and result["rule"] != WRITTEN:
        yield Text(f"only the rule {result['rule']} stands: {result['rule_because']}", style="dim")
    elif result["rules"]:
        yield Text("the same log-likelihoods under each decision rule")
        yield _rules_table(result)
    if result["details"]:
        yield _details_line(result)
    yield _learned_line(result) if "rule_because" in result else _cost_line(result)
    for warning in result["warnings"]:
        yield Text(f"Warning: {warning}", style="yellow")
    yield Text(f"Stored in {result['run_dir']}")


def _data_line(result: Result) -> Text:
    data = result["data"]
    origin = f" ({data['origin']})" if data["origin"] != data["source"] else ""
    text = Text(f"data {data['source']}{origin}, {result['split']}: {result['n']} rows")
    if result["unlabelled"]:
        text.append(f", {result['unlabelled']} without a label left out")
    own = result["integrity"]["splits"][result["split"]]
    if own["duplicates"]:
        text.append(f"; {own['duplicates']} repeat an earlier row")
    for overlap in result["integrity"]["overlaps"]:
        if overlap["split"] == result["split"] and overlap["rows"]:
            text.append(f"; {overlap['rows']} also stand in {overlap['other']}", style="yellow")
    return text


def _metrics_table(result: Result) -> Table:
    """The metrics of all rows, of unseen rows, and of the majority label."""
    table = plain_table()
    columns: list[tuple[str, Mapping[str, Any]]] = [(f"all {result['n']} rows", result["metrics"])]
    for group in ("unseen", "seen"):
        if result[group]:
            columns.append((f"{group} in {result['pool']} ({result[group]['n']})", result[group]["metrics"]))
    if result["majority"]:
        columns.append((f"always {result['majority']['label']}", result["majority"]["metrics"]))
    table.add_column("% [95 %]" if result["rule"] == WRITTEN else f"rule {result['rule']}, % [95 %]")
    for title, _ in columns:
        table.add_column(title, justify="right")
    for name in result["metrics"]:
        style = "bold" if name == result["main"] else None
        table.add_row(metric_name(name), *(interval(metrics[name], name) for _, metrics in columns), style=style)
    calibration = result["calibration"]
    if calibration:
        blanks = [""] * (len(columns) - 1)
        table.add_row("calibration error", interval(calibration["ece"]), *blanks)
        table.add_row("Brier score", f"{calibration['brier']['value']:.3f}", *blanks)
    return table


def _per_class_table(result: Result) -> Table:
    """Precision, recall and F1 of each label, and its rows counted by what they were called."""
    labels = result["confusion"]["labels"]
    invalid = result["invalid"] > 0
    table = _per_class_columns()
    short = short_names(labels)
    for label in labels:
        table.add_column(short[label], justify="right")
    if invalid:
        table.add_column("invalid", justify="right")
    for label, counts in zip(labels, result["confusion"]["counts"], strict=True):
        cells = [str(count) if count else "." for count in (counts if invalid else counts[:-1])]
        table.add_row(*_per_class_cells(result, label), *cells)
    return table


def _per_class_list(result: Result) -> Table:
    """The same where columns have no room: what each label's rows were called, the most frequent first."""
    labels = result["confusion"]["labels"]
    table = _per_class_columns()
    table.add_column("called")
    for label, counts in zip(labels, result["confusion"]["counts"], strict=True):
        called = sorted(zip((*labels, "invalid"), counts, strict=True), key=lambda pair: -pair[1])
        cell = ", ".join(f"{name} {count}" for name, count in called if count)
        table.add_row(*_per_class_cells(result, label), cell)
    return table


def _class_table(result: Result) -> Table:
    """Precision, recall and F1 of each label, type or field where no row is called by one of them."""
    table = _per_class_columns("in the data")
    for label in result["per_class"]:
        table.add_row(*_per_class_cells(result, label))
    return table


def _thresholds_line(result: Result) -> Text:
    """From which probability on each label is answered."""
    shown = ", ".join(f"{label} {value:.2f}" for label, value in result["thresholds"].items())
    return Text(f"labels are answered from these probabilities on, tuned on other rows: {shown}", style="dim")


def _details_line(result: Result) -> Text:
    """What a form of answer counts beside its metrics, in words."""
    parts = []
    for name, value in result["details"].items():
        shown = f"{value:,}" if isinstance(value, int) else f"{value:.3f}"
        parts.append(f"{name.replace('_', ' ')} {shown}")
    return Text(f"invalid answers {result['invalid']}; {'; '.join(parts)}")


def _per_class_columns(counted: str = "rows") -> Table:
    table = plain_table()
    for name in ("label", "precision", "recall", "F1", counted):
        table.add_column(name, justify="left" if name == "label" else "right", no_wrap=True)
    return table


def _per_class_cells(result: Result, label: str) -> list[str]:
    own = result["per_class"][label]
    return [label, percent(own["precision"]), percent(own["recall"]), percent(own["f1"]), str(own["support"])]


def short_names(labels: Sequence[str], length: int = 4) -> dict[str, str]:
    """Labels cut to a few letters, as many as tell them apart."""
    while len({label[:length] for label in labels}) < len(labels) and length < max(map(len, labels)):
        length += 1
    return {label: label[:length] for label in labels}


def _rules_table(result: Result) -> Table:
    """The main metrics under every decision rule, from the same stored log-likelihoods."""
    table = plain_table()
    names = leading(result)
    table.add_column("rule")
    for name in names:
        table.add_column(metric_name(name), justify="right")
    for rule, metrics in result["rules"].items():
        mark = " (headline)" if rule == result["rule"] else ""
        table.add_row(rule + mark, *(percent(metrics[name]) for name in names))
    return table


def _cost_line(result: Result) -> Text:
    tokens, seconds = result["tokens"], result["seconds"]
    described = result["model_description"]
    score_s = max(seconds["score"], 1e-9)
    saved = tokens["unshared"] / max(tokens["computed"], 1)
    check = described["self_check"]
    done = "written" if "mean_answer_tokens" in result["details"] else "scored"
    lines = [
        f"{tokens['computed']:,} tokens computed of {tokens['distinct']:,} distinct; "
        f"{tokens['unshared']:,} unshared ({saved:.0f} x)",
        f"{done} in {seconds['score']:.1f} s ({result['n'] / score_s:.1f} rows/s, "
        f"{tokens['computed'] / score_s:,.0f} tokens/s), loaded in {seconds['load']:.1f} s; "
        f"{described['dtype']} on {described['device']}, {described['sharing']}",
    ]
    if check.get("rows"):
        lines.append(
            f"self-check: {check['rows']} prompts scored again one by one differ by at most "
            f"{check['max_difference_nats']:.2g} nats ({seconds['verify']:.1f} s)"
        )
    return Text("\n".join([*lines, *_smallest(result)]), style="dim")


def _learned_line(result: Result) -> Text:
    return Text("\n".join([*training_lines(result), *_smallest(result)]), style="dim")


def _smallest(result: Result) -> Iterator[str]:
    if result["smallest_difference"] is not None:
        smallest = percent(result["smallest_difference"])
        yield f"smallest difference in accuracy that {result['n']} rows can show: {smallest} points"

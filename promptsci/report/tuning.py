"""A tuning in the terminal: tuned and untuned side by side, how validation went, and what it cost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from promptsci.report.console import console, plain_table, section_parts, show
from promptsci.report.forgetting import forgetting_lines, forgetting_section
from promptsci.report.terminal import PLAIN, figure, interval, leading, metric_name

GIB = 2**30
LOSSES = {"choice_loss": "loss of the choice", "lm_loss": "loss of the words"}


def show_tuning(result: Mapping[str, Any], out: Console | None = None) -> None:
    """Prints the result of a tuning."""
    show(out or console(), *_parts(result))


def show_tuning_plan(plan: Mapping[str, Any], out: Console | None = None) -> None:
    """Prints what a tuning would do."""
    recipe = plan["recipe"]
    lines = [
        f"{plan['task']}  {plan['method']}  template {plan['template']}  model {plan['model']}  {plan['format']}",
        f"{plan['train_rows']} train rows, {recipe['epochs']} epochs of {plan['steps_per_epoch']} steps; "
        f"best of {recipe['epochs']} on {plan['validation_rows']} validation rows; {plan['dtype']}",
        memory_line(plan["memory"], plan["train_rows"]),
    ]
    table = plain_table("recipe")
    table.add_column("value")
    table.add_column("is")
    for name, value in recipe.items():
        table.add_row(name, str(value))
    notes = [Text(f"Note: {note}", style="yellow") for note in plan["notes"]]
    show(out or console(), Text("\n".join(lines)), table, *notes)


def show_bars(runs: list[Mapping[str, Any]], out: Console | None = None) -> None:
    """Prints what was trained, the last of the runs, beside the bars that it must clear."""
    show(out or console(), _methods(runs))


def trial_line(trial: Mapping[str, Any], n_trials: int) -> str:
    """What became of a trial of a sweep, in one line."""
    values = " ".join(f"{name}={value}" for name, value in trial["values"].items())
    came = trial["state"] if trial["main"] is None else f"validation {trial['main']:.4f}"
    why = f": {trial['error']}" if trial["error"] else ""
    return f"trial {trial['number'] + 1} of {n_trials}: {values}: {came}{why}"


def show_sweep(result: Mapping[str, Any], out: Console | None = None) -> None:
    """Prints what a sweep tried, the best first, and how to use what came of it."""
    title = (
        f"{result['task']}  {result['method']}  template {result['template']}  model {result['model']}: "
        f"{len(result['trials'])} trials on {result['validation_rows']} validation rows; the test split was not read"
    )
    table = plain_table()
    for column in ("trial", *result["ranges"], metric_name(result["metric"]), "ended"):
        table.add_column(column, justify="left" if column == "ended" else "right")
    order = sorted(result["trials"], key=lambda one: (one["main"] is None, -(one["main"] or 0.0), one["number"]))
    for one in order:
        main = "" if one["main"] is None else figure(_oriented(one["main"], result["metric"]), result["metric"])
        values = [one["values"].get(name, "") for name in result["ranges"]]
        best = one["number"] == result["best"]["number"]
        table.add_row(
            str(one["number"] + 1), *values, main, one["error"] or one["state"], style="bold" if best else None
        )
    notes = [Text(f"Note: {note}", style="yellow") for note in result["notes"]]
    stored, use = Text(f"Stored in {result['sweep_dir']}"), Text(f"Use it: {result['next']}")
    show(out or console(), Text(title), table, *notes, stored, use)


def _oriented(main: float, metric: str) -> float:
    """The metric itself from the main value of an examination, of which more is always better."""
    return -main if metric in PLAIN else main


def show_merged(result: Mapping[str, Any], out: Console | None = None) -> None:
    """Prints what became of an adapter that was merged."""
    lines = [
        f"{result['adapter']['name']} merged into {result['base']}: {result['dtype']}, "
        f"{result['bytes'] / 2**20:,.0f} MiB",
        f"read back from disk it scores within {result['max_nats']:.1g} nats of the adapter "
        f"({result['compared_on']}; at most {result['tolerance_nats']:g})",
    ]
    notes = [Text(f"Note: {note}", style="yellow") for note in result["notes"]]
    show(out or console(), Text("\n".join(lines)), *notes, Text(f"Use it as model={result['model']}"))


def memory_line(need: Mapping[str, Any], n_rows: int) -> str:
    """What a training will hold, in one line."""
    again = ", layers computed again for the gradient" if need["checkpointing"] else ""
    return (
        f"training {need['trainable']:,} of {need['parameters']:,} weights on {n_rows} rows; about "
        f"{need['total'] / GIB:.1f} GiB of {need['free'] / GIB:.1f} GiB free memory, "
        f"passes of up to {need['pack_tokens']} tokens{again}"
    )


def _parts(result: Mapping[str, Any]) -> Iterator[RenderableType]:
    text = Text()
    text.append(result["task"], style="bold")
    text.append(f"  {result['method']}  template {result['template']}  model {result['model']['name']}  ")
    text.append(result["format"])
    yield text
    for task in dict.fromkeys(run["task"] for run in result["runs"]):
        runs = [run for run in result["runs"] if run["task"] == task]
        yield _methods(runs, task if len(runs) < len(result["runs"]) else None)
    if "continual" in result:
        yield from section_parts(forgetting_section(result["continual"]))
        yield from map(Text, forgetting_lines(result["continual"]))
    yield Text(f"validation ({result['validation_rows']} rows) after each epoch; the best weights are kept")
    yield _curve(result)
    yield _cost(result)
    for warning in result["warnings"]:
        yield Text(f"Warning: {warning}", style="bold yellow")
    yield Text(f"Stored in {result['tune_dir']}")
    noun = "model" if result["method"] == "full" else "adapter"
    yield Text(f"Use it as {noun}={result['weights']}")


def _methods(runs: list[Mapping[str, Any]], task: str | None = None) -> Table:
    """A row for each bar, and one for what was tuned; the task is named where there are several."""
    table = plain_table(task)
    names = leading(runs[-1])
    table.add_column(f"{runs[-1]['split']}, % [95 %]")
    for name in names:
        table.add_column(metric_name(name), justify="right")
    for title in ("rule", "rows"):
        table.add_column(title, justify="right")
    majority = runs[-1]["majority"]
    if majority:
        cells = [interval(majority["metrics"][name], name) for name in names]
        table.add_row(f"always {majority['label']}", *cells, "", str(runs[-1]["n"]))
    for run in runs:
        cells = [interval(run["metrics"][name], name) for name in names]
        table.add_row(run["method"], *cells, run["rule"], str(run["n"]), style="bold" if run is runs[-1] else None)
    return table


def _curve(result: Mapping[str, Any]) -> Table:
    """Metric, as far as it decides, and losses before training and at each examination."""
    table = plain_table()
    main, judged = result["runs"][-1]["main"], result["recipe"]["examine"] == "metric"
    losses = {name: title for name, title in LOSSES.items() if name in result["checks"]}
    each = [name for name in result["checks"] if name.startswith("main_")] if judged else []
    if each:
        main = ""  # a mean over tasks
    shown = [("mean over tasks" if each else metric_name(main)), *(name.removeprefix("main_") for name in each)]
    for title in ("step", *(shown if judged else []), *losses.values()):
        table.add_column(title, justify="right")
    best = result["training"]["best_step"]
    rows = [(0, result["checks"])] + [
        (int(one["step"]), {name.removeprefix("eval_"): value for name, value in one.items()})
        for one in result["log"]
        if "eval_main" in one
    ]
    for step, found in rows:
        # Errors are examined as their negatives.
        values = [figure(_oriented(found[name], main), main) for name in ("main", *each)]
        cells = [*(values if judged else []), *(f"{found[name]:.3f}" for name in losses)]
        table.add_row(str(step), *cells, style="bold" if step == best else None)
    return table


def _cost(result: Mapping[str, Any]) -> Text:
    training, checks = result["training"], result["checks"]
    seconds = max(training["seconds"], 1e-9)
    lines = [
        f"{training['trainable_parameters']:,} weights trained on {training['examples']} rows in {seconds:.0f} s: "
        f"{training['steps']} steps, {training['tokens']:,} tokens ({training['tokens'] / seconds:,.0f} tokens/s)"
        f"{'' if training['packed'] else ', padded'}",
        f"{training['adapter_bytes'] / 2**20:.1f} MiB on disk; read back from there it scores within "
        f"{checks['reload_nats']:.1g} nats of memory, and up to {checks['base_nats']:.1f} nats away from its base",
    ]
    return Text("\n".join(lines), style="dim")

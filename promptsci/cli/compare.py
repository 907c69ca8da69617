"""``promptsci compare``: judge finished runs on the same rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from promptsci.cli.arguments import catalog_option, common_options, nouns_argument, print_json, read_nouns
from promptsci.errors import PromptsciError, RunError, SpecError, did_you_mean

NOUNS = ("task", "split", "model", "template", "method", "data")
FORMS = ("markdown", "latex", "csv", "methods")


@click.command("compare", short_help="Judge finished runs on the same rows.")
@nouns_argument(*NOUNS, metavar="[task=NAME] [split=NAME] [model=NAME] [method=NAME] ... [RUN ...]")
@click.option("--metric", help="The metric that decides. [default: the task's first]")
@click.option(
    "--as-in", "convention", help="Judge as a paper did: a convention of the task. See: promptsci tasks show."
)
@click.option("--baseline", help="The method to measure against. [default: majority, else zero-shot, else the last]")
@click.option("--rows", type=click.Choice(["all", "unseen", "seen"]), default="all", show_default=True)
@click.option("--rule", help="Judge all runs by one decision rule. [default: each run's own]")
@click.option("--each", is_flag=True, help="A row for every run, not one for the runs of a method.")
@click.option("--on-shared", is_flag=True, help="Compare runs over different rows on the rows that all have.")
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of intervals and tests.")
@click.option("--markdown", is_flag=True, help="Print Markdown.")
@click.option("--latex", is_flag=True, help="Print a LaTeX table (booktabs).")
@click.option("--csv", is_flag=True, help="Print CSV, a line a method, unrounded.")
@click.option("--methods", is_flag=True, help="Print a Methods paragraph and BibTeX.")
@click.option("--html", type=click.Path(path_type=Path), help="Write a page: tables, figures, every row.")
@click.option("--no-text", is_flag=True, help="Leave the rows' texts out of the page.")
@click.option("--figure", type=click.Path(path_type=Path), help="Write the intervals as a picture (SVG).")
@catalog_option
@common_options
def command(nouns: tuple[str, ...], **options: Any) -> None:
    r"""Judge finished runs on the same rows: intervals, paired tests, ties, costs. No model is loaded.

    RUN is a run's folder, or a name that fits one run only; by default all finished runs that the nouns name.

    \b
    promptsci compare task=citation-intent
    promptsci compare task=citation-intent model=smollm2-135m --rows unseen
    promptsci compare fe64154b 0a1b2c3d --latex
    promptsci compare task=citation-intent --html report.html
    """
    from promptsci.compare import Published, Question, clean_runs, compare, read_candidate

    forms = [form for form in (*FORMS, "as_json") if options[form]]
    if len(forms) > 1:
        raise PromptsciError(
            "only one form can be printed", fix="Choose one of --markdown --latex --csv --methods --json."
        )
    if options["no_text"] and not options["html"]:
        raise PromptsciError("--no-text leaves texts out of a page, and none is asked for", fix="Add --html FILE.")
    folders, notes = chosen_runs(nouns, options["runs"])
    question = Question(
        options["metric"],
        options["baseline"],
        options["rows"],
        options["each"],
        options["on_shared"],
        seed=options["seed"],
    )
    task = _task(str(folders[0].read_run()["task"]), options["catalog"])
    metrics, said = _convention(task, options["convention"])
    candidates = [read_candidate(folder, options["rule"], metrics) for folder in folders]
    published = [Published(comparable=False, **figure.model_dump()) for figure in task.published] if task else []
    comparison = compare(candidates, question, published=published, notes=[*notes, *said])
    compared = comparison.to_json()
    if options["html"]:
        _write_page(options["html"], comparison, clean_runs(candidates), texts=not options["no_text"])
    if options["figure"]:
        _write_figure(comparison, options["figure"])
    if options["as_json"]:
        print_json(compared)
    elif options["methods"]:
        from promptsci.report.methods_text import methods_text

        click.echo(methods_text(compared), nl=False)
    else:
        _print(compared, forms[0] if forms else None)


def chosen_runs(words: Sequence[str], runs: Path | None) -> tuple[list[Any], list[str]]:
    """The finished runs that words name, oldest first, and notes on those that are not finished.

    Args:
        words: ``noun=value`` and names of runs.
        runs: the folder of runs.

    Raises:
        RunError: there are none.
    """
    from promptsci.runs import find_run, list_runs, runs_root

    root = runs_root(runs)
    nouns = read_nouns([word for word in words if "=" in word], NOUNS)
    names = [word for word in words if "=" not in word]
    if names:
        named = {folder.path.resolve(): folder for folder in (find_run(name, root) for name in names)}
        return _filtered(list(named.values()), nouns), []
    task = read_nouns([word for word in words if "=" in word], NOUNS, required=["task"])["task"]
    found = list_runs(root, task)
    whole = [folder for folder in found if folder.is_whole and folder.scores_path.is_file()]
    if not whole:
        tasks = [path.name for path in root.glob("*") if path.is_dir() and path.name != task]
        near = did_you_mean(task, tasks) if tasks else f"Start one: promptsci run task={task}"
        raise RunError(f"there is no finished run of task '{task}' in {root}", fix=near)
    left = len(found) - len(whole)
    notes = [f"unfinished runs of {task} left out: {left}"] if left else []
    return _filtered(whole, {"split": "test", **nouns}), notes


def _filtered(folders: Sequence[Any], nouns: Mapping[str, str]) -> list[Any]:
    """The runs that are what each noun says.

    Raises:
        RunError: none is.
    """
    kept = list(folders)
    for noun, value in nouns.items():
        said = [(folder, _said(folder.read_run(), noun)) for folder in kept]
        kept = [folder for folder, words in said if value in words]
        if not kept:
            known = {words[0] for _, words in said}
            raise RunError(f"there is no finished run with {noun}={value}", fix=did_you_mean(value, known))
    return kept


def _said(record: Mapping[str, Any], noun: str) -> list[str]:
    """The words by which a run can be named by a noun."""
    if noun == "data":
        return [str(record["data"]["source"]), str(record["data"]["origin"])]
    value = str(record.get(noun))
    return [value, value.rpartition("/")[2]]


def _task(name: str, roots: Sequence[Path]) -> Any:
    """The task of that name, or None where the catalogue does not have it: a comparison needs no task.yaml."""
    from promptsci.spec import Catalog

    catalog = Catalog.standard(*roots)
    return catalog.task(name) if name in catalog.task_names() else None


def _convention(task: Any, name: str | None) -> tuple[list[str] | None, list[str]]:
    """The metrics of a convention and what to say of it; nothing without a name.

    Raises:
        SpecError: the task has no such convention.
    """
    if name is None:
        return None, []
    known = dict(task.conventions) if task else {}
    if name not in known:
        fix = (
            did_you_mean(name, known) or "Conventions are written in task.yaml: conventions: {NAME: {metrics: [...]}}."
        )
        raise SpecError(f"the task has no convention '{name}'", fix=fix)
    convention = known[name]
    about = f": {convention.about}" if convention.about else ""
    return list(convention.metrics), [f"judged as in {name} ({convention.source}){about}"]


def _write_page(path: Path, comparison: Any, candidates: Sequence[Any], *, texts: bool) -> None:
    from promptsci.report.page import write_page

    size = write_page(path, comparison, candidates, texts=texts)
    click.echo(f"Wrote {path} ({size / 1e6:.1f} MB)", err=True)


def _write_figure(comparison: Any, path: Path) -> None:
    from promptsci.report.figures import interval_plot
    from promptsci.runs import write_atomically

    write_atomically(path, interval_plot(comparison).file())
    click.echo(f"Wrote {path}", err=True)


def _print(compared: Mapping[str, Any], form: str | None) -> None:
    from promptsci.report.comparison_terminal import show_comparison
    from promptsci.report.comparison_text import as_csv, as_latex, as_markdown

    if form is None:
        show_comparison(compared)
    else:
        click.echo({"markdown": as_markdown, "latex": as_latex, "csv": as_csv}[form](compared), nl=False)

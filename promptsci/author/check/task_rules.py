"""PS5xx: what a task says of itself and of its data, without reading the data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from promptsci.author.check.findings import Hit
from promptsci.author.check.rules import rule, rules_of
from promptsci.author.check.sources import TaskFile
from promptsci.author.check.yaml_traps import read_elsewhere
from promptsci.data.example import split_name
from promptsci.errors import PromptsciError, did_you_mean
from promptsci.spec import Source


@rule("PS501", "warning", "no licence")
def no_licence(asked: TaskFile) -> Iterator[Hit]:
    """Nobody may use or pass on data whose terms are not said."""
    if asked.task.licence is None:
        fix = "Add a line 'licence: ...', if need be 'licence: unknown; for private use'."
        yield Hit(asked.at(), "the task does not say under which licence its data may be used", fix)


@rule("PS502", "warning", "no source")
def no_source(asked: TaskFile) -> Iterator[Hit]:
    """A score is worth as much as is known of the rows behind it."""
    if asked.task.paper is None:
        for name, source in asked.task.data.items():
            if source.about is None and source.yours is None:
                what = f"neither 'paper' nor 'about' of data '{name}' says where the rows come from"
                yield Hit(asked.at("data", name), what, "Add 'paper: ...', or 'about: ...' to the source.")


@rule("PS503", "warning", "remote data is not pinned")
def not_pinned(asked: TaskFile) -> Iterator[Hit]:
    """Data that can change under the same name makes numbers that cannot be had again."""
    for name, source in asked.task.data.items():
        if source.path is not None and source.revision is None:
            fix = "Add 'revision: ...' with the commit."
            yield Hit(asked.at("data", name, "path"), f"data '{name}' of the Hub has no revision", fix)
        for split, file in (source.urls or {}).items():
            if file.sha256 is None:
                what = f"the {split} file of data '{name}' has no sha256"
                yield Hit(asked.at("data", name, "urls", split), what, "Add 'sha256: ...' and 'bytes: ...'.")


@rule("PS504", "error", "unknown metric")
def unknown_metric(asked: TaskFile) -> Iterator[Hit]:
    """A run would be refused."""
    usual = asked.task.answers.metrics
    others = [(place, name) for place, name in enumerate(asked.task.metrics) if name not in usual]
    for place, name in others:
        if name.startswith("hub:"):
            continue  # nothing is downloaded for a look
        from promptsci.score import Facts, form_metric

        try:
            form_metric(name, Facts(asked.task.form, asked.task.labels or ("any",)))
        except PromptsciError as error:
            yield Hit(asked.at("metrics", place), error.what, error.fix)


@rule("PS505", "error", "shots come from a split that is not there")
def no_pool(asked: TaskFile) -> Iterator[Hit]:
    """Every run with shots would be refused."""
    pool = split_name(asked.task.shots.from_)
    for name, source in asked.task.data.items():
        there = _splits(source)
        if there and pool not in there:
            what = f"shots come from '{pool}', which data '{name}' does not have"
            yield Hit(asked.at("shots", "from"), what, did_you_mean(pool, there))


@rule("PS506", "warning", "fixed shots and how they are chosen disagree")
def fixed_shots(asked: TaskFile) -> Iterator[Hit]:
    """Ids are used by ``choose: fixed`` alone, and that needs ids."""
    shots = asked.task.shots
    if shots.choose == "fixed" and not shots.ids:
        yield Hit(asked.at("shots", "choose"), "choose: fixed names no shots", "Add 'ids: [...]' under shots.")
    elif shots.ids and shots.choose != "fixed":
        what = f"ids are given, but choose is '{shots.choose}', which does not use them"
        yield Hit(asked.at("shots", "ids"), what, "Write 'choose: fixed', or remove the ids.")
    for shot, count in Counter(shots.ids).items():
        if count > 1:
            yield Hit(asked.at("shots", "ids"), f"the id '{shot}' stands {count} times", "Name each shot once.")


@rule("PS507", "error", "another spelling is itself a label")
def label_read_as_another(asked: TaskFile) -> Iterator[Hit]:
    """Rows with one label would be counted under another."""
    column = asked.task.label or asked.task.label_set
    for spelling, label in column.read.items() if column is not None else ():
        if spelling in asked.task.labels and spelling != label:
            what = f"rows labelled '{spelling}' would be read as '{label}', though '{spelling}' is a label"
            yield Hit(asked.at(asked.task.form, "read", spelling), what, "Remove the line, or the label.")


@rule("PS508", "error", "two splits are the same data")
def same_split(asked: TaskFile) -> Iterator[Hit]:
    """The model would be shown the very rows it is scored on."""
    for name, source in asked.task.data.items():
        kind = "files" if source.files else "urls" if source.urls else "splits"
        first_with: dict[str, str] = {}
        for split, origin in _origins(source).items():
            other = first_with.setdefault(origin, split)
            if other != split:
                what = f"the splits {other} and {split} of data '{name}' are both {origin}"
                yield Hit(asked.at("data", name, kind, split), what, "Give each split data of its own.")


@rule("PS509", "warning", "the task's name is not that of its folder")
def other_name(asked: TaskFile) -> Iterator[Hit]:
    """A task is asked for by its folder's name, and its runs are stored under its own."""
    folder = asked.path.resolve().parent.name
    if folder != asked.task.name:
        what = f"the task is named '{asked.task.name}', but its folder '{folder}'"
        yield Hit(asked.at("name"), what, "Give both the same name.")


@rule("PS510", "warning", "the same column twice")
def same_column(asked: TaskFile) -> Iterator[Hit]:
    """Two fields that are one column are a slip of the pen, or one too many."""
    first_with: dict[str, str] = {}
    for field, column in asked.task.fields.items():
        other = first_with.setdefault(column, field)
        if other != field:
            what = f"the fields '{other}' and '{field}' are both column '{column}'"
            yield Hit(asked.at("fields", field), what, "Name the right column, or remove one.")


@rule("PS511", "note", "other YAML readers read another label")
def yaml_trap(asked: TaskFile) -> Iterator[Hit]:
    """Here ``yes`` and ``1e3`` stay the text they are; a script that reads the file elsewhere gets True and 1000.0."""
    for label in asked.task.labels if asked.task.relevance is None else ():
        meant = read_elsewhere(label, asked.lines)
        if meant is not None:
            yield Hit(
                asked.at_label(label), f"'{label}' is {meant} to other YAML readers", f'Write "{label}" in quotes.'
            )


def _splits(source: Source) -> set[str]:
    """The splits a source says it has; none where all that the Hub has are taken."""
    return {split_name(name) for name in source.split_names}


def _origins(source: Source) -> dict[str, str]:
    """Split -> the file, address or Hub split that it is."""
    if source.urls is not None:
        return {split: file.url for split, file in source.urls.items()}
    packaged = source.package.files if source.package is not None else {}
    return dict(source.files or packaged or source.splits)


RULES = rules_of(globals())

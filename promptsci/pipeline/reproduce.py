"""The story of ``reproduce``: a stored run's settings -> the same run again -> what differs, row by row."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from itertools import zip_longest
from pathlib import Path
from typing import Any

from promptsci.errors import Interrupted, RunError
from promptsci.lm import Progress
from promptsci.pipeline.classifier import ClassifierSettings, classifier_named, prepare_classifier
from promptsci.pipeline.classify import classify
from promptsci.pipeline.prepare import prepare
from promptsci.pipeline.run import LMs, Watcher, run
from promptsci.pipeline.settings import Settings
from promptsci.pipeline.tune_head import HeadSettings, prepare_head
from promptsci.runs import Row, RunFolder
from promptsci.score import GENERATED
from promptsci.spec import Catalog

LOGLIKS = ("nats", "premise_nats", "content_free_nats")
DESCRIBED = ("backend", "dtype", "device", "sharing", "n_parameters", "context")


@dataclass
class Difference:
    """What differs between stored predictions and those made now.

    Attributes:
        rows: rows that both have.
        only_stored: ids of rows that only the stored run has.
        only_now: ids of rows that only the new run has.
        prompts: rows whose prompt differs.
        compared: log-likelihoods compared.
        differing: how many of them differ.
        max_nats: the largest difference between two of them.
        retokenised: rows with other numbers of tokens, whose log-likelihoods cannot be compared.
        decisions: rows that are decided otherwise.
    """

    rows: int = 0
    only_stored: list[str] = field(default_factory=list)
    only_now: list[str] = field(default_factory=list)
    prompts: int = 0
    compared: int = 0
    differing: int = 0
    max_nats: float = 0.0
    retokenised: int = 0
    decisions: list[dict[str, Any]] = field(default_factory=list)

    def add(self, stored: Row, now: Row) -> None:
        """Compares one row."""
        self.rows += 1
        self.prompts += stored["prompt_sha256"] != now["prompt_sha256"]
        if _answer(stored) != _answer(now):
            names = {"id": stored["id"], "gold": stored["gold"]}
            self.decisions.append({**names, "stored": _answer(stored), "now": _answer(now)})
        pairs = list(zip_longest(_numbers(stored), _numbers(now)))
        if any(a is None or b is None or a[0] != b[0] for a, b in pairs):
            self.retokenised += 1
            return
        gaps = [abs(a[1] - b[1]) for a, b in pairs]
        self.compared += len(gaps)
        self.differing += sum(gap != 0 for gap in gaps)
        self.max_nats = max([self.max_nats, *gaps])


@dataclass(frozen=True)
class Reproduction:
    """The outcome of running a stored run again.

    Attributes:
        run_dir: the stored run.
        identical: whether predictions.jsonl is the same byte for byte.
        difference: what differs.
        inputs: hash or setting -> stored and now, where data, template, model or what computes them changed.
        versions: package -> stored and now, where they changed.
        main: the main metric, stored and now.
    """

    run_dir: str
    identical: bool
    difference: Difference
    inputs: dict[str, dict[str, Any]]
    versions: dict[str, dict[str, Any]]
    main: dict[str, Any]

    @property
    def same_decisions(self) -> bool:
        """Whether every row is there and is decided as before."""
        difference = self.difference
        return not (difference.decisions or difference.only_stored or difference.only_now)

    def to_json(self) -> dict[str, Any]:
        """What ``reproduce --json`` prints."""
        return {**asdict(self), "same_decisions": self.same_decisions}


def reproduce(
    folder: RunFolder, lms: LMs, catalog: Catalog, *, progress: Progress | None = None, watcher: Watcher | None = None
) -> Reproduction:
    """What differs when a finished run is run again with its stored settings, in a temporary folder.

    Tasks and templates are looked for in the given catalog and then where the stored run found them.

    Raises:
        RunError: the run is not finished, or was stored by another version.
        PromptsciError: its task, data, template or model are no longer there.
    """
    record = folder.read_run()
    if not folder.is_whole or record.get("state") != "done":
        raise RunError("the run is not finished", where=str(folder.path), fix="Run its command again; it goes on.")
    try:
        settings = settings_of(record)
        there = [Path(root) for root in record["catalog"]]
    except (KeyError, TypeError) as error:
        raise RunError(
            f"run.json was written by another version of promptsci ({error})",
            where=str(folder.run_path),
            fix="Run it again with promptsci run.",
        ) from error
    story = _story(settings, Catalog((*catalog.roots, *there)), lms, progress)
    with tempfile.TemporaryDirectory(prefix="promptsci-") as temporary:
        again = RunFolder(Path(temporary) / "run")
        try:
            story(again, watcher)
        except Interrupted as error:  # nothing is kept here, so there is nothing to go on with
            raise error.__cause__ or error from None
        return _compare(folder, again)


def settings_of(record: Row) -> Settings | ClassifierSettings:
    """The settings that a run.json keeps."""
    stored = record["settings"]
    if "method" not in stored:
        rule = None if record["rule"] == GENERATED else record["rule"]
        return Settings(**{**stored, "rule": rule})
    return HeadSettings(**stored) if stored["method"] == "head" else ClassifierSettings(**stored)


def _story(
    settings: Settings | ClassifierSettings, catalog: Catalog, lms: LMs, progress: Progress | None
) -> Callable[[RunFolder, Watcher | None], object]:
    """What runs the settings again in a folder, prepared."""
    if isinstance(settings, HeadSettings):
        head = prepare_head(settings, catalog, lambda _line: None, progress)
        return lambda folder, watcher: classify(head, folder, watcher=watcher)
    if isinstance(settings, ClassifierSettings):
        learner = prepare_classifier(settings, catalog, classifier_named(settings.method, catalog.task(settings.task)))
        return lambda folder, watcher: classify(learner, folder, watcher=watcher)
    prompted = prepare(settings, catalog, progress)
    return lambda folder, watcher: run(prompted, folder, lms, watcher=watcher)


def _compare(folder: RunFolder, again: RunFolder) -> Reproduction:
    stored, now = folder.read_run(), again.read_run()
    main = folder.read_scores()["main"]
    return Reproduction(
        run_dir=str(folder.path),
        identical=folder.predictions_path.read_bytes() == again.predictions_path.read_bytes(),
        difference=_difference(folder, again),
        inputs=_changed(_inputs(stored), _inputs(now)),
        versions=_changed({**stored["versions"], **stored["host"]}, {**now["versions"], **now["host"]}),
        main={
            "name": main,
            "stored": folder.read_scores()["metrics"][main]["value"],
            "now": again.read_scores()["metrics"].get(main, {}).get("value"),
        },
    )


def _difference(folder: RunFolder, again: RunFolder) -> Difference:
    found = Difference()
    now = {row["id"]: row for row in again.rows()}
    for row in folder.rows():
        if row["id"] in now:
            found.add(row, now.pop(row["id"]))
        else:
            found.only_stored.append(row["id"])
    found.only_now = list(now)
    return found


def _answer(row: Row) -> Any:
    """What was decided for a row: the text that was written, its label, or what a head answered."""
    return next(row[name] for name in ("text", "label", "answer") if name in row)


def _numbers(row: Row) -> Iterator[tuple[str, float]]:
    """Every log-likelihood of a row, behind the place where it stands."""
    for name in LOGLIKS:
        yield from _leaves(row.get(name), name)


def _leaves(value: Any, place: str) -> Iterator[tuple[str, float]]:
    if isinstance(value, float | int):
        yield place, value
    elif isinstance(value, Mapping):
        for name, part in value.items():
            yield from _leaves(part, f"{place} {name}")
    elif value is not None:
        for number, part in enumerate(value):
            yield from _leaves(part, f"{place} {number}")


def _inputs(record: Row) -> dict[str, Any]:
    described = {name: record["model_description"].get(name) for name in DESCRIBED}
    return {**_flat(record["identity"]), **described, "words": record["words"], "metrics": record["metrics"]}


def _flat(value: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    """``{"model": {"sha256": 1}}`` as ``{"model sha256": 1}``."""
    flat: dict[str, Any] = {}
    for name, part in value.items():
        flat |= _flat(part, f"{above}{name} ") if isinstance(part, Mapping) else {f"{above}{name}": part}
    return flat


def _changed(stored: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    names = dict.fromkeys([*stored, *now])
    pairs = {name: {"stored": stored.get(name), "now": now.get(name)} for name in names}
    return {name: pair for name, pair in pairs.items() if pair["stored"] != pair["now"]}

"""The bars that tuned weights must clear: a method without a model, prompting of the same model, and always one label.

Each is an ordinary Run on the rows of the closing run, so one that is stored already is read and not made again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

from promptsci.errors import DataError
from promptsci.pipeline.classifier import ClassifierSettings, classifier_named, methods_for, prepare_classifier
from promptsci.pipeline.classify import classifier_folder, classify
from promptsci.pipeline.ready import Ready
from promptsci.pipeline.settings import Result, Settings
from promptsci.report.terminal import figure
from promptsci.spec import Catalog

WatchRun = Callable[[Ready], Any]
"""Makes a context manager that gives the Watcher of one run."""
COUNTED = {"tfidf": "COUNTED WORDS", "dictionary": "A DICTIONARY", "lead": "THE FIRST SENTENCE"}
"""Methods without a model that are a bar in the forms of answers that they know, and what an alarm calls them."""


def prompting(asked: Settings, record: Mapping[str, Any]) -> list[Settings]:
    """The runs of the untuned model beside the tuned one.

    Zero-shot; with as many shots as were tuned with; or the few-shot prompt that a prefix began as, by what tune.json
    says of it.
    """
    zero = replace(asked, shots=0)
    if "opening" in record:
        shown = record["opening"]
        return [zero, replace(asked, shots=len(shown["shots"]), seed=shown["seed"])]
    return [zero, asked] if asked.shots else [zero]


def counted(
    asked: ClassifierSettings, catalog: Catalog, root: Path, *, fresh: bool = False, watch: WatchRun | None = None
) -> tuple[list[Result], list[str]]:
    """The result of a method without a model, made now or found finished; or what to say where there is none.

    Args:
        asked: on which rows it is scored, and from which it learns; its method is chosen here.
        catalog: where the task is found.
        root: the folder of runs.
        fresh: whether a stored result is forgotten.
        watch: who hears of the run.
    """
    task = catalog.task(asked.task)
    method = next((name for name in COUNTED if name in methods_for(task)), None)
    if method is None:
        return [], []
    settings = ClassifierSettings(
        asked.task,
        method,
        data=asked.data,
        split=asked.split,
        pool=asked.pool,
        pool_rows=asked.pool_rows,
        seed=asked.seed,
        limit=asked.limit,
    )
    try:
        prepared = prepare_classifier(settings, catalog, classifier_named(method, task))
        with watch(prepared) if watch else nullcontext() as watcher:
            return [classify(prepared, classifier_folder(prepared, root), fresh=fresh, watcher=watcher)], []
    except DataError as error:  # no such rows, one label only, or nothing that can be counted
        return [], [f"there is no {method} row to compare with: {error.what}"]


def alarms(bars: Sequence[Result], tuned: Result, *, higher: bool) -> list[str]:
    """What must be said loudly: each bar that the tuned weights are below."""
    name = tuned["main"]
    after = tuned["metrics"][name]["value"]
    found = []
    for what, metrics in _named(bars, tuned):
        before = metrics[name]["value"]
        if (after < before) if higher else (after > before):
            found.append(
                f"TUNED BELOW {what}: {name} is {figure(after, name)} after tuning, {figure(before, name)} there"
            )
    return found


def _named(bars: Sequence[Result], tuned: Result) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yields what each bar is called, and its metrics."""
    majority = tuned["majority"]
    if majority:
        yield f"ALWAYS ANSWERING '{majority['label']}'", majority["metrics"]
    for bar in bars:
        untuned = f"ITS OWN BASE ({bar['method']} prompting of {bar['model']})"
        yield (untuned if bar["model"] else f"{COUNTED[bar['method']]} ({bar['method']})"), bar["metrics"]

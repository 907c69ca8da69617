"""The methods of a study by name, each as the work that makes its runs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from promptsci.errors import Problems, PromptsciError, SpecError, did_you_mean, raise_all
from promptsci.lm import Progress, read_adapter
from promptsci.pipeline import METHODS as CLASSIFIERS
from promptsci.pipeline import ClassifierSettings, Settings, classifier_named, prepare, prepare_classifier
from promptsci.pipeline.tune_head import HeadSettings, prepare_head
from promptsci.pipeline.tuning import TuneSettings, prepare_tune
from promptsci.spec import CHOOSERS, Catalog
from promptsci.study.work import Classifying, Prompting, Tuning, Work
from promptsci.tune.recipe import METHODS as TUNED

SHOTS = re.compile(r"(?P<k>[1-9]\d*)-shot(?:-(?P<choose>[a-z-]+))?")
DRAWN = ("random", "balanced")
"""Ways of choosing shots that a seed decides; the others are the same for every seed."""


@dataclass(frozen=True)
class Asked:
    """What a study is asked.

    Attributes:
        settings: of every run: task, data, split, template, model, limit, format, dtype.
        methods: their names, in the order in which they are made.
        seeds: one run of each method whose result depends on the seed.
        values: of recipes, as on the command line of tune.
        train_rows: how many labelled rows there are to learn from and to show; None is all.
        start: folder of an adapter of another task; tunings of its method are made from nothing and from there.
    """

    settings: Settings
    methods: tuple[str, ...]
    seeds: tuple[int, ...] = (0,)
    values: Mapping[str, str] = field(default_factory=dict)
    train_rows: int | None = None
    start: str | None = None


def begun(asked: Asked) -> dict[str, str]:
    """Name of a tuning that begins with the source -> the same from nothing.

    Raises:
        SpecError: no method that is asked for can begin with it.
    """
    if asked.start is None:
        return {}
    source = read_adapter(Path(asked.start))
    found = {f"{method} from {source.name}": method for method in asked.methods if method == source.method}
    if not found:
        what = f"none of the methods can begin with {source.name}, which is {source.method}"
        raise SpecError(what, where=asked.start, fix=f"Write methods={source.method}.")
    return found


def known_methods() -> tuple[str, ...]:
    """The methods by name; any number of shots may stand for 8."""
    return (*CLASSIFIERS, "zero-shot", "8-shot", "8-shot-similar", "head", *TUNED)


def works(asked: Asked, catalog: Catalog, progress: Progress | None = None) -> list[Work]:
    """The runs of a study, prepared.

    Raises:
        PromptsciError: one thing is wrong.
        Problems: several things are.
    """
    problems: list[PromptsciError] = []
    found: list[Work] = []
    for method in dict.fromkeys(asked.methods):
        try:
            found += _works(method, asked, catalog, progress)
        except Problems as several:
            problems += several.problems
        except PromptsciError as one:
            problems.append(one)
    texts: dict[str, PromptsciError] = {problem.text(): problem for problem in problems}
    raise_all(list(texts.values()))  # what is wrong with the task is wrong for every method
    return found


def _works(method: str, asked: Asked, catalog: Catalog, progress: Progress | None) -> list[Work]:
    if method == "zero-shot":
        return [Prompting(method, prepare(asked.settings, catalog, progress))]
    shots = SHOTS.fullmatch(method)
    if shots:
        return _few_shot(method, int(shots["k"]), shots["choose"], asked, catalog)
    if method in CLASSIFIERS:
        classifier = classifier_named(method, catalog.task(asked.settings.task))
        return [Classifying(method, prepare_classifier(_learning(asked, method), catalog, classifier))]
    if method == "head":
        return [_head(seed, asked, catalog, progress) for seed in asked.seeds]
    if method in TUNED:
        sources = [(name, asked.start) for name, one in begun(asked).items() if one == method]
        both = [(method, None), *sources]
        return [
            _tuning(method, name, seed, replace(asked, start=start), catalog)
            for name, start in both
            for seed in asked.seeds
        ]
    raise SpecError(f"there is no method '{method}'", fix=did_you_mean(method, known_methods()))


def _few_shot(method: str, k: int, choose: str | None, asked: Asked, catalog: Catalog) -> list[Work]:
    if choose is not None and choose not in CHOOSERS:
        ways = [f"{k}-shot-{way}" for way in CHOOSERS]
        raise SpecError(f"there is no method '{method}'", fix=did_you_mean(method, ways))
    rule = choose or catalog.task(asked.settings.task).shots.choose
    settings = replace(asked.settings, shots=k, choose=choose, pool_rows=asked.train_rows)
    seeds = asked.seeds if rule in DRAWN else asked.seeds[:1]
    return [Prompting(method, prepare(replace(settings, seed=seed), catalog)) for seed in seeds]


def _learning(asked: Asked, method: str) -> ClassifierSettings:
    settings = asked.settings
    kept = {name: getattr(settings, name) for name in ("task", "data", "split", "pool", "seed", "limit")}
    return ClassifierSettings(**kept, method=method, pool_rows=asked.train_rows)


def _head(seed: int, asked: Asked, catalog: Catalog, progress: Progress | None) -> Work:
    settings = asked.settings
    kept = {name: getattr(settings, name) for name in ("task", "data", "split", "pool", "limit", "template")}
    head = HeadSettings(**kept, seed=seed, pool_rows=asked.train_rows)
    return Classifying("head", prepare_head(head, catalog, lambda _line: None, progress))


def _tuning(method: Any, name: str, seed: int, asked: Asked, catalog: Catalog) -> Work:
    run = replace(asked.settings, seed=seed)
    settings = TuneSettings(run, method, asked.values, train_rows=asked.train_rows, start=asked.start)
    return Tuning(name, prepare_tune(settings, catalog))

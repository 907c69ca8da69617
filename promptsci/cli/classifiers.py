"""``promptsci run method=majority|tfidf|dictionary|lead``: the methods of ``run`` that read no prompt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from promptsci.cli.arguments import given_beside
from promptsci.errors import Problems, PromptsciError

NOUNS = ("task", "method", "data", "split")
OPTIONS = ("pool", "seed", "seeds", "limit", "catalog", "fresh", "runs", "as_json", "nouns")


def run_classifiers(nouns: Mapping[str, Any], options: Mapping[str, Any], seeds: Sequence[int]) -> list[dict[str, Any]]:
    """One result for each seed, all checked before the first starts."""
    from promptsci.cli.progress import row_progress
    from promptsci.pipeline import (
        ClassifierSettings,
        classifier_folder,
        classifier_named,
        classify,
        prepare_classifier,
    )
    from promptsci.runs import runs_root
    from promptsci.spec import Catalog

    _refuse_others(nouns, nouns["method"])
    catalog, root, results = Catalog.standard(*options["catalog"]), runs_root(options["runs"]), []
    classifier = classifier_named(nouns["method"], catalog.task(nouns["task"]))
    asked = [ClassifierSettings(**nouns, pool=options["pool"], limit=options["limit"], seed=seed) for seed in seeds]
    prepared = [prepare_classifier(settings, catalog, classifier) for settings in asked]
    for one in prepared:
        with row_progress(f"{one.task.name} {one.method}") as watcher:
            results.append(classify(one, classifier_folder(one, root), fresh=options["fresh"], watcher=watcher))
    return results


def _refuse_others(nouns: Mapping[str, str], method: str) -> None:
    """Nothing when all that is asked for means something to a method that reads no prompt."""
    why = f"method={method} reads no prompt"
    words = [f"{noun}={value}" for noun, value in nouns.items() if noun not in NOUNS]
    words += given_beside((*OPTIONS, "debug"))
    if words:
        raise Problems([PromptsciError(f"{why}, so {word} means nothing to it", fix="Leave it out.") for word in words])

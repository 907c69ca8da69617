"""Which labelled examples stand before the query. The choice depends on the seed and the query's own id and text, never on the order of work."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

from promptsci.data import Example, text_key
from promptsci.errors import PromptError, did_you_mean
from promptsci.spec import CHOOSERS, Task

if TYPE_CHECKING:
    import bm25s


class Chooser(Protocol):
    """Chooses the shots of a query."""

    def shots(self, query: Example) -> list[Example]:
        """The shots of a query, in the order in which they are shown."""
        ...


def rank(seed: int, *parts: str) -> bytes:
    """A sort key that looks random, the same on every machine for the same seed and parts."""
    return hashlib.sha256("\x1f".join([str(seed), *parts]).encode()).digest()


class Pool:
    """The labelled examples that shots are taken from."""

    def __init__(self, examples: Sequence[Example], labels: Sequence[str]) -> None:
        self.examples = [example for example in examples if example.gold is not None]
        self.labels = tuple(labels)

    @cached_property
    def keys(self) -> dict[str, str]:
        """Example id -> its text, folded, by which a query is kept out of its own shots."""
        return {example.id: text_key(example) for example in self.examples}

    def allowed(self, shot: Example, query: Example, query_key: str) -> bool:
        """Whether a shot may stand before a query: not the query itself, nor its text."""
        return shot.id != query.id and self.keys[shot.id] != query_key


class FixedChooser:
    """``random``, ``balanced``, ``first`` and ``fixed``: one order of candidates for the whole run.

    Every query takes the first k of each queue that it may see, so all queries share their shots but those few whose own text
    stands among them: there the next candidate takes the very place of the one left out.
    """

    def __init__(self, pool: Pool, queues: Sequence[tuple[Sequence[Example], int]], seed: int, *, mixed: bool) -> None:
        self.pool = pool
        self.queues = queues
        k = sum(count for _, count in queues)
        places = list(range(k))
        self.places = sorted(places, key=lambda place: rank(seed, "place", str(place))) if mixed else places
        self._usual = self._arrange([list(queue[:count]) for queue, count in queues])
        self._usual_ids = {shot.id for shot in self._usual}
        self._usual_keys = {pool.keys[shot.id] for shot in self._usual}

    def _arrange(self, chosen: Sequence[Sequence[Example]]) -> list[Example]:
        flat = [shot for part in chosen for shot in part]
        return [flat[place] for place in self.places]

    def shots(self, query: Example) -> list[Example]:
        """The shots of a query."""
        key = text_key(query)
        if query.id not in self._usual_ids and key not in self._usual_keys:
            return self._usual
        chosen = []
        for queue, count in self.queues:
            usual = list(queue[:count])
            spare = iter([shot for shot in queue[count:] if self.pool.allowed(shot, query, key)])
            taken = [shot if self.pool.allowed(shot, query, key) else next(spare, None) for shot in usual]
            if None in taken:
                raise PromptError(f"too few shots are left for example {query.id}: its own text stands in the pool",
                                  fix="Use fewer --shots or a larger pool.")  # fmt: skip
            chosen.append([shot for shot in taken if shot is not None])
        return self._arrange(chosen)


class SimilarChooser:
    """``similar``: the k nearest of the pool by BM25 over the example's text fields, the nearest last.

    Source: Robertson and Zaragoza 2009 (BM25); nearest last as in Liu et al. 2022 (KATE). Library: bm25s.
    """

    def __init__(self, pool: Pool, k: int) -> None:
        self.pool = pool
        self.k = k
        self._index = self._build()

    def _build(self) -> bm25s.BM25:
        import bm25s

        index = bm25s.BM25()
        index.index([_words(example.text) for example in self.pool.examples], show_progress=False)
        return index

    def shots(self, query: Example) -> list[Example]:
        """The shots of a query."""
        import numpy as np

        scores = self._index.get_scores(_words(query.text) or [""])
        key = text_key(query)
        chosen: list[Example] = []
        # A stable sort: equal scores keep the pool's order on every machine.
        for position in np.argsort(-scores, kind="stable"):
            shot = self.pool.examples[int(position)]
            if self.pool.allowed(shot, query, key):
                chosen.append(shot)
            if len(chosen) == self.k:
                break
        return chosen[::-1]


class NoShots:
    """Zero-shot."""

    def shots(self, query: Example) -> list[Example]:  # noqa: ARG002 - the protocol's shape
        """No shots."""
        return []


def chooser(rule: str, pool: Pool, k: int, seed: int, task: Task) -> Chooser:
    """The Chooser of a rule.

    ``balanced`` takes k // C of each of the C labels; the k mod C left over go one each to labels drawn by the seed.

    Raises:
        PromptError: unknown rule, or more shots than the pool has.
    """
    if rule not in CHOOSERS:
        raise PromptError(f"there is no way to choose shots called '{rule}'", fix=did_you_mean(rule, CHOOSERS))
    if k == 0:
        return NoShots()
    if k > len(pool.examples) - 1:
        raise PromptError(f"{k} shots are asked for, but the pool has {len(pool.examples)} labelled examples",
                          fix=f"Use --shots {max(0, len(pool.examples) - 1)} or fewer.")  # fmt: skip
    if rule == "similar":
        return SimilarChooser(pool, k)
    return FixedChooser(pool, _queues(rule, pool, k, seed, task), seed, mixed=rule == "balanced")


def _queues(rule: str, pool: Pool, k: int, seed: int, task: Task) -> list[tuple[list[Example], int]]:
    if rule == "first":
        return [(pool.examples, k)]
    if rule == "fixed":
        return [(_named(pool, task.shots.ids, k), k)]
    mixed = sorted(pool.examples, key=lambda example: rank(seed, example.id))
    if rule == "random":
        return [(mixed, k)]
    by_label = {label: [example for example in mixed if example.gold == label] for label in pool.labels}
    counts = _label_counts(pool.labels, k, seed)
    short = [label for label, count in counts.items() if len(by_label[label]) < count]
    if short:
        raise PromptError(f"balanced shots: the pool has {len(by_label[short[0]])} examples of '{short[0]}', "
                          f"{counts[short[0]]} are needed", fix="Use fewer --shots, or --choose random.")  # fmt: skip
    return [(by_label[label], count) for label, count in counts.items() if count]


def _label_counts(labels: Sequence[str], k: int, seed: int) -> dict[str, int]:
    each, left = divmod(k, len(labels))
    lucky = set(sorted(labels, key=lambda label: rank(seed, "label", label))[:left])
    return {label: each + (label in lucky) for label in labels}


def _named(pool: Pool, ids: Sequence[str], k: int) -> list[Example]:
    if len(ids) < k:
        raise PromptError(f"task.yaml names {len(ids)} fixed shots, {k} are asked for",
                          fix="List more ids under shots: ids, or use fewer --shots.")  # fmt: skip
    by_id = {example.id: example for example in pool.examples}
    missing = [shot_id for shot_id in ids if shot_id not in by_id]
    if missing:
        raise PromptError(f"fixed shot '{missing[0]}' is not in the pool", fix=did_you_mean(missing[0], by_id))
    return [by_id[shot_id] for shot_id in ids]


def _words(text: str) -> list[str]:
    """Lower-case words and numbers."""
    return re.findall(r"\w+", text.lower())

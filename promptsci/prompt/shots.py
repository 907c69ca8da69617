"""Which labelled examples stand before the query.

The choice depends on the seed and on the query's own id and text, never on the order of work. A shot never has the
query's id or text, and no two shots of a query have the same text: pools repeat texts, and a repeat would show the
model nothing new. Texts are the same when they differ in case and white space only.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

from promptsci.data import Example, text_key
from promptsci.errors import PromptError, did_you_mean
from promptsci.prompt.terms import terms
from promptsci.spec import CHOOSERS, Task

if TYPE_CHECKING:
    import bm25s
    import numpy as np
    from numpy.typing import NDArray


class Chooser(Protocol):
    """Chooses the shots of a query."""

    def shots(self, query: Example) -> list[Example]:
        """The shots of a query, in the order in which they are shown.

        Raises:
            PromptError: too few examples of the pool may stand before this query.
        """
        ...

    def check(self, query: Example) -> None:
        """Nothing when there are shots for the query; tells without choosing them.

        Raises:
            PromptError: too few examples of the pool may stand before this query.
        """
        ...


def rank(seed: int, *parts: str) -> bytes:
    """A sort key that looks random, the same on every machine for the same seed and parts."""
    return hashlib.sha256("\x1f".join([str(seed), *parts]).encode()).digest()


class Embed(Protocol):
    """Turns texts into vectors [N, H] of length one.

    Attributes:
        n_cut: texts that were too long and lost their end.
    """

    n_cut: int

    @property
    def sha256(self) -> str:
        """Which encoder it is."""
        ...

    def __call__(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """The vectors of texts."""
        ...


class Pool:
    """The labelled examples that shots are taken from; ``embed`` is what ``similar-embedding`` goes by."""

    def __init__(self, examples: Sequence[Example], labels: Sequence[str], embed: Embed | None = None) -> None:
        self.embed = embed
        self.examples = [example for example in examples if example.gold is not None]
        self.labels = tuple(labels)

    @cached_property
    def keys(self) -> dict[str, str]:
        """Example id -> its text, folded: examples with the same key are one text."""
        return {example.id: text_key(example) for example in self.examples}

    @cached_property
    def distinct(self) -> frozenset[str]:
        """The folded texts of the pool."""
        return frozenset(self.keys.values())

    def hidden(self, query: Example) -> set[str]:
        """The folded texts that may not stand before a query: its own, its id's in the pool, and those of its group."""
        hidden = {text_key(query)}
        if query.id in self.keys:
            hidden.add(self.keys[query.id])
        return hidden if query.group is None else hidden | self._of_group[query.group]

    @cached_property
    def _of_group(self) -> dict[str, set[str]]:
        """Group -> the folded texts of its examples: what is known of a query's other documents gives it away."""
        groups: dict[str, set[str]] = defaultdict(set)
        for example in self.examples:
            if example.group is not None:
                groups[example.group].add(self.keys[example.id])
        return groups

    def unlike(self, candidates: Iterable[Example], k: int, shown: set[str]) -> list[Example]:
        """The first k candidates whose texts are not shown yet; their texts are shown from now on."""
        taken: list[Example] = []
        for candidate in candidates if k else ():
            key = self.keys[candidate.id]
            if key not in shown:
                shown.add(key)
                taken.append(candidate)
                if len(taken) == k:
                    break
        return taken


class FixedChooser:
    """``random``, ``balanced``, ``first`` and ``fixed``: one order of candidates for the whole run.

    All queries share their shots but those few whose own text stands among them: there the next candidate of the same
    queue takes the very place of the one left out.

    Args:
        pool: what the shots come from.
        queues: candidates in their order, and how many of them are taken.
        seed: of the order in which shots are shown.
        mixed: whether the queues' shots are shown in mixed order, or as they come.

    Raises:
        PromptError: a queue has too few different texts.
    """

    def __init__(self, pool: Pool, queues: Sequence[tuple[Sequence[Example], int]], seed: int, *, mixed: bool) -> None:
        self.pool = pool
        self.queues = queues
        places = list(range(sum(count for _, count in queues)))
        self.places = sorted(places, key=lambda place: rank(seed, "place", str(place))) if mixed else places
        shown: set[str] = set()
        self._usual = [pool.unlike(queue, count, shown) for queue, count in queues]
        for taken, (queue, count) in zip(self._usual, queues, strict=True):
            if len(taken) < count:
                raise PromptError(
                    f"{count} shots are to come from {len(queue)} examples, of which {len(taken)} differ in text",
                    fix="Use fewer --shots, another --choose, or a larger pool.",
                )
        self._usual_keys = frozenset(shown)

    def shots(self, query: Example) -> list[Example]:
        """The shots of a query."""
        hidden = self.pool.hidden(query)
        if not hidden & self._usual_keys:
            return self._arranged(self._usual)
        shown = hidden | self._usual_keys
        chosen: list[list[Example]] = []
        for taken, (queue, _) in zip(self._usual, self.queues, strict=True):
            stay = [self.pool.keys[shot.id] not in hidden for shot in taken]
            spare = self.pool.unlike(queue, stay.count(False), shown)
            if len(spare) < stay.count(False):
                raise _too_few(query)
            chosen.append([shot if stays else spare.pop(0) for shot, stays in zip(taken, stay, strict=True)])
        return self._arranged(chosen)

    def check(self, query: Example) -> None:
        """Nothing when there are shots for the query."""
        self.shots(query)

    def _arranged(self, chosen: Sequence[Sequence[Example]]) -> list[Example]:
        flat = [shot for part in chosen for shot in part]
        return [flat[place] for place in self.places]


class SimilarChooser:
    """``similar``: the k nearest texts of the pool by BM25 over their terms, the nearest last.

    Of examples that are equally near, the one that stands first in the pool counts as nearer.

    Source: Robertson and Zaragoza 2009 (BM25); k1 0.9 and b 0.4 as in Anserini (Yang et al. 2017); nearest last as in
    Liu et al. 2022 (KATE).
    Library: bm25s.
    """

    def __init__(self, pool: Pool, k: int) -> None:
        self.pool = pool
        self.k = k
        self._index = self._build()

    def _build(self) -> bm25s.BM25 | None:
        import bm25s

        found = [terms(example.text) for example in self.pool.examples]
        if not any(found):
            return None  # nothing to go by: all are equally near
        index = bm25s.BM25(k1=0.9, b=0.4)
        index.index(found, show_progress=False)
        return index

    def shots(self, query: Example) -> list[Example]:
        """The shots of a query."""
        places = self._order(query)
        chosen = self.pool.unlike((self.pool.examples[at] for at in places), self.k, self.pool.hidden(query))
        if len(chosen) < self.k:
            raise _too_few(query)
        return chosen[::-1]

    def _order(self, query: Example) -> Sequence[int]:
        """The places of the pool's examples, the nearest first."""
        asked = terms(query.text)
        if self._index is not None and asked:
            return _descending(self._index.get_scores(asked))
        return range(len(self.pool.examples))

    def check(self, query: Example) -> None:
        """Nothing when there are shots for the query."""
        if len(self.pool.distinct) - len(self.pool.hidden(query) & self.pool.distinct) < self.k:
            raise _too_few(query)


class NearestChooser(SimilarChooser):
    """``similar-embedding``: the k nearest texts of the pool by cosine of their vectors, the nearest last.

    Cosines are compared to six decimals, so that rounding on another machine does not change an order; equals keep the
    pool's order.
    """

    def _build(self) -> None:
        return None

    @cached_property
    def _vectors(self) -> NDArray[np.float32]:
        assert self.pool.embed is not None, "the pool of similar-embedding can embed"
        return self.pool.embed([example.text for example in self.pool.examples])

    def _order(self, query: Example) -> Sequence[int]:
        assert self.pool.embed is not None, "the pool of similar-embedding can embed"
        return _descending((self._vectors @ self.pool.embed([query.text])[0]).round(6))


def _descending(scores: NDArray[np.float32]) -> list[int]:
    """The places of scores, the highest first; equal scores keep the pool's order on every machine."""
    import numpy as np

    return list(np.argsort(-scores, kind="stable").tolist())


class NoShots:
    """Zero-shot."""

    def shots(self, query: Example) -> list[Example]:  # noqa: ARG002 - the protocol's shape
        """No shots."""
        return []

    def check(self, query: Example) -> None:
        """Nothing, always."""


def _too_few(query: Example) -> PromptError:
    return PromptError(
        f"too few shots are left for example {query.id}: its own text stands in the pool",
        fix="Use fewer --shots or a larger pool.",
    )


def chooser(rule: str, pool: Pool, k: int, seed: int, task: Task) -> Chooser:
    """The Chooser of a rule.

    ``balanced`` takes k // C of each of the C labels; the k mod C left over go one each to labels drawn by the seed.

    Raises:
        PromptError: unknown rule, more shots than the pool has different texts, or nothing that makes vectors of them.
    """
    if rule not in CHOOSERS:
        raise PromptError(f"there is no way to choose shots called '{rule}'", fix=did_you_mean(rule, CHOOSERS))
    if k < 0:
        raise PromptError(f"{k} shots cannot be shown", fix="Give --shots 0 or more.")
    if k == 0:
        return NoShots()
    if k > len(pool.distinct):
        raise PromptError(
            f"{k} shots are asked for, but the pool has {len(pool.distinct)} labelled examples that differ in text",
            fix=f"Use --shots {len(pool.distinct)} or fewer.",
        )
    if rule == "similar-embedding":
        if pool.embed is None:
            what = "similar-embedding goes by the vectors of an encoder, and no model is read here"
            raise PromptError(what, fix="Take --choose similar, or score the rows with promptsci run.")
        return NearestChooser(pool, k)
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
    if not all(isinstance(example.gold, str) for example in mixed):
        raise PromptError("balanced shots need rows with one label each", fix="Use --choose random.")
    # Options have no labels of the task's own: there it is letters that are balanced, as far as they are ever right.
    labels = pool.labels or tuple(sorted({example.gold for example in mixed if example.gold is not None}))
    by_label = {label: [example for example in mixed if example.gold == label] for label in labels}
    counts = _label_counts(labels, k, seed)
    short = [label for label, count in counts.items() if len(by_label[label]) < count]
    if short:
        raise PromptError(
            f"balanced shots: the pool has {len(by_label[short[0]])} examples of '{short[0]}', "
            f"{counts[short[0]]} are needed",
            fix="Use fewer --shots, or --choose random.",
        )
    return [(by_label[label], count) for label, count in counts.items() if count]


def _label_counts(labels: Sequence[str], k: int, seed: int) -> dict[str, int]:
    each, left = divmod(k, len(labels))
    lucky = set(sorted(labels, key=lambda label: rank(seed, "label", label))[:left])
    return {label: each + (label in lucky) for label in labels}


def _named(pool: Pool, ids: Sequence[str], k: int) -> list[Example]:
    if len(ids) < k:
        raise PromptError(
            f"task.yaml names {len(ids)} fixed shots, {k} are asked for",
            fix="List more ids under shots: ids, or use fewer --shots.",
        )
    by_id = {example.id: example for example in pool.examples}
    missing = [shot_id for shot_id in ids if shot_id not in by_id]
    if missing:
        raise PromptError(f"fixed shot '{missing[0]}' is not in the pool", fix=did_you_mean(missing[0], by_id))
    return [by_id[shot_id] for shot_id in ids]

"""Computed, distinct and unshared tokens, and seconds, over a grid of rows x shots x labels.

    python scripts/bench/sharing_scaling.py [--model NAME] [--plan-only]

Prompts are random words in the shape of a few-shot classification task; ``--plan-only`` leaves the model out and
shows what the
planner alone costs.
"""

from __future__ import annotations

import argparse
import random
import time

import numpy as np

from promptsci.lm import trie as plan
from promptsci.prompt import Query


def main() -> None:
    """Prints the grid."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="smollm2-135m")
    parser.add_argument("--dtype", default="auto")
    parser.add_argument("--plan-only", action="store_true")
    parser.add_argument("--rows", default="25,100")
    parser.add_argument("--shots", default="0,8,32")
    parser.add_argument("--labels", default="2,6,24")
    args = parser.parse_args()
    lm = None if args.plan_only else load(args.model, args.dtype)
    print(
        f"{'rows':>6} {'shots':>5} {'labels':>6} {'shots are':>9} {'unshared':>12} "
        f"{'distinct':>9} {'computed':>9} {'ratio':>6} {'plan s':>7} "
        f"{'score s':>8}"
    )
    grid = [[int(value) for value in text.split(",")] for text in (args.rows, args.shots, args.labels)]
    for n_rows in grid[0]:
        for n_shots in grid[1]:
            for n_labels in grid[2]:
                for own in (False, True) if n_shots else (False,):
                    show(lm, n_rows, n_shots, n_labels, own=own)


def load(model: str, dtype: str) -> object:
    """The LM."""
    from promptsci.lm import Scoring, TransformersLM, resolve

    return TransformersLM.load(resolve(model).path, dtype=dtype, scoring=Scoring(verify=0))


def show(lm: object, n_rows: int, n_shots: int, n_labels: int, *, own: bool) -> None:
    """One line of the grid."""
    queries = make(n_rows, n_shots, n_labels, own=own)
    start = time.perf_counter()
    trie = plan.build([plan.Asked(query.ids, query.choice_ids) for query in queries])
    packs = plan.cut(trie, 256)
    planned = time.perf_counter() - start
    computed = sum(pack.stop - pack.start for pack in packs)
    score_s = ""
    if lm is not None:
        lm.reset()
        start = time.perf_counter()
        list(lm.score(queries))
        score_s = f"{time.perf_counter() - start:8.2f}"
        computed = lm.tokens.computed
    print(
        f"{n_rows:6d} {n_shots:5d} {n_labels:6d} {'own' if own else 'fixed':>9} "
        f"{trie.n_unshared:12,} {trie.n_distinct:9,} {computed:9,} "
        f"{computed / trie.n_distinct:6.3f} {planned:7.3f} {score_s:>8}",
        flush=True,
    )


def make(n_rows: int, n_shots: int, n_labels: int, *, own: bool) -> list[Query]:
    """Random prompts: an instruction of 30 tokens, shots of 40, queries of 40, labels of one to three tokens."""
    rng = random.Random(0)

    def words(n: int) -> list[int]:
        return [rng.randrange(100, 40_000) for _ in range(n)]

    instruction, pool = words(30), [words(40) for _ in range(200)]
    fixed = rng.sample(pool, n_shots)
    labels = tuple(tuple(words(rng.choice((1, 1, 2, 3)))) for _ in range(n_labels))
    queries = []
    for _ in range(n_rows):
        shots = rng.sample(pool, n_shots) if own else fixed
        ids = [*instruction, *(token for shot in shots for token in shot), *words(40)]
        queries.append(Query("", np.asarray(ids, dtype=np.int32), ("",) * n_labels, labels))
    return queries


if __name__ == "__main__":
    main()

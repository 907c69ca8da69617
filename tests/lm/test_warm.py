from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from promptsci.lm import Scoring, TransformersLM, read_adapter
from promptsci.lm.plain import PlainScorer
from promptsci.lm.protocol import Scored, TokenCount
from promptsci.lm.shared import SharedScorer
from promptsci.lm.warm import Warm

COMMON = "gpt2 llama qwen2:window gemma2 gemma3_text mistral gpt_neox phi llama4_text opt falcon".split()
RARE = "cohere2 gpt_oss exaone4 gemma3n_text deepseek_v3".split()
FAMILIES = [*COMMON, *(pytest.param(name, marks=pytest.mark.slow) for name in RARE)]


def furthest(some: list[Scored], others: list[Scored]) -> float:
    """The largest difference of the log-likelihoods of the same queries, in nats."""
    pairs = zip(sorted(some), sorted(others), strict=True)
    return max(
        abs(a - b)
        for one, other in pairs
        for choice, also in zip(one.nats, other.nats, strict=True)
        for a, b in zip(choice, also, strict=True)
    )


def begun(queries: list[Any], n: int = 40) -> list[Any]:
    """The queries behind one long common beginning."""
    head = np.random.default_rng(5).integers(3, 90, n).astype(np.int32)
    return [replace(query, ids=np.concatenate([head, query.ids])) for query in queries]


@pytest.mark.parametrize("family", FAMILIES)
def test_behind_a_warm_prompt_queries_score_as_one_by_one(family: str, tiny: Callable, make_queries: Callable) -> None:
    """Whatever the model's windows and chunks, no log-likelihood moves by 1e-3 nats, and the beginning is read once."""
    loaded, queries = tiny(family), begun(make_queries())
    alone = list(PlainScorer(loaded, 4, TokenCount()).score(queries))
    cold, warm = (SharedScorer(loaded, 16, TokenCount()) for _ in range(2))
    list(cold.score(queries))
    warm.warm = Warm.read(loaded, queries[0], 16)
    found = list(warm.score(queries))

    assert furthest(alone, found) < 1e-3
    assert warm.tokens.computed <= cold.tokens.computed - 40


def test_queries_that_begin_otherwise_are_scored_too(tiny: Callable, make_queries: Callable) -> None:
    """Queries without the beginning, with half of it, and known ones beside those that have it: each as if alone."""
    loaded, plain = tiny("llama"), make_queries()
    queries = [*begun(plain), *plain, *begun(plain, 20)]
    alone = list(PlainScorer(loaded, 4, TokenCount()).score(queries))
    scorer = SharedScorer(loaded, 16, TokenCount())
    scorer.warm = Warm.read(loaded, queries[0], 16)
    known = {0, 9, 17}

    assert furthest(alone, list(scorer.score(queries))) < 1e-3
    some = list(scorer.score(queries, known, [20, 3, 9]))
    assert furthest([one for one in alone if one.index not in known], some) < 1e-3


def test_the_same_prompt_again_is_scored(tiny: Callable, make_queries: Callable) -> None:
    """A query that is the kept prompt itself leaves its last token to be read."""
    loaded, queries = tiny("gpt2"), begun(make_queries(1))[:1]
    scorer = SharedScorer(loaded, 16, TokenCount())
    scorer.warm = Warm.read(loaded, queries[0], 16)

    assert furthest(list(PlainScorer(loaded, 1, TokenCount()).score(queries)), list(scorer.score(queries))) < 1e-3


@pytest.mark.parametrize("kind", ["lora", "prefix", "prompt-tuning"])
def test_an_adapter_stands_before_the_warm_prompt(
    kind: str, make_adapter: Callable, tiny_lm_folder: Path, make_queries: Callable
) -> None:
    """Virtual tokens of an adapter are kept before the prompt; another adapter forgets it."""
    lm = TransformersLM.load(tiny_lm_folder, dtype="float32", scoring=Scoring(verify=0, pack_tokens=16))
    queries = begun(make_queries())
    lm.use(read_adapter(make_adapter(tiny_lm_folder, kind)))
    alone = list(PlainScorer(lm.loaded, 1, TokenCount()).score(queries))
    assert lm.keep_warm(queries[0]) == len(queries[0].ids)

    assert furthest(alone, list(lm.score(queries))) < 1e-3
    lm.use(None)
    base = list(PlainScorer(lm.loaded, 1, TokenCount()).score(queries))
    assert furthest(base, list(lm.score(queries))) < 1e-3
    assert furthest(alone, base) > 0.1


def test_a_model_that_cannot_share_keeps_nothing(tiny_lm_folder: Path, make_queries: Callable) -> None:
    """Where every pair is scored alone there is nothing to keep."""
    lm = TransformersLM.load(tiny_lm_folder, dtype="float32", scoring=Scoring(sharing=False))

    assert lm.keep_warm(make_queries(1)[0]) == 0

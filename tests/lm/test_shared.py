from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from promptsci.errors import ModelError
from promptsci.lm import head, shared
from promptsci.lm.masks import layer_kinds, pack_masks
from promptsci.lm.plain import PlainScorer
from promptsci.lm.protocol import Nats, TokenCount
from promptsci.lm.shared import PackReader, SharedScorer, ran_out_of_memory
from promptsci.lm.trie import Asked, build, cut

COMMON = """
    gpt2 llama qwen2 qwen2:window qwen3 gemma2 gemma3_text gemma3_text:window mistral gpt_neox phi phi3 olmo2 granite
    cohere llama4_text opt stablelm falcon
""".split()
RARE = """
    cohere2 olmo3 smollm3 starcoder2 gptj gpt_oss mixtral exaone4 nemotron xglm gemma3n_text deepseek_v3
""".split()
FAMILIES = [*COMMON, *(pytest.param(name, marks=pytest.mark.slow) for name in RARE)]


def score(scorer: Any, queries: list[Any], known: Any = ()) -> dict[int, Nats]:
    """Number of a query -> its log-likelihoods."""
    return dict(scorer.score(queries, known))


def plain(loaded: Any, queries: list[Any]) -> dict[int, Nats]:
    """What one-by-one scoring says."""
    return score(PlainScorer(loaded, 4, TokenCount()), queries)


def in_packs(loaded: Any, queries: list[Any], budget: int) -> dict[int, Nats]:
    """What packs say."""
    return score(SharedScorer(loaded, budget, TokenCount()), queries)


def difference(one: dict[int, Nats], other: dict[int, Nats]) -> float:
    """The largest, in nats; all queries must be there, in the same shape."""
    assert one.keys() == other.keys()
    return max(
        abs(a - b)
        for index in one
        for choice, also in zip(one[index], other[index], strict=True)
        for a, b in zip(choice, also, strict=True)
    )


def decisions(scored: dict[int, Nats]) -> dict[int, int]:
    """The choice of the largest sum for each query."""
    return {index: int(np.argmax([sum(choice) for choice in nats])) for index, nats in scored.items()}


@pytest.mark.parametrize("family", FAMILIES)
def test_packs_say_what_one_by_one_scoring_says(family: str, tiny: Callable, make_queries: Callable) -> None:
    """In float32 no log-likelihood moves by 1e-3 nats and no decision changes, whatever the packs divide."""
    loaded, queries = tiny(family), make_queries()
    alone = plain(loaded, queries)
    values = [value for nats in alone.values() for choice in nats for value in choice]

    assert np.std(values) > 0.3  # else a difference would mean little
    for budget in (16, 24, 64, 512):
        together = in_packs(loaded, queries, budget)
        assert difference(alone, together) < 1e-3
        assert decisions(alone) == decisions(together)


def _no_windows(*_: Any) -> bool:
    return True


def _siblings_in_sight(loaded: Any, kinds: Any, trie: Any, pack: Any, root: int) -> torch.Tensor:
    n, n_path = pack.stop - pack.start, int(trie.depths[pack.start])
    return torch.full((n, n_path + n), -1e38).triu(n_path + 1)[None, None]


@pytest.mark.parametrize(
    ("family", "name", "wrong"),
    [
        ("mistral", "masks._near", _no_windows),
        ("gemma3_text", "masks._near", _no_windows),
        ("llama4_text", "masks._near", _no_windows),
        ("llama", "shared.pack_masks", _siblings_in_sight),
        ("gpt2", "shared.pack_masks", _siblings_in_sight),
    ],
)
def test_a_wrong_mask_shows(
    family: str, name: str, wrong: Any, *, tiny: Callable, make_queries: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The comparison has teeth: without windows, or with siblings' tokens in sight, values move by far more."""
    loaded, queries = tiny(family), make_queries()
    alone = plain(loaded, queries)
    monkeypatch.setattr(f"promptsci.lm.{name}", wrong)

    assert difference(alone, in_packs(loaded, queries, 24)) > 0.1


def test_masks_are_those_of_the_definition(tiny: Callable, make_queries: Callable) -> None:
    """A node sees itself and its ancestors, on the path or in the pack, as far as the layer's kind lets it."""
    loaded = tiny("llama4_text")
    trie = build([Asked(query.ids, query.choice_ids) for query in make_queries()])
    kinds = {"chunked_attention": 8, "full_attention": 0, "sliding_attention": 5}
    near = {
        "chunked_attention": lambda a, b: a // 8 == b // 8,
        "full_attention": lambda a, b: a >= 0 and b >= 0,
        "sliding_attention": lambda a, b: a - b < 5,
    }
    for pack in cut(trie, 20):
        made = pack_masks(loaded, kinds, trie, pack, 0)
        columns = [*trie.ancestors(pack.start).tolist(), *range(*pack)]
        for kind, mask in made.items():
            expected = [
                [other in {node, *trie.ancestors(node).tolist()} and near[kind](trie.depths[node], trie.depths[other])
                 for other in columns]
                for node in range(*pack)
            ]  # fmt: skip
            assert (mask[0, 0] == 0).tolist() == expected


def test_each_distinct_token_is_computed_once(tiny: Callable, make_queries: Callable) -> None:
    """``computed`` is the number of nodes to read: never more than ``distinct``, far below ``unshared``."""
    queries, tokens = make_queries(), TokenCount()
    score(SharedScorer(tiny("llama"), 24, tokens), queries)
    trie = build([Asked(query.ids, query.choice_ids) for query in queries])

    assert tokens.computed == len(trie) < tokens.distinct == trie.n_distinct
    assert tokens.unshared == trie.n_unshared > 3 * tokens.distinct


@pytest.mark.parametrize("family", ["gpt2", "gemma3_text"])
@pytest.mark.parametrize("seed", range(3))
def test_going_on_gives_the_very_bits(family: str, seed: int, tiny: Callable, make_queries: Callable) -> None:
    """With some queries known the others have the same bits, in the same order, and less is computed."""
    loaded, queries = tiny(family), make_queries(8)
    whole = list(SharedScorer(loaded, 24, TokenCount()).score(queries))
    known = set(np.random.default_rng(seed).permutation(len(queries))[: 2 + seed].tolist())
    tokens = TokenCount()
    rest = list(SharedScorer(loaded, 24, tokens).score(queries, known))

    assert rest == [one for one in whole if one.index not in known]
    assert tokens.computed <= len(build([Asked(query.ids, query.choice_ids) for query in queries]))


def test_all_known_computes_nothing(tiny: Callable, make_queries: Callable) -> None:
    """When everything is known nothing is read."""
    tokens = TokenCount()

    assert score(SharedScorer(tiny("llama"), 24, tokens), make_queries(), range(7)) == {}
    assert tokens.computed == 0


class Failing:
    """A model's body whose memory runs out above a number of tokens, or in one pass of the run."""

    def __init__(self, inner: Any, most: int, error: Exception, *, only: range = range(10**6)) -> None:
        self.inner, self.most, self.error, self.only = inner, most, error, only
        self.forward = inner.forward
        self.passes = 0

    def __call__(self, **inputs: Any) -> Any:
        self.passes += 1
        if inputs["input_ids"].shape[1] > self.most and self.passes - 1 in self.only:
            raise self.error
        return self.inner(**inputs)


NO_MEMORY = [
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
    MemoryError(),
    RuntimeError("[enforce fail at alloc_cpu.cpp:124] . DefaultCPUAllocator: not enough memory: you tried to allocate"),
    RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 17179869184 bytes."),
]


@pytest.mark.parametrize("error", NO_MEMORY, ids=lambda error: type(error).__name__)
def test_when_memory_runs_out_packs_are_halved(
    error: Exception, tiny: Callable, make_queries: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same values come out of packs that fit, the scorer keeps to them, and says so."""
    loaded, queries = tiny("llama"), make_queries()
    alone = plain(loaded, queries)
    monkeypatch.setattr(shared, "body", lambda loaded: Failing(head.body(loaded), 30, error))
    scorer = SharedScorer(loaded, 200, TokenCount())

    assert difference(alone, score(scorer, queries)) < 1e-3
    assert scorer.pack_tokens == 25
    assert len(scorer.warnings) == 3
    assert "packs of 50 tokens; packs of 25" in scorer.warnings[-1]
    assert difference(alone, score(scorer, queries)) < 1e-3
    assert len(scorer.warnings) == 3


def test_what_was_scored_before_memory_ran_out_is_not_scored_again(
    tiny: Callable, make_queries: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Out of memory in the ninth pack: each query is yielded once, and only what the rest needs is read again."""
    loaded, queries = tiny("llama"), make_queries(60)
    alone = plain(loaded, queries)
    failing = Failing(head.body(loaded), 0, NO_MEMORY[0], only=range(8, 9))
    monkeypatch.setattr(shared, "body", lambda _: failing)
    tokens = TokenCount()
    found = list(SharedScorer(loaded, 64, tokens).score(queries, known={0, 3}))

    assert len({one.index for one in found}) == len(found)
    assert difference({i: nats for i, nats in alone.items() if i not in {0, 3}}, dict(found)) < 1e-3
    n_read = len(build([Asked(query.ids, query.choice_ids) for query in queries]))
    assert tokens.computed < 1.3 * n_read


def test_memory_that_never_suffices_is_an_error(
    tiny: Callable, make_queries: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Below 16 tokens a pass it is not the packs: the error says what to do."""
    monkeypatch.setattr(shared, "body", lambda loaded: Failing(head.body(loaded), 0, MemoryError()))

    with pytest.raises(ModelError, match="memory ran out with 25 tokens in one pass") as caught:
        score(SharedScorer(tiny("llama"), 100, TokenCount()), make_queries())
    assert "smaller model" in str(caught.value.fix)


def test_other_errors_come_through(tiny: Callable, make_queries: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only a lack of memory is answered with smaller packs."""
    error = RuntimeError("mat1 and mat2 shapes cannot be multiplied")
    monkeypatch.setattr(shared, "body", lambda loaded: Failing(head.body(loaded), 0, error))

    assert not ran_out_of_memory(error)
    with pytest.raises(RuntimeError, match="mat1"):
        score(SharedScorer(tiny("llama"), 100, TokenCount()), make_queries())


def test_memory_does_not_grow_with_the_queries(tiny: Callable, make_queries: Callable) -> None:
    """The cache holds the deepest path and one pack, however many queries are asked."""
    loaded = tiny("llama")
    capacities = []
    for n in (5, 50):
        trie = build([Asked(query.ids, query.choice_ids) for query in make_queries(n)])
        packs = cut(trie, 24)
        capacities.append((PackReader(loaded, trie, packs).cache.capacity, int(trie.depths.max()) + 1 + 24))

    assert all(capacity <= most for capacity, most in capacities)


class Counting:
    """An output matrix that remembers how many positions it multiplied."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner
        self.rows: list[int] = []

    def __call__(self, hidden: torch.Tensor) -> torch.Tensor:
        self.rows.append(len(hidden))
        return self.inner(hidden)


def test_logits_are_held_for_few_positions_at_a_time(tiny: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many positions are asked, no more than HEAD_ROWS meet the vocabulary at once, each position once."""
    loaded = tiny("llama")
    matrix = Counting(loaded.model.get_output_embeddings())
    monkeypatch.setattr(loaded.model, "get_output_embeddings", lambda: matrix)
    hidden = torch.randn(500, 64)
    rows = torch.arange(500).repeat_interleave(3)[10:1000]
    tokens = torch.arange(990) % 97
    found = head.log_likelihoods(loaded, hidden, rows, tokens)

    assert max(matrix.rows) == head.HEAD_ROWS
    assert sum(matrix.rows) == len(rows.unique())
    expected = matrix.inner(hidden).float().log_softmax(dim=-1)[rows, tokens]
    assert torch.allclose(found, expected, atol=1e-4)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, {"full_attention": 0}),
        ({"sliding_window": 9}, {"sliding_attention": 9}),
        ({"sliding_window": 9, "use_sliding_window": False}, {"full_attention": 0}),
        ({"sliding_window": None}, {"full_attention": 0}),
        (
            {"layer_types": ["sliding_attention", "full_attention"], "sliding_window": 9},
            {"full_attention": 0, "sliding_attention": 9},
        ),
    ],
)
def test_kinds_of_layers_come_from_the_configuration(settings: dict[str, Any], expected: dict[str, int]) -> None:
    """A window counts where the configuration says that it is used."""
    assert layer_kinds(type("Config", (), settings)()) == expected


def test_layers_that_are_no_attention_are_refused() -> None:
    """What is not known cannot be masked."""
    with pytest.raises(NotImplementedError, match="conv"):
        layer_kinds(type("Config", (), {"layer_types": ["conv", "full_attention"]})())

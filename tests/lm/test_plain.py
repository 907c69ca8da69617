from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch

from promptsci.errors import ModelError
from promptsci.lm import plain
from promptsci.lm.plain import PlainScorer
from promptsci.lm.protocol import TokenCount
from promptsci.lm.trie import Asked, build


def naive(loaded: Any, query: Any) -> list[list[float]]:
    """Log-likelihoods by the definition: the model's own logits of the whole sequence, one choice at a time."""
    found = []
    for ids in query.choice_ids:
        whole = torch.tensor([[*query.ids.tolist(), *ids]])
        with torch.inference_mode():
            logits = loaded.model(input_ids=whole).logits[0].double().log_softmax(dim=-1)
        start = len(query.ids) - 1
        found.append([logits[start + place, token].item() for place, token in enumerate(ids)])
    return found


@pytest.mark.parametrize("family", ["gpt2", "gemma3_text", "mamba", "bloom"])
@pytest.mark.parametrize("batch", [1, 8])
def test_values_are_those_of_the_definition(family: str, batch: int, tiny: Callable, make_queries: Callable) -> None:
    """Each log-likelihood is the model's own, whatever the batch."""
    loaded, queries = tiny(family), make_queries()
    for index, nats in PlainScorer(loaded, batch, TokenCount()).score(queries):
        for choice, expected in zip(nats, naive(loaded, queries[index]), strict=True):
            assert choice == pytest.approx(expected, abs=1e-3)


def test_choices_that_read_the_same_are_read_once(tiny: Callable, make_queries: Callable) -> None:
    """Choices of one token, and those that differ in the last one only, cost one sequence; counts are the trie's."""
    queries, tokens = make_queries(), TokenCount()
    queries += [replace(queries[0], choice_ids=((1,), (2,), (3,), (1, 4), (1, 5)))]
    list(PlainScorer(tiny("llama"), 8, tokens).score(queries))
    trie = build([Asked(query.ids, query.choice_ids) for query in queries])
    read = [{(*query.ids.tolist(), *ids[:-1]) for ids in query.choice_ids} for query in queries]

    assert (tokens.distinct, tokens.unshared) == (trie.n_distinct, trie.n_unshared)
    assert sum(len(ids) for each in read for ids in each) == tokens.computed < tokens.unshared


def test_known_queries_are_left_out(tiny: Callable, make_queries: Callable) -> None:
    """The others have the very same values, in order."""
    loaded, queries = tiny("llama"), make_queries()
    whole = list(PlainScorer(loaded, 8, TokenCount()).score(queries))

    assert list(PlainScorer(loaded, 8, TokenCount()).score(queries, {0, 4})) == [
        one for one in whole if one.index not in {0, 4}
    ]


def _failing(loaded: Any, most: int) -> Callable:
    forward = loaded.model.forward

    def call(input_ids: torch.Tensor, **kwargs: Any) -> Any:
        if len(input_ids) > most:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return forward(input_ids=input_ids, **kwargs)

    return call


def test_when_memory_runs_out_the_batch_is_halved(
    tiny: Callable, make_queries: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same values come out of smaller batches, and it is said."""
    loaded, queries = tiny("gpt2"), make_queries()
    whole = dict(PlainScorer(loaded, 1, TokenCount()).score(queries))
    scorer = PlainScorer(loaded, 8, TokenCount())
    monkeypatch.setattr(loaded.model, "forward", _failing(loaded, 1))
    found = dict(scorer.score(queries))

    assert found == whole
    assert scorer.batch == 1
    assert "1 at a time were read instead" in scorer.warnings[-1]


def test_memory_that_never_suffices_is_an_error(
    tiny: Callable, make_queries: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With one sequence at a time there is nothing left to halve."""
    loaded = tiny("gpt2")
    scorer = PlainScorer(loaded, 8, TokenCount())
    monkeypatch.setattr(loaded.model, "forward", _failing(loaded, 0))

    with pytest.raises(ModelError, match="one sequence of"):
        list(scorer.score(make_queries()))


def test_models_that_compute_all_logits_read_fewer_at_once(
    tiny: Callable, make_queries: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where logits cannot be kept for the last positions only, the batch bounds their number."""
    scorer = PlainScorer(tiny("llama"), 8, TokenCount())
    assert scorer._rows(10**6) == 8
    scorer._keeps = False
    monkeypatch.setattr(plain, "LOGITS", 97 * 40 * 3)

    assert [scorer._rows(length) for length in (1, 40, 100, 1000)] == [8, 3, 1, 1]

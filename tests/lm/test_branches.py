from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from promptsci.lm.branch import Branch, Branching, branch_of
from promptsci.lm.branches import SharedReading
from promptsci.lm.load import quiet
from promptsci.lm.plain import PlainScorer
from promptsci.lm.protocol import TokenCount
from promptsci.lm.transformers_lm import Scoring, TransformersLM
from promptsci.lm.warm import Warm

FAMILIES = "gpt2 llama qwen2:window gemma2 gemma3_text mistral cohere llama4_text".split()


def variants(query: Any) -> list[Any]:
    """The query itself, with a piece out of its middle, with another end, with another beginning, and its half."""
    ids, n = query.ids, len(query.ids)
    made = [
        ids,
        np.concatenate([ids[: n // 3], ids[n // 2 :]]),
        np.concatenate([ids[:-2], ids[:1]]),
        np.concatenate([ids[3:4], ids[1:]]),
        ids[: n // 2],
    ]
    return [replace(query, ids=one.astype(np.int32)) for one in made]


def far(one: Any, other: Any) -> float:
    """The largest difference in nats."""
    return max(abs(a - b) for x, y in zip(one, other, strict=True) for a, b in zip(x, y, strict=True))


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("pack_tokens", [8, 500])
def test_a_branch_says_what_its_whole_prompt_says(
    family: str, pack_tokens: int, tiny: Callable, make_queries: Callable
) -> None:
    """Whatever a branch shares and however passes are cut, its log-likelihoods are those of one-by-one scoring."""
    loaded = tiny(family)
    (query, *_) = make_queries(1, longest=60)
    asked = variants(query)
    reading = SharedReading(loaded, query, pack_tokens, TokenCount())

    found = reading.score([branch_of(query.ids, one) for one in asked])

    plain = dict(PlainScorer(loaded, 2, TokenCount()).score(asked))
    assert max(far(nats, plain[number]) for number, nats in enumerate(found)) < 1e-3


def test_only_what_a_branch_does_not_share_is_read(tiny: Callable, make_queries: Callable) -> None:
    """The count of tokens is the prompt's, and for each branch its own tokens with the stems of its choices."""
    (query, *_) = make_queries(1)
    count = TokenCount()
    reading = SharedReading(tiny("llama"), query, 64, count)
    assert count.computed == len(query.ids)

    cut = replace(query, ids=np.delete(query.ids, len(query.ids) - 3))
    reading.score([branch_of(query.ids, cut)])

    stems = {tuple(ids[:n]) for ids in query.choice_ids for n in range(1, len(ids))}
    assert count.computed == len(query.ids) + 2 + len(stems)


def test_a_hidden_span_is_not_seen_by_the_branch_and_is_seen_by_what_stands_between(
    tiny: Callable, make_queries: Callable
) -> None:
    """The oracle is one forward pass with a mask written out cell by cell."""
    loaded = tiny("llama")
    (query, *_) = make_queries(1, longest=60)
    n, at, span = len(query.ids), len(query.ids) - 6, (4, 11)
    branch = Branch(replace(query, choice_ids=((5,), (9,))), at, (span,))

    (found,) = SharedReading(loaded, query, 64, TokenCount()).score([branch])

    seen = torch.tril(torch.ones(n, n, dtype=torch.bool))
    seen[at:, span[0] : span[1]] = False
    mask = torch.where(seen, 0.0, torch.finfo(torch.float32).min)[None, None]
    with torch.inference_mode():
        logits = loaded.model(input_ids=torch.tensor(query.ids, dtype=torch.long)[None], attention_mask=mask).logits
    expected = logits[0, -1].log_softmax(-1)
    assert far(found, [[float(expected[5])], [float(expected[9])]]) < 1e-3
    (whole,) = SharedReading(loaded, query, 64, TokenCount()).score([replace(branch, hidden=())])
    assert far(found, whole) > 0.01


def test_an_adapter_with_virtual_tokens_branches_too(tiny: Callable, make_queries: Callable) -> None:
    """A soft prompt stands before every branch, as it does before every prompt, whether any of it was read before."""
    from peft import PromptTuningConfig, get_peft_model

    loaded = tiny("llama")
    (query, *_) = make_queries(1)
    asked = variants(query)
    with quiet():
        tuned = get_peft_model(loaded.model, PromptTuningConfig(num_virtual_tokens=4, task_type="CAUSAL_LM"))
    with_prompt = replace(loaded, model=tuned.eval())

    plain = dict(PlainScorer(with_prompt, 1, TokenCount()).score(asked))
    for warm in (None, Warm.read(with_prompt, asked[-1], 16)):
        reading = SharedReading(with_prompt, query, 16, TokenCount(), warm)
        found = reading.score([branch_of(query.ids, one) for one in asked])
        assert max(far(nats, plain[number]) for number, nats in enumerate(found)) < 1e-3


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("shared", [0, 9, 1000])
def test_what_was_read_before_is_not_read_again(
    family: str, shared: int, tiny: Callable, make_queries: Callable
) -> None:
    """Behind a warm prompt, whose whole, part or nothing the prompt shares, branches say the same, hidden spans too."""
    loaded = tiny(family)
    (query, *_) = make_queries(1, longest=60)
    other = replace(query, ids=np.concatenate([query.ids[:shared], query.ids[:1] + 1]).astype(np.int32))
    branches = [branch_of(query.ids, one) for one in variants(query)]
    branches.append(Branch(query, len(query.ids) - 4, ((2, 7),)))
    cold, count = SharedReading(loaded, query, 16, TokenCount()), TokenCount()

    warm = SharedReading(loaded, query, 16, count, Warm.read(loaded, other, 16))

    assert warm.n_warm == min(shared, len(query.ids) - 1)
    assert count.computed == len(query.ids) - warm.n_warm
    pairs = zip(cold.score(branches), warm.score(branches), strict=True)
    assert max(far(one, other) for one, other in pairs) < 1e-3


def test_a_model_that_shares_nothing_has_no_reading(tiny: Callable, make_queries: Callable) -> None:
    """The LM says so with None, and does not guess."""
    lm = TransformersLM(tiny("llama"), Scoring(sharing=False))

    assert isinstance(lm, Branching)
    assert lm.reading(make_queries(1)[0]) is None

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from promptsci.tune.padded import padded


def test_padding_changes_nothing(fresh: Callable, lessons: list) -> None:
    """The log-likelihoods of a padded batch are those of each sequence read alone."""
    loaded = fresh("gpt2")
    (together,) = padded(lessons, "choice", 100_000)
    with torch.no_grad():
        sums = together.grid.sums(together.nats(loaded))
        for number, lesson in enumerate(together.lessons):
            for choice, ids in enumerate(lesson.query.choice_ids):
                whole = torch.tensor([[*lesson.query.ids.tolist(), *ids]])
                log_probs = loaded.model(input_ids=whole).logits[0].log_softmax(-1)
                places = range(len(lesson.query.ids) - 1, whole.shape[1] - 1)
                alone = sum(float(log_probs[at, whole[0, at + 1]]) for at in places)
                assert float(sums[number, choice]) == pytest.approx(alone, abs=1e-4)


def test_batches_keep_to_their_budget(lessons: list) -> None:
    """Each lesson stands in one batch, and only a lesson alone is larger than the budget."""
    for budget in (1, 150, 400):
        made = padded(lessons, "choice", budget)
        assert sorted(one.id for batch in made for one in batch.lessons) == sorted(one.id for one in lessons)
        assert all(batch.n_tokens <= budget or len(batch.lessons) == 1 for batch in made)

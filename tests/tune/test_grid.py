from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from promptsci.tune.grid import grid_of, loss


def made(lessons: list) -> tuple[torch.Tensor, object]:
    """Random log-likelihoods, one for each token of each choice, and their Grid."""
    parts = []
    for number, lesson in enumerate(lessons):
        for choice, ids in enumerate(lesson.query.choice_ids):
            parts += [(len(parts) + place, number, choice) for place in range(len(ids))]
    nats = -torch.rand(len(parts), generator=torch.Generator().manual_seed(0)) * 5
    return nats, grid_of(lessons, "choice", parts)


def sums_by_hand(lessons: list, nats: torch.Tensor) -> list[torch.Tensor]:
    """The summed log-likelihood of each choice of each lesson."""
    values = iter(nats.tolist())
    return [torch.tensor([sum(next(values) for _ in ids) for ids in one.query.choice_ids]) for one in lessons]


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_choice_is_pytorchs_cross_entropy(smoothing: float, lessons: list) -> None:
    """``choice`` is torch's cross-entropy of the summed log-likelihoods, label smoothing and weights included."""
    nats, grid = made(lessons)
    expected = sum(
        lesson.weight
        * torch.nn.functional.cross_entropy(sums[None], torch.tensor(lesson.gold), label_smoothing=smoothing)
        for lesson, sums in zip(lessons, sums_by_hand(lessons, nats), strict=True)
    )

    assert float(loss("choice", nats, grid, smoothing)) == pytest.approx(float(expected), rel=1e-5)


def test_smoothing_has_a_finite_gradient(lessons: list) -> None:
    """Cells that no choice fills are minus infinity, and no gradient becomes NaN of it."""
    nats, grid = made(lessons)
    nats.requires_grad_(True)
    loss("choice", nats, grid, 0.1).backward()

    assert bool(torch.isfinite(nats.grad).all())


def test_lm_is_the_right_answers_negative_log_likelihood(lessons: list) -> None:
    """``lm`` reads the right choice alone and sums over its tokens."""
    parts = []
    for number, lesson in enumerate(lessons):
        parts += [(len(parts) + place, number, 0) for place in range(len(lesson.query.choice_ids[lesson.gold[0]]))]
    nats = -torch.rand(len(parts), generator=torch.Generator().manual_seed(0))
    expected = -sum(float(nats[place]) * lessons[number].weight for place, number, _ in parts)

    assert float(loss("lm", nats, grid_of(lessons, "lm", parts))) == pytest.approx(expected, rel=1e-5)


def test_groups_of_yes_and_no_are_binary_cross_entropy(lessons: list) -> None:
    """Choices in groups of two, one right in each, give torch's binary cross-entropy of their log-odds, summed."""
    grouped = [replace(lesson, gold=(number % 2, 3)) for number, lesson in enumerate(lessons[::2][:3])]
    nats, grid = made(grouped)
    expected = 0.0
    for lesson, sums in zip(grouped, sums_by_hand(grouped, nats), strict=True):
        odds = torch.stack([sums[0] - sums[1], sums[2] - sums[3]])
        right = torch.tensor([1.0 - lesson.gold[0], 0.0])
        each = torch.nn.functional.binary_cross_entropy_with_logits(odds, right, reduction="sum")
        expected += lesson.weight * float(each)

    assert float(loss("choice", nats, grid)) == pytest.approx(expected, rel=1e-5)


def test_pairs_compare_log_odds(judged: list) -> None:
    """``pairs`` is the mean over the other documents of log(1 + exp(their log-odds - the first one's))."""
    parts = []
    for number, lesson in enumerate(judged):
        for column, asked in enumerate(lesson.sequences("pairs")):
            parts += [(len(parts) + place, number, column) for place in range(len(asked.choices[0]))]
    nats = -torch.rand(len(parts), generator=torch.Generator().manual_seed(0)) * 5
    nats.requires_grad_(True)
    values, expected = iter(nats.tolist()), 0.0
    for lesson in judged:
        sums = [sum(next(values) for _ in asked.choices[0]) for asked in lesson.sequences("pairs")]
        right = lesson.gold[0]
        first, *others = [sums[at + right] - sums[at + 1 - right] for at in range(0, len(sums), 2)]
        expected += lesson.weight * sum(math.log1p(math.exp(other - first)) for other in others) / len(others)
    found = loss("pairs", nats, grid_of(judged, "pairs", parts))
    found.backward()

    assert found.item() == pytest.approx(expected, rel=1e-5)
    assert bool(torch.isfinite(nats.grad).all())

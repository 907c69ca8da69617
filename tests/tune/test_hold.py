from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from promptsci.tune.hold import Pull, answers, draw, importance, learning, softened, weights_of
from promptsci.tune.learner import Aim, Learner
from promptsci.tune.methods import make_trainable
from promptsci.tune.recipe import recipe_for
from promptsci.tune.train import Course, train

VALUES = {"epochs": "2", "batch": "3", "lr": "1e-2", "rank": "4"}


def gradients(loaded: Any) -> dict[str, torch.Tensor]:
    """The gradient of each weight that learns."""
    return {name: weight.grad.clone() for name, weight in learning(loaded.model)}


def test_the_pull_is_the_gradient_of_the_written_penalty(trainable: Callable) -> None:
    """Loss and gradient are those that autograd finds for strength / 2 * sum(importance * (weight - anchor)^2)."""
    loaded = trainable("llama", "lora", rank=4)
    drawn = torch.Generator().manual_seed(3)
    anchors = {n: w + 0.1 * torch.randn(w.shape, generator=drawn) for n, w in weights_of(loaded).items()}
    matters = {n: torch.rand(w.shape, generator=drawn) for n, w in anchors.items()}
    found = Pull(7.0, matters, anchors).add(loaded.model)
    pulled = gradients(loaded)
    loaded.model.zero_grad()
    written = sum((7.0 / 2 * matters[n] * (w - anchors[n]) ** 2).sum() for n, w in learning(loaded.model))
    written.backward()

    assert float(found) == pytest.approx(float(written.detach()), rel=1e-5)
    for name, gradient in gradients(loaded).items():
        assert torch.allclose(pulled[name], gradient, rtol=1e-5, atol=1e-7)


def test_the_pull_adds_to_the_gradient_that_is_there(trainable: Callable) -> None:
    """What lessons have left in the weights stays, and where nothing has moved nothing is added."""
    loaded = trainable("llama", "lora", rank=4)
    for _, weight in learning(loaded.model):
        weight.grad = torch.ones_like(weight)
    still = weights_of(loaded)
    penalty = Pull(5.0, {n: torch.ones_like(w) for n, w in still.items()}, still).add(loaded.model)

    assert float(penalty) == 0.0
    assert all(bool((gradient == 1).all()) for gradient in gradients(loaded).values())


def test_importance_is_the_square_of_the_gradient_of_a_drawn_answer(trainable: Callable, lessons: list) -> None:
    """For each seed it is the squared gradient of the answer that is drawn there, by autograd on the lesson itself."""
    loaded = trainable("llama", "lora", rank=4)
    learner = Learner(loaded, Aim(), 1000)
    lesson = lessons[1]
    shares = torch.tensor(answers(learner, [lesson], 1.0)[lesson.id])
    for seed in range(4):
        choice = draw(shares, seed, f"{lesson.id}\n0")
        loaded.model.zero_grad()
        (batch,) = learner.batches([replace(lesson, gold=(choice,), weight=1.0)])
        learner(batch).backward()
        expected = {name: gradient.square() for name, gradient in gradients(loaded).items()}
        loaded.model.zero_grad()
        found = importance(learner, [[lesson]], seed)

        assert all(torch.allclose(found[name], expected[name], rtol=1e-3, atol=1e-9) for name in expected)
    assert all(weight.grad is None for _, weight in learning(loaded.model))


def test_answers_are_drawn_as_often_as_they_are_probable() -> None:
    """Over 4,000 seeds each choice comes as often as its probability says, within four standard errors."""
    shares = torch.tensor([0.6, 0.3, 0.0, 0.1])
    counts = torch.bincount(torch.tensor([draw(shares, seed, "row") for seed in range(4000)]), minlength=4) / 4000

    assert bool(((counts - shares).abs() <= 4 * (shares * (1 - shares) / 4000).sqrt()).all())


def test_importance_adds_tasks_up_and_takes_the_mean_of_their_lessons(trainable: Callable, lessons: list) -> None:
    """Of two tasks it is the sum of each alone, of a task with its rows twice that of the rows once; a seed decides."""
    learner = Learner(trainable("llama", "lora", rank=4), Aim(), 1000)
    one, other = lessons[:2], lessons[2:4]
    both = importance(learner, [one, other], 0)
    alone = [importance(learner, [each], 0) for each in (one, other, [*one, *one])]

    for name, found in both.items():
        assert torch.allclose(found, alone[0][name] + alone[1][name])
        assert torch.allclose(alone[2][name], alone[0][name])


def test_an_answer_that_is_written_matters_by_the_right_one(trainable: Callable, lessons: list) -> None:
    """A lesson with one choice is read by its own tokens' log-likelihood."""
    loaded = trainable("llama", "lora", rank=4)
    learner = Learner(loaded, Aim("lm"), 1000)
    query = lessons[0].query
    only = replace(
        lessons[0], query=replace(query, choices=("w",), choice_ids=(query.choice_ids[1],)), gold=(0,), weight=1.0
    )
    found = importance(learner, [[only]], 0)
    (batch,) = learner.batches([only])
    learner(batch).backward()

    for name, gradient in gradients(loaded).items():
        assert torch.allclose(found[name], gradient.square())


@pytest.mark.parametrize("temperature", [1.0, 2.0])
def test_answers_that_are_kept_cost_nothing_where_nothing_moved(
    trainable: Callable, lessons: list, temperature: float
) -> None:
    """The divergence of a model from itself is zero and has no gradient; of one that moved it is above zero."""
    loaded = trainable("llama", "lora", rank=4)
    learner = Learner(loaded, Aim(temperature=temperature), 1000)
    kept = softened(lessons, answers(learner, lessons, temperature), weight=1.0)

    def divergence() -> torch.Tensor:
        return sum(learner(batch) for batch in learner.batches(kept))

    divergence().backward()
    assert float(divergence().detach()) == pytest.approx(0.0, abs=1e-5)
    assert all(float(gradient.abs().max()) < 1e-4 for gradient in gradients(loaded).values())
    with torch.no_grad():
        for _, weight in learning(loaded.model):
            weight.add_(0.05)
    assert float(divergence().detach()) > 1e-3


def test_divergence_is_pytorchs(trainable: Callable, lessons: list) -> None:
    """Kept answers at a temperature cost T^2 times torch's kl_div, each by its weight, whatever the objective."""
    learner = Learner(trainable("llama", "lora", rank=4), Aim("lm", temperature=2.0), 1000)
    shares = [
        torch.rand(len(one.query.choices), generator=torch.Generator().manual_seed(n)) for n, one in enumerate(lessons)
    ]
    kept = softened(lessons, {one.id: (s / s.sum()).tolist() for one, s in zip(lessons, shares, strict=True)}, 3.0)
    found = sum(learner(batch) for batch in learner.batches(kept))
    expected = 0.0
    for lesson, share in zip(lessons, shares, strict=True):
        ours = torch.tensor(answers(learner, [lesson], 2.0)[lesson.id])
        expected += 3.0 * 4.0 * torch.nn.functional.kl_div(ours.log(), share / share.sum(), reduction="sum")

    assert float(found.detach()) == pytest.approx(float(expected), rel=1e-4)


def test_kept_and_new_lessons_stand_in_one_step(trainable: Callable, lessons: list) -> None:
    """The loss of a step with both is the sum of each, and groups of choices of every number stand together."""
    learner = Learner(trainable("llama", "lora", rank=4), Aim(), 1000)
    kept = softened(lessons[:3], answers(learner, lessons[:3], 1.0), 1.0)
    four = {"choices": ("y", "n") * 2, "choice_ids": ((4,), (5,), (6,), (7,))}
    pairs = [replace(one, query=replace(one.query, **four), gold=(0, 3)) for one in lessons[3:5]]
    mixed = sum(float(learner(batch).detach()) for batch in learner.batches([*kept, *lessons[5:], *pairs]))
    apart = sum(float(learner(b).detach()) for part in (kept, lessons[5:], pairs) for b in learner.batches(part))

    assert mixed == pytest.approx(apart, rel=1e-5)


def test_a_strong_pull_holds_the_weights(fresh: Callable, lessons: list, tmp_path: Path) -> None:
    """The stronger the pull, the nearer the weights stay to where they were; without any they go."""
    recipe = recipe_for("lora", 0, {**VALUES, "lr": "1e-3"})
    away = []
    for number, strength in enumerate((None, 1e2, 1e5)):
        loaded = make_trainable(fresh("llama"), recipe, seed=0)
        anchors = weights_of(loaded)
        pull = strength and Pull(strength, {n: torch.ones_like(w) for n, w in anchors.items()}, anchors)
        course = Course(lessons, recipe, 0, 1000, False, tmp_path / str(number), pull=pull)
        train(loaded, course, lambda _: {"main": 0.0})
        away.append(sum(float((w - anchors[n]).square().sum()) for n, w in weights_of(loaded).items()))

    assert away[0] > away[1] > away[2]

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from promptsci.tune import adversary
from promptsci.tune.adversary import STRIDE, Adversary, mean_norm, unit, within
from promptsci.tune.learner import Aim, Learner
from promptsci.tune.recipe import ADVERSARIAL, recipe_for

EPSILON = 0.3


def gradients(loaded: Any) -> dict[str, torch.Tensor]:
    """Gradient of each weight that learns; they are cleared."""
    found = {name: part.grad.clone() for name, part in loaded.model.named_parameters() if part.requires_grad}
    loaded.model.zero_grad()
    return found


class Plain:
    """The reference: a loop over sequences, each read whole from its embeddings, moves looked up by what stands before.

    Nothing of packs, masks or hooks is used; the three methods are written out step by step.
    """

    def __init__(self, loaded: Any, lessons: list[Any], trie: Any) -> None:
        self.loaded = loaded
        self.lessons = lessons
        self.places = {tuple(trie.sequence(node).tolist()): node for node in range(len(trie))}

    def loss(self, moves: torch.Tensor) -> torch.Tensor:
        total = torch.zeros(())
        for lesson in self.lessons:
            prompt = lesson.query.ids.tolist()
            sums = []
            for ids in lesson.query.choice_ids:
                read = [*prompt, *ids[:-1]]
                places = [self.places[tuple(read[: n + 1])] for n in range(len(read))]
                embedded = self.loaded.base.get_input_embeddings()(torch.tensor(read)) + moves[places]
                nats = self.loaded.model(inputs_embeds=embedded[None], use_cache=False).logits[0].log_softmax(-1)
                sums.append(sum(nats[len(prompt) - 1 + n, token] for n, token in enumerate(ids)))
            total = total - lesson.weight * torch.stack(sums).log_softmax(0)[lesson.gold]
        return total

    def up(self, moves: torch.Tensor) -> torch.Tensor:
        """[N, H] the gradient of the loss with respect to moves."""
        moves = moves.detach().requires_grad_()
        (found,) = torch.autograd.grad(self.loss(moves), moves)
        return found / found.norm(dim=-1, keepdim=True)

    def learn(self, kind: str, steps: int, first: torch.Tensor, radius: float) -> float:
        """The loss that is learned from, its gradient left in the weights."""
        zero = torch.zeros_like(first)
        stride = STRIDE * radius / steps
        if kind == "fgm":
            parts = [zero, radius * self.up(zero)]
        elif kind == "pgd":
            move = zero
            for _ in range(steps):
                move = self.ball(move + stride * self.up(move), radius)
            parts = [zero, move]
        else:
            parts = [first]
            for _ in range(steps - 1):
                parts.append(self.ball(parts[-1] + stride * self.up(parts[-1]), radius))
        loss = sum(self.loss(part) for part in parts) / len(parts)
        loss.backward()
        return float(loss.detach())

    @staticmethod
    def ball(moves: torch.Tensor, radius: float) -> torch.Tensor:
        return torch.stack([move * min(1.0, radius / float(move.detach().norm())) for move in moves])


@pytest.mark.parametrize("kind", ["fgm", "pgd", "freelb"])
@pytest.mark.parametrize("method", ["lora", "full"])
def test_a_pack_learns_what_the_plain_loop_learns(
    kind: Any, method: str, trainable: Callable, lessons: list, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Loss and every gradient are those of the reference, which reads sequence by sequence."""
    loaded = trainable("llama", method)
    learner = Learner(loaded, Aim(), 10_000)
    (batch,) = learner.batches(lessons)
    radius = EPSILON * mean_norm(loaded)
    first = within(torch.randn(*batch.shape, 64, generator=torch.Generator().manual_seed(3)), radius)
    monkeypatch.setattr(adversary, "start", lambda *_: first)
    steps = 1 if kind == "fgm" else 2

    losses = (lambda: learner(batch), lambda: learner(batch))
    found = Adversary(kind, EPSILON, steps).learn(loaded, batch.shape, losses, lambda loss: loss.backward())
    mine = gradients(loaded)

    plain = Plain(loaded, lessons, batch.trie).learn(kind, steps, first[0], radius)
    expected = gradients(loaded)
    assert float(found) == pytest.approx(plain, rel=1e-3)
    largest = max(float(part.abs().max()) for part in expected.values())
    for name, part in expected.items():
        assert torch.allclose(mine[name], part, atol=2e-3 * largest), name


def test_moved_inputs_are_harder(trainable: Callable, lessons: list) -> None:
    """The loss that is learned from is above the clean one, for every way of moving."""
    loaded = trainable("llama", "lora")
    learner = Learner(loaded, Aim(), 10_000)
    (batch,) = learner.batches(lessons)
    losses = (lambda: learner(batch), lambda: learner(batch))
    clean = float(learner(batch).detach())

    for kind in ("fgm", "pgd"):
        found = Adversary(kind, EPSILON, 3).learn(loaded, batch.shape, losses, lambda loss: loss.backward())
        assert float(found.detach()) > clean
    assert float(learner(batch).detach()) == clean  # nothing is left on the model


def test_models_that_read_padded_are_moved_too(fresh: Callable, lessons: list) -> None:
    """A model with a recurrent state has its embeddings moved in the padded loop."""
    loaded = fresh("mamba")
    loaded.model.requires_grad_(True)
    learner = Learner(loaded, Aim(), 10_000)
    (batch,) = learner.batches(lessons)
    losses = (lambda: learner(batch), lambda: learner(batch))

    found = Adversary("fgm", EPSILON).learn(loaded, batch.shape, losses, lambda loss: loss.backward())

    assert float(found.detach()) > float(learner(batch).detach())


def test_moves_stay_within_their_radius() -> None:
    """A token's move is cut to the radius, never stretched; one without a gradient does not move."""
    moves = torch.tensor([[[3.0, 4.0], [0.3, 0.4], [0.0, 0.0]]])

    assert within(moves, 1.0).norm(dim=-1).tolist() == [pytest.approx([1.0, 0.5, 0.0])]
    assert unit(moves).norm(dim=-1).tolist() == [pytest.approx([1.0, 1.0, 0.0])]
    drawn = adversary.start((1, 50, 8), 0.7, torch.device("cpu"))
    assert float(drawn.norm(dim=-1).max()) <= 0.7 + 1e-6


def test_a_recipe_without_an_adversary_is_the_one_it_was() -> None:
    """Its values say nothing of adversarial training, so that earlier tunings keep their folders."""
    usual = recipe_for("lora", 0)
    moved = recipe_for("lora", 0, {"adversarial": "pgd", "epsilon": "0.1", "steps": "2"})

    assert not set(ADVERSARIAL) & set(usual.identity())
    assert {name: moved.identity()[name] for name in ADVERSARIAL} == {"adversarial": "pgd", "epsilon": 0.1, "steps": 2}

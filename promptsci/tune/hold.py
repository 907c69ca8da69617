"""Holding on to what a model knew before it learns on: a pull to the earlier weights, or the earlier answers kept."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch

from promptsci.tune.grid import log_shares
from promptsci.tune.lesson import Lesson

if TYPE_CHECKING:
    from promptsci.lm.load import LoadedModel
    from promptsci.tune.learner import Learner

Weights = Mapping[str, torch.Tensor]


@dataclass(frozen=True)
class Pull:
    """A penalty on weights that go away from where earlier tasks left them.

    It is half the strength times the sum over weights of importance times the squared distance.

    Source:
        Kirkpatrick et al. 2017, arXiv 1612.00796, equation 3, with the importances of several tasks added up around the
        latest weights (Huszar 2018, arXiv 1712.03847).

    Attributes:
        strength: of the penalty.
        importance: weight -> diagonal of the Fisher information.
        anchors: weight -> where it was.
    """

    strength: float
    importance: Weights
    anchors: Weights

    def add(self, model: torch.nn.Module) -> torch.Tensor:
        """[] the penalty, in nats, whose gradient is added to that of the weights."""
        total: torch.Tensor | None = None
        for name, weight in learning(model):
            away = weight.detach() - self.anchors[name].to(weight.device)
            gradient = self.strength * self.importance[name].to(weight.device) * away
            weight.grad = gradient if weight.grad is None else weight.grad.add_(gradient)
            part = (gradient * away).sum() / 2
            total = part if total is None else total + part
        assert total is not None, "something learns"
        return total


def learning(model: torch.nn.Module) -> Iterator[tuple[str, torch.Tensor]]:
    """Yields the weights that learn, with their names."""
    yield from ((name, weight) for name, weight in model.named_parameters() if weight.requires_grad)


def weights_of(loaded: LoadedModel) -> dict[str, torch.Tensor]:
    """The weights that learn, as they are now."""
    return {name: weight.detach().clone() for name, weight in learning(loaded.model)}


def importance(learner: Learner, tasks: Sequence[Sequence[Lesson]], seed: int) -> dict[str, torch.Tensor]:
    """Weight -> diagonal of the Fisher information at the weights as they are, the sum over tasks.

    Of each task it is the mean over lessons of the squared gradient of the log-likelihood of an answer that is drawn
    from the model's own probabilities, by the seed and the lesson's id. Where answers are written, it is that of the
    right answer.

    Source:
        Kunstner et al. 2019, arXiv 1905.12558, on answers that are drawn against answers that are right.
    """
    found = {name: torch.zeros_like(weight) for name, weight in learning(learner.loaded.model)}
    learner.eval()
    for lessons in tasks:
        for lesson in lessons:
            _drawn_loss(learner, lesson, seed).backward()  # type: ignore[no-untyped-call]
            for name, weight in learning(learner.loaded.model):
                if weight.grad is not None:
                    found[name] += weight.grad.square() / len(lessons)
                    weight.grad = None
    return found


def _drawn_loss(learner: Learner, lesson: Lesson, seed: int) -> torch.Tensor:
    """[] the negative log-likelihood of an answer drawn from the model's probabilities; a text's is the right one's."""
    written = len(lesson.query.choices) == 1
    (batch,) = learner.way([replace(lesson, weight=1.0, others=())], "lm" if written else "choice", learner.pack_tokens)
    nats = batch.nats(learner.loaded)
    if written:
        return -nats.sum()
    log_probs = log_shares(batch.grid.to(nats.device).sums(nats), len(lesson.gold), 1.0).view(len(lesson.gold), -1)
    drawn = [draw(group, seed, f"{lesson.id}\n{number}") for number, group in enumerate(log_probs.detach().exp())]
    return -log_probs.gather(1, torch.tensor(drawn, device=nats.device)[:, None]).sum()


def draw(probabilities: torch.Tensor, seed: int, name: str) -> int:
    """A choice, drawn by its probability [C]."""
    digest = hashlib.sha256(f"{seed}\n{name}".encode()).digest()
    at = int.from_bytes(digest[:8], "big") / 2**64 * float(probabilities.sum())
    passed = int((probabilities.cumsum(0) <= at).sum())
    return min(passed, len(probabilities) - 1)


def answers(learner: Learner, lessons: Sequence[Lesson], temperature: float) -> dict[str, list[float]]:
    """Lesson -> the probability that the model as it is gives each choice within its group, at a temperature."""
    found: dict[str, list[float]] = {}
    learner.eval()
    with torch.no_grad():
        for groups in dict.fromkeys(len(lesson.gold) for lesson in lessons):
            alike = [replace(lesson, others=()) for lesson in lessons if len(lesson.gold) == groups]
            for batch in learner.way(alike, "choice", learner.pack_tokens):
                nats = batch.nats(learner.loaded)
                shares = log_shares(batch.grid.to(nats.device).sums(nats), groups, temperature).exp().tolist()
                for lesson, row in zip(batch.lessons, shares, strict=True):
                    found[lesson.id] = row[: len(lesson.query.choices)]
    return found


def softened(lessons: Sequence[Lesson], told: Mapping[str, Sequence[float]], weight: float) -> list[Lesson]:
    """The lessons that learn these answers instead of the right ones, each counting so much."""
    return [replace(one, soft=tuple(told[one.id]), others=(), weight=weight) for one in lessons]

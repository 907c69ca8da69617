"""The model in training: reads a batch of lessons and gives its loss, as packs where they are proven exact."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from promptsci.errors import TuneError
from promptsci.lm.head import body
from promptsci.lm.load import first_line
from promptsci.lm.masks import check_can_share
from promptsci.lm.shared import ran_out_of_memory
from promptsci.prompt import Query
from promptsci.tune.grid import loss
from promptsci.tune.lesson import Lesson, Objective
from promptsci.tune.pack import LessonPack, packs
from promptsci.tune.padded import PaddedBatch, padded

if TYPE_CHECKING:
    from promptsci.lm.load import LoadedModel

Batch = LessonPack | PaddedBatch
UNFIT = (TypeError, ValueError, RuntimeError, AttributeError, IndexError, KeyError)
"""What models and adapters raise that were not made for each other, or not for packs."""
TOLERANCE_NATS = {torch.float32: 1e-3, torch.bfloat16: 0.5, torch.float16: 0.1}


@dataclass(frozen=True)
class Aim:
    """What training makes small."""

    objective: Objective = "choice"
    smoothing: float = 0.0
    temperature: float = 1.0


class Learner(torch.nn.Module):
    """Reads lessons with a model and gives their loss.

    Attributes:
        loaded: the model, whose trainable weights learn.
        aim: what is made small.
        pack_tokens: tokens in one pass at most.
        why_padded: why lessons are read the plain way; None where packs are exact.
    """

    def __init__(self, loaded: LoadedModel, aim: Aim, pack_tokens: int) -> None:
        super().__init__()
        self.model = loaded.model
        self.loaded = loaded
        self.aim = aim
        self.pack_tokens = pack_tokens
        self.why_padded = probe(loaded)

    def batches(self, lessons: Sequence[Lesson]) -> Sequence[Batch]:
        """The lessons in as many passes as they need."""
        return [batch for alike in _alike(lessons) for batch in self.way(alike, self.aim.objective, self.pack_tokens)]

    @property
    def way(self) -> Callable[[Sequence[Lesson], Objective, int], Sequence[Batch]]:
        """How lessons become passes."""
        return packs if self.why_padded is None else padded

    def forward(self, batch: Batch) -> torch.Tensor:
        """[] the weighted sum of the lessons' losses, in nats."""
        nats = batch.nats(self.loaded)
        aim = self.aim
        return loss(aim.objective, nats, batch.grid.to(nats.device), aim.smoothing, aim.temperature)


def _alike(lessons: Sequence[Lesson]) -> list[list[Lesson]]:
    """The lessons, those together whose choices form as many groups and that learn the same: one grid holds them."""
    found: dict[tuple[int, bool], list[Lesson]] = {}
    for lesson in lessons:
        found.setdefault((len(lesson.gold), bool(lesson.soft)), []).append(lesson)
    return list(found.values())


def probe(loaded: LoadedModel) -> str | None:
    """Why a model cannot learn from packs; None where log-likelihoods are those of reading each sequence alone.

    Raises:
        TuneError: the model with its adapter reads nothing at all.
    """
    lessons = _probe_lessons(loaded)
    (pack,) = packs(lessons, "choice", 10_000)
    with _evaluating(loaded), torch.no_grad():
        alone = _alone(pack, loaded)
        try:
            check_can_share(loaded, body(loaded))
            difference = float((pack.nats(loaded) - alone).abs().max())
        except NotImplementedError as error:
            return first_line(error)
        except UNFIT as error:
            if ran_out_of_memory(error):
                raise
            return f"the model does not take packs ({type(error).__name__}: {first_line(error)})"
    return None if difference <= TOLERANCE_NATS[loaded.dtype] else f"reading packs differs by {difference:.3g} nats"


@contextmanager
def _evaluating(loaded: LoadedModel) -> Iterator[None]:
    """The model without dropout."""
    was_training = loaded.model.training
    loaded.model.eval()
    try:
        yield
    finally:
        loaded.model.train(was_training)


def _alone(pack: LessonPack, loaded: LoadedModel) -> torch.Tensor:
    """[M] the log-likelihoods that reading each sequence alone gives to the tokens of a pack."""
    found = torch.full((len(pack.rows),), torch.nan, device=loaded.device)
    width = int(pack.grid.n_choices.max())
    for number, lesson in enumerate(pack.lessons):
        (batch,) = padded([lesson], "choice", 10_000)
        try:
            nats = batch.nats(loaded)
        except UNFIT as error:
            if ran_out_of_memory(error):
                raise
            what = f"the model cannot be read with this adapter ({type(error).__name__}: {first_line(error)})"
            raise TuneError(what, fix="Adapt other layers with targets=..., or use another method.") from error
        mine = torch.nonzero(pack.grid.cells // width == number)[:, 0]
        # Both list a lesson's tokens by choice and place, once the pack's are sorted by cell.
        order = mine[torch.argsort(pack.grid.cells[mine], stable=True)]
        found[pack.grid.places[order]] = nats[batch.grid.places]
    return found


def _probe_lessons(loaded: LoadedModel) -> list[Lesson]:
    """A few random prompts that share their beginning, with choices that share stems."""
    rng = np.random.default_rng(0)
    size = loaded.text_config.vocab_size
    head = rng.integers(0, size, 12)
    lessons = []
    for number, length in enumerate((3, 9, 5)):
        ids = np.concatenate([head[: 12 - number], rng.integers(0, size, length)]).astype(np.int32)
        a, b, c, d = (int(token) for token in rng.integers(0, size, 4))
        lessons.append(Lesson(str(number), Query("", ids, ("1", "2", "3"), ((a,), (b, c), (b, c, d))), (1,)))
    return lessons

"""``head``: an encoder or decoder with a linear layer on top, trained on labelled texts."""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from promptsci.errors import ModelError
from promptsci.lm import ModelFolder, is_encoder
from promptsci.score.outcomes import FloatArray
from promptsci.tune.classifier import Backend, Labelled, Lessons, absent_notes
from promptsci.tune.head_recipe import HeadRecipe

if TYPE_CHECKING:
    from promptsci.tune.head_model import HeadModel, Pooling
    from promptsci.tune.head_tokens import HeadTokens
    from promptsci.tune.head_training import Report

RELOAD_TOLERANCE = 1e-5
CHECKED_ROWS = 64
BATCH = 32


@dataclass(eq=False)
class TrainedHead:
    """A head that was trained and read back from disk."""

    model: HeadModel
    tokens: HeadTokens
    training: dict[str, Any]
    lesson_notes: tuple[str, ...]
    computed: int = 0

    @property
    def backend(self) -> Backend:
        """What computes."""
        return Backend("transformers", "float32", next(self.model.parameters()).device.type)

    @property
    def notes(self) -> tuple[str, ...]:
        """What the result must say: labels never answered, texts that were cut."""
        cut = {"learned from": self.training["cut"], "scored": self.tokens.n_cut}
        return (
            *self.lesson_notes,
            *(
                f"{n} texts {what} are longer than {self.tokens.limit} tokens and lost their end"
                for what, n in cut.items()
                if n
            ),
        )

    def log_probs(self, texts: Sequence[str]) -> FloatArray:
        """Log-probabilities (nats) of the labels for texts [N, C]."""
        from promptsci.tune.head_training import log_probs

        ids = self.tokens.ids(texts)
        self.computed += sum(map(len, ids))
        return log_probs(outputs_of(self.model, self.tokens, ids))


class Head:
    """Trains a linear layer, and the body below it unless it is frozen.

    Args:
        body: the folder of the encoder or decoder.
        recipe: how it is trained.
        frozen: whether the body stays as it is.
        report: hears a line an epoch.
    """

    name = "head"
    chooses = True

    def __init__(self, body: ModelFolder, recipe: HeadRecipe, *, frozen: bool, report: Report) -> None:
        self.body = body
        self.recipe = recipe
        self.frozen = frozen
        self.report = report

    def identity(self) -> dict[str, Any]:
        """The recipe and what is trained; body and template are named beside it."""
        return {**asdict(self.recipe), "frozen": self.frozen}

    def fit(self, lessons: Lessons, home: Path) -> TrainedHead:
        """The trained head, read back from ``home/model``; one that already stands there is not trained again.

        Raises:
            ModelError: the body cannot be loaded, or the head does not answer from disk as it did in memory.
        """
        from promptsci.tune.head_folder import load_head
        from promptsci.tune.head_tokens import HeadTokens

        folder = home / "model"
        if not (folder / "head.json").is_file():
            self._train(lessons, folder)
        model, training = load_head(folder)
        tokens = HeadTokens(folder, training["max_tokens"])
        return TrainedHead(_placed(model), tokens, training, absent_notes(lessons.train.golds, lessons.labels))

    def _train(self, lessons: Lessons, folder: Path) -> None:
        from transformers import set_seed

        from promptsci.lm.context import context_length
        from promptsci.lm.embed import load_body
        from promptsci.tune.head_folder import load_head, save_head
        from promptsci.tune.head_model import HeadModel, HeadShape
        from promptsci.tune.head_tokens import HeadTokens
        from promptsci.tune.head_training import HeadJob, train_head

        start = time.perf_counter()
        body = load_body(self.body.path)
        set_seed(lessons.seed)  # of the layer's first weights
        pooling: Pooling = "mean" if is_encoder(self.body.path) else "last"
        model = HeadModel(body, HeadShape(lessons.labels, pooling, self.frozen))
        tokens = HeadTokens(self.body.path, context_length(body.config.get_text_config()))
        work = folder.with_name("trainer")
        history = train_head(HeadJob(model, tokens, lessons, self.recipe), work, self.report)
        main = lessons.metric.name
        best = max(history, key=lambda epoch: lessons.sign * epoch[main])
        training = {
            "seconds": round(time.perf_counter() - start, 3),
            "examples": len(lessons.train),
            "trainable_parameters": model.n_trainable,
            "validation_examples": len(lessons.validation),
            **self.identity(),
            "pooling": pooling,
            "max_tokens": tokens.limit,
            "cut": tokens.n_cut,
            "best_epoch": best["epoch"],
            "tried": len(history),
            "history": history,
            "validation": {main: best[main]},
        }
        some = _first(lessons.validation, CHECKED_ROWS)
        before = outputs_of(model.eval(), tokens, tokens.ids(some.texts))
        save_head(model, self.body.path, training, folder)
        _check_reload(before, outputs_of(_placed(load_head(folder)[0]), tokens, tokens.ids(some.texts)), folder)
        shutil.rmtree(work)


def outputs_of(model: HeadModel, tokens: HeadTokens, ids: Sequence[Sequence[int]]) -> FloatArray:
    """The layer's outputs [N, C] for texts as token ids; the batches depend on the texts alone."""
    import torch

    from promptsci.tune.head_tokens import by_length

    outputs = np.zeros((len(ids), len(model.shape.labels)))
    device = next(model.parameters()).device
    with torch.inference_mode():
        for numbers in by_length(ids, BATCH):
            batch = tokens.batch([{"ids": ids[number]} for number in numbers])
            outputs[numbers] = model(**{name: part.to(device) for name, part in batch.items()}).float().cpu().numpy()
    return outputs


def _placed(model: HeadModel) -> HeadModel:
    import torch

    return model.to("cuda" if torch.cuda.is_available() else "cpu").eval()


def _first(rows: Labelled, n: int) -> Labelled:
    return replace(rows, texts=rows.texts[:n], golds=rows.golds[:n])


def _check_reload(before: FloatArray, after: FloatArray, folder: Path) -> None:
    gap = float(np.abs(before - after).max())
    if gap > RELOAD_TOLERANCE:
        shutil.rmtree(folder)
        raise ModelError(
            f"the trained head does not answer from disk as it did in memory: outputs differ by {gap:.2g}",
            where=str(folder),
            fix="Report this; a head that cannot be read back faithfully is not kept.",
        )

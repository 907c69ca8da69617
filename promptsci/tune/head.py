"""``head``: an encoder or decoder with a linear layer on top, trained on labelled texts."""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from promptsci.errors import ModelError
from promptsci.lm import ModelFolder, is_encoder
from promptsci.score import best_thresholds, labels_said
from promptsci.score.outcomes import FloatArray
from promptsci.tune.classifier import Answer, Backend, Labelled, Lessons, absent_notes
from promptsci.tune.head_recipe import HeadRecipe

if TYPE_CHECKING:
    from promptsci.tune.head_forms import HeadForm
    from promptsci.tune.head_model import HeadModel, Pooling
    from promptsci.tune.head_tokens import HeadTokens
    from promptsci.tune.head_training import Report

RELOAD_TOLERANCE = 1e-5
CHECKED_ROWS = 64
FORMS: tuple[str, ...] = ("label", "labels", "number", "spans", "relevance")


@dataclass(eq=False)
class TrainedHead:
    """A head that was trained and read back from disk."""

    reader: HeadReader
    training: dict[str, Any]
    lesson_notes: tuple[str, ...]

    @property
    def backend(self) -> Backend:
        """What computes."""
        return Backend("transformers", "float32", self.reader.device)

    @property
    def computed(self) -> int:
        """Tokens that have gone through the body to answer."""
        return self.reader.computed

    @property
    def notes(self) -> tuple[str, ...]:
        """What the result must say: labels never answered, texts that were cut or read in windows."""
        tokens = self.reader.tokens
        done = "lost their end"
        if tokens.in_windows:
            done = f"were read in windows that share {tokens.overlap} tokens"
        long = {"learned from": self.training["long_texts"], "scored": tokens.n_long}
        said = (f"{n} texts {what} are longer than {tokens.limit} tokens and {done}" for what, n in long.items() if n)
        return (*self.lesson_notes, *said)

    def answers(self, texts: Sequence[str]) -> list[Answer]:
        """What predictions.jsonl says of the answer about each text."""
        found = self.reader.answers(texts)
        if "thresholds" not in self.training:
            return found
        thresholds = self.training["thresholds"]
        return [{**one, "answer": labels_said(one["nats"], tuple(thresholds), thresholds)} for one in found]


@dataclass(eq=False)
class HeadReader:
    """A model that answers texts in its form, and counts the tokens it reads."""

    model: HeadModel
    tokens: HeadTokens
    form: HeadForm
    computed: int = 0

    @property
    def device(self) -> str:
        """Where it computes."""
        return next(self.model.parameters()).device.type

    def answers(self, texts: Sequence[str]) -> list[Answer]:
        """The answer about each text."""
        from promptsci.tune.head_tokens import outputs_of

        pieces = self.tokens.read(texts)
        self.computed += sum(len(piece.ids) for piece in pieces)
        return self.form.answers(pieces, texts, outputs_of(self.model, self.tokens, pieces))

    def value(self, lessons: Lessons) -> float:
        """The metric on the validation rows."""
        from promptsci.score import GENERATED, metric_rows, usual_rule

        rule = GENERATED if usual_rule(lessons.facts.form) == GENERATED else "sum"
        return lessons.metric.point(metric_rows(self.rows(lessons.validation), lessons.facts, rule))

    def rows(self, labelled: Labelled) -> list[dict[str, Any]]:
        """Labelled rows as predictions.jsonl would have them."""
        answers = self.answers(labelled.texts)
        return [{**row, **answer} for row, answer in zip(labelled.rows, answers, strict=True)]


class Head:
    """Trains a linear layer, and the body below it unless it is frozen.

    Args:
        body: the folder of the encoder or decoder.
        recipe: how it is trained.
        frozen: whether the body stays as it is.
        report: hears a line an epoch.
    """

    name = "head"
    forms = FORMS
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
        folder = home / "model"
        if not (folder / "head.json").is_file():
            self._train(lessons, folder)
        reader, training = self._read(lessons, folder)
        absent = absent_notes(lessons.train.golds, lessons.labels) if lessons.facts.form == "label" else ()
        golds = [row["gold"] for row in lessons.train.rows]
        return TrainedHead(reader, training, (*absent, *reader.form.notes(lessons.train.texts, golds)))

    def _read(self, lessons: Lessons, folder: Path) -> tuple[HeadReader, dict[str, Any]]:
        from promptsci.tune.head_folder import load_head
        from promptsci.tune.head_tokens import HeadTokens

        model, training = load_head(folder)
        form = self._form(lessons)
        tokens = HeadTokens(folder, training["max_tokens"], in_windows=form.each_token)
        return HeadReader(_placed(model), tokens, form), training

    def _form(self, lessons: Lessons) -> HeadForm:
        from promptsci.tune.head_forms import head_form

        return head_form(lessons.facts, causal=not is_encoder(self.body.path))

    def _begin(self, lessons: Lessons) -> HeadReader:
        """The body with a layer that has learned nothing."""
        from transformers import set_seed

        from promptsci.lm.context import context_length
        from promptsci.lm.embed import load_body
        from promptsci.tune.head_model import HeadModel, HeadShape
        from promptsci.tune.head_tokens import HeadTokens

        body, form = load_body(self.body.path), self._form(lessons)
        set_seed(lessons.seed)  # of the layer's first weights
        whole: Pooling = "mean" if is_encoder(self.body.path) else "last"
        model = HeadModel(body, HeadShape(form.outputs, "tokens" if form.each_token else whole, self.frozen))
        limit = context_length(body.config.get_text_config())
        return HeadReader(model, HeadTokens(self.body.path, limit, in_windows=form.each_token), form)

    def _train(self, lessons: Lessons, folder: Path) -> None:
        from promptsci.tune.head_folder import save_head
        from promptsci.tune.head_training import HeadJob, train_head

        start = time.perf_counter()
        reader = self._begin(lessons)
        work = folder.with_name("trainer")
        history = train_head(HeadJob(reader, lessons, self.recipe), work, self.report)
        main = lessons.metric.name
        best = max(history, key=lambda epoch: lessons.sign * epoch[main])
        training = {
            "seconds": round(time.perf_counter() - start, 3),
            "examples": len(lessons.train),
            "trainable_parameters": reader.model.n_trainable,
            "validation_examples": len(lessons.validation),
            **self.identity(),
            "pooling": reader.model.shape.pooling,
            "max_tokens": reader.tokens.limit,
            "long_texts": reader.tokens.n_long,
            "best_epoch": best["epoch"],
            "tried": len(history),
            "history": history,
            "validation": {main: best[main]},
            **_thresholds(reader, lessons),
        }
        some = lessons.validation.texts[:CHECKED_ROWS]
        reader.model.eval()
        before = _outputs(reader, some)
        save_head(reader.model, self.body.path, training, folder)
        _check_reload(before, _outputs(self._read(lessons, folder)[0], some), folder)
        shutil.rmtree(work)


def _thresholds(reader: HeadReader, lessons: Lessons) -> dict[str, Any]:
    """Label -> the probability from which on it is answered, tuned on validation, where there are several labels."""
    if lessons.facts.form != "labels":
        return {}
    return {"thresholds": best_thresholds(reader.rows(lessons.validation), lessons.labels)}


def _outputs(reader: HeadReader, texts: Sequence[str]) -> FloatArray:
    """All outputs of the layer for texts, one after the other."""
    from promptsci.tune.head_tokens import outputs_of

    outputs = outputs_of(reader.model, reader.tokens, reader.tokens.read(texts))
    return np.concatenate([each.ravel() for each in outputs])


def _placed(model: HeadModel) -> HeadModel:
    import torch

    return model.to("cuda" if torch.cuda.is_available() else "cpu").eval()


def _check_reload(before: FloatArray, after: FloatArray, folder: Path) -> None:
    gap = float(np.abs(before - after).max())
    if gap > RELOAD_TOLERANCE:
        shutil.rmtree(folder)
        raise ModelError(
            f"the trained head does not answer from disk as it did in memory: outputs differ by {gap:.2g}",
            where=str(folder),
            fix="Report this; a head that cannot be read back faithfully is not kept.",
        )

"""The training loop: transformers' Trainer on batches of lessons, examined by the evaluator itself."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import torch
from torch.utils.data import DataLoader
from transformers import Trainer, TrainerCallback, TrainingArguments
from transformers.trainer_callback import PrinterCallback

from promptsci.errors import TuneError
from promptsci.lm.load import LoadedModel
from promptsci.tune.adversary import Adversary
from promptsci.tune.hold import Pull
from promptsci.tune.learner import Batch, Learner
from promptsci.tune.lesson import Lesson
from promptsci.tune.weights import load_weights, save_weights

MAIN = "main"
"""The name under which an examination gives the metric that decides which checkpoint is the best."""
SAVE_EVERY_S = 180.0
"""A killed training has lost no more than this, and the step that it was in."""

Examine = Callable[[LoadedModel], Mapping[str, float]]
"""Metrics of the model as it is now, on validation rows; among them ``main``, of which more is better."""


class TuneWatcher(Protocol):
    """Hears how a training goes on."""

    def start(self, n_steps: int, n_done: int) -> None:
        """Steps in all, and steps that an earlier call has done."""

    def step(self, n_lessons: int, n_tokens: int) -> None:
        """A step is done: its lessons, and the tokens that went through the model."""

    def told(self, news: Mapping[str, float]) -> None:
        """Loss and rate of the last steps, or the metrics of an examination."""


class LessonTrainer(Trainer):
    """A Trainer whose batches are steps of lessons, in one pass or several, on one process or several.

    An item of its data is a whole step: the numbers of the lessons of all processes, of which each reads its share. The
    gradient is that of the mean over the step however it is divided, so several processes learn what one would.
    """

    def __init__(
        self,
        learner: Learner,
        lessons: Sequence[Lesson],
        steps: Sequence[Sequence[int]],
        args: TrainingArguments,
        examine: Examine,
    ) -> None:
        super().__init__(model=learner, args=args, train_dataset=list(steps), eval_dataset=[])
        self.learner = learner
        self.lessons = lessons
        self.examine = examine
        self.watcher: TuneWatcher | None = None
        self.adversary: Adversary | None = None
        self.pull: Pull | None = None
        self.remove_callback(PrinterCallback)
        self._earlier_s = 0.0
        self._began = time.perf_counter()

    def get_train_dataloader(self) -> DataLoader[Any]:
        """Steps in their order, whole on every process."""
        steps: Any = self.train_dataset
        return DataLoader(steps, batch_size=1, shuffle=False, collate_fn=_only)

    def training_step(self, model: torch.nn.Module, inputs: Any, num_items_in_batch: Any = None) -> torch.Tensor:  # noqa: ARG002
        """[] this process's part of the mean loss of a step and of the pull, whose gradient is left in the weights.

        Raises:
            TuneError: the loss is no number.
        """
        model.train()
        rank, world = self.args.process_index, self.args.world_size
        mine = [self.lessons[number] for number in inputs[rank::world]]
        # A process without a share of the last step reads a lesson for nothing, so that the others do not wait for it.
        scale = world / len(inputs) if mine else 0.0
        batches = self.learner.batches(mine or [self.lessons[inputs[0]]])
        total = torch.zeros((), device=self.args.device)
        for number, batch in enumerate(batches, start=1):
            ends = number == len(batches)
            with contextlib.nullcontext() if ends else self.accelerator.no_sync(model):
                total += self._learn(model, batch, scale)
            self.state.num_input_tokens_seen += batch.n_tokens * self._passes
        if self.pull is not None:
            # Every process adds the whole of it to a gradient that they share by now.
            total += self.pull.add(self.learner.loaded.model)
        if self.watcher:
            n_tokens = sum(batch.n_tokens for batch in batches) * self._passes
            self.watcher.step(len(inputs), n_tokens * world)
        return total

    @property
    def _passes(self) -> int:
        """How often each batch goes through the model."""
        return self.adversary.passes if self.adversary else 1

    def _learn(self, model: torch.nn.Module, batch: Batch, scale: float) -> torch.Tensor:
        """[] the scaled loss of a batch, whose gradient is added to that of the weights."""

        def loss_of(reader: torch.nn.Module) -> torch.Tensor:
            found: torch.Tensor = reader(batch) * scale
            _check(found, batch.lessons)
            return found

        if self.adversary is None:
            part = loss_of(model)
            self.accelerator.backward(part)
            return part.detach()
        # Gradients of the input alone are none that processes wait for: they are taken of the learner itself.
        losses = (lambda: loss_of(model), lambda: loss_of(self.learner))
        return self.adversary.learn(self.learner.loaded, batch.shape, losses, self.accelerator.backward)

    def evaluate(self, *_: Any, **__: Any) -> dict[str, float]:
        """Metrics of the validation rows, found on the first process and told to the others."""
        found: list[Any] = [None]
        if self.args.process_index == 0:
            self.learner.eval()
            found = [{f"eval_{name}": float(value) for name, value in self.examine(self.learner.loaded).items()}]
        if self.args.world_size > 1:
            torch.distributed.broadcast_object_list(found)
        metrics: dict[str, float] = found[0]
        self.log(dict(metrics))
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
        return metrics

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Keeps what is told, with the seconds spent so far, those of an interrupted beginning included."""
        if not self._earlier_s:
            self._earlier_s = max((one.get("seconds", 0.0) for one in self.state.log_history), default=0.0)
        logs["seconds"] = round(self._earlier_s + time.perf_counter() - self._began, 3)
        super().log(logs, start_time)
        if self.watcher:
            self.watcher.told(logs)

    def _save(self, output_dir: str | None = None, state_dict: Mapping[str, Any] | None = None) -> None:
        """Writes what was trained, and nothing of the frozen model below an adapter."""
        if self.args.should_save:
            state = state_dict and {name.removeprefix("model."): part for name, part in state_dict.items()}
            save_weights(self.learner.loaded, Path(str(output_dir or self.args.output_dir)), state)

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:  # noqa: ARG002
        """Puts a checkpoint's weights into the model."""
        load_weights(self.learner.loaded, Path(resume_from_checkpoint))


def _only(items: Sequence[Any]) -> Any:
    return items[0]


def _check(part: torch.Tensor, lessons: Sequence[Lesson]) -> None:
    if not bool(torch.isfinite(part)):
        ids = ", ".join(lesson.id for lesson in lessons[:5])
        raise TuneError(
            f"the loss became {float(part)} on the examples {ids}{', ...' if len(lessons) > 5 else ''}",
            fix="Use a lower rate, such as lr=1e-4, or --dtype float32.",
        )


class Keeping(TrainerCallback):
    """Saves when the last checkpoint is a few minutes old, whatever the epoch."""

    def __init__(self) -> None:
        self._saved = time.perf_counter()

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ARG002
        """Asks for a checkpoint when it is time."""
        if time.perf_counter() - self._saved > SAVE_EVERY_S and args.world_size == 1:
            control.should_save = True

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ARG002
        """Notes the time."""
        self._saved = time.perf_counter()


class Patience(TrainerCallback):
    """Stops when the main metric has not risen for so many examinations; all it knows stands in the log."""

    def __init__(self, patience: int) -> None:
        self.patience = patience

    def on_evaluate(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ARG002
        """Asks to stop when patience is at its end."""
        seen = [one[f"eval_{MAIN}"] for one in state.log_history if f"eval_{MAIN}" in one]
        if self.patience and len(seen) - 1 - seen.index(max(seen)) >= self.patience:
            control.should_training_stop = True

"""One training from its first step, or from its last checkpoint, to its best one."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from promptsci.errors import TuneError
from promptsci.tune.lesson import Lesson, epoch_length, steps
from promptsci.tune.recipe import Recipe, rising

if TYPE_CHECKING:
    from promptsci.lm.load import LoadedModel
    from promptsci.tune.adversary import Adversary
    from promptsci.tune.hold import Pull
    from promptsci.tune.trainer import Examine, LessonTrainer, TuneWatcher

CHECKPOINT = "checkpoint-"
LOGS_PER_EPOCH = 10


@dataclass(frozen=True)
class Course:
    """What is learned, and how.

    Attributes:
        lessons: what is learned from.
        recipe: how.
        seed: of the order of lessons, of the adapter's first weights, and of dropout.
        pack_tokens: tokens in one pass.
        checkpointing: whether layers are computed again instead of kept.
        folder: where checkpoints stand.
        log_to: trackers that hear of loss and metrics, by transformers' names.
        pull: what holds the weights where earlier tasks left them; None lets them go.
    """

    lessons: Sequence[Lesson]
    recipe: Recipe
    seed: int
    pack_tokens: int
    checkpointing: bool
    folder: Path
    log_to: tuple[str, ...] = ()
    pull: Pull | None = None

    @property
    def steps(self) -> list[list[int]]:
        """Numbers of the lessons of each step."""
        return steps(self.lessons, batch=self.recipe.batch, epochs=self.recipe.epochs, seed=self.seed)

    @property
    def steps_per_epoch(self) -> int:
        """Steps of one epoch."""
        return math.ceil(epoch_length(self.lessons) / self.recipe.batch)


@dataclass(frozen=True)
class Trained:
    """What became of a training.

    Attributes:
        best: the checkpoint with the best main metric on validation.
        best_step: its step.
        best_metric: that metric.
        n_steps: steps done in all.
        seconds: spent on training and examining, interrupted beginnings included.
        tokens: that went through the model.
        log: loss and metrics as they came.
        why_padded: why lessons were not packed; None where they were.
        trainable: weights that learn.
    """

    best: Path
    best_step: int
    best_metric: float
    n_steps: int
    seconds: float
    tokens: int
    log: list[dict[str, float]]
    why_padded: str | None
    trainable: int


def last_checkpoint(folder: Path) -> Path | None:
    """The newest whole checkpoint in a folder; its last file is the first that a killed process has not written."""
    found = sorted(folder.glob(f"{CHECKPOINT}*"), key=lambda path: int(path.name.removeprefix(CHECKPOINT)))
    for path in reversed(found):
        try:
            json.loads((path / "trainer_state.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        return path
    return None


def train(loaded: LoadedModel, course: Course, examine: Examine, watcher: TuneWatcher | None = None) -> Trained:
    """What became of a model with something trainable on it, trained on a course, or on what is left of it.

    Raises:
        TuneError: the loss became no number, or the optimizer is not known.
    """
    from promptsci.lm.load import quiet
    from promptsci.tune.learner import Aim, Learner

    recipe = course.recipe
    if course.checkpointing:
        _checkpoint_layers(loaded)
    aim = Aim(recipe.objective, recipe.smoothing, recipe.temperature)
    with quiet():
        learner = Learner(loaded, aim, course.pack_tokens)
        trainer = _trainer(learner, course, examine)
        trainer.watcher = watcher
        trainer.adversary = adversary_of(recipe)
        trainer.pull = course.pull
        earlier = last_checkpoint(course.folder)
        if watcher:
            watcher.start(len(course.steps), int(earlier.name.removeprefix(CHECKPOINT)) if earlier else 0)
        with _deterministic():
            trainer.train(resume_from_checkpoint=str(earlier) if earlier else None)
    state = trainer.state
    return Trained(
        best=course.folder / f"{CHECKPOINT}{state.best_global_step}",
        best_step=int(state.best_global_step or 0),
        best_metric=float(state.best_metric or 0.0),
        n_steps=int(state.global_step),
        seconds=max(one.get("seconds", 0.0) for one in state.log_history),
        tokens=_all_tokens(trainer),
        log=[dict(one) for one in state.log_history],
        why_padded=learner.why_padded,
        trainable=sum(part.numel() for part in loaded.model.parameters() if part.requires_grad),
    )


def adversary_of(recipe: Recipe) -> Adversary | None:
    """What moves the inputs of a training; None where nothing does."""
    from promptsci.tune.adversary import Adversary

    if recipe.adversarial == "none":
        return None
    return Adversary(recipe.adversarial, recipe.epsilon, recipe.steps)


def _all_tokens(trainer: LessonTrainer) -> int:
    """Tokens that went through the model, on all processes."""
    import torch

    mine = torch.tensor([trainer.state.num_input_tokens_seen], device=trainer.args.device)
    return int(trainer.accelerator.gather(mine).sum())


def _trainer(learner: Any, course: Course, examine: Examine) -> LessonTrainer:
    from transformers import TrainingArguments

    from promptsci.lm.load import first_line
    from promptsci.tune.trainer import MAIN, Keeping, LessonTrainer, Patience

    recipe, device = course.recipe, learner.loaded.device.type
    n_steps, per_epoch = len(course.steps), course.steps_per_epoch
    try:
        args = TrainingArguments(
            output_dir=str(course.folder),
            per_device_train_batch_size=1,
            num_train_epochs=1,
            learning_rate=recipe.lr,
            lr_scheduler_type=recipe.schedule,
            warmup_steps=rising(math.ceil(recipe.warmup * n_steps), per_epoch),
            weight_decay=recipe.weight_decay,
            optim=recipe.optimizer,
            max_grad_norm=recipe.clip,
            logging_steps=max(1, per_epoch // LOGS_PER_EPOCH),
            eval_strategy="steps",
            eval_steps=per_epoch,
            save_strategy="steps",
            save_steps=per_epoch,
            save_total_limit=1,
            metric_for_best_model=f"eval_{MAIN}",
            greater_is_better=True,
            seed=course.seed,
            report_to=list(course.log_to) or "none",
            disable_tqdm=True,
            use_cpu=device == "cpu",
            bf16=str(learner.loaded.dtype) == "torch.bfloat16",
            logging_nan_inf_filter=False,
            remove_unused_columns=False,
            dataloader_pin_memory=False,
        )
        trainer = LessonTrainer(learner, course.lessons, course.steps, args, examine)
    except (ValueError, RuntimeError, ImportError) as error:  # a tracker that is not installed, a name not known
        raise TuneError(f"transformers refuses these settings: {first_line(error)}") from error
    trainer.add_callback(Keeping())
    trainer.add_callback(Patience(recipe.patience))
    return trainer


def _checkpoint_layers(loaded: LoadedModel) -> None:
    """Lets layers be computed again for the gradient instead of being kept."""
    base = loaded.base
    name = "activation_checkpointing" if hasattr(base, "activation_checkpointing_enable") else "gradient_checkpointing"
    enable = getattr(base, f"{name}_enable")
    enable(**{f"{name}_kwargs": {"use_reentrant": False}})


@contextmanager
def _deterministic() -> Iterator[None]:
    """Sums on a GPU in a fixed order where PyTorch has one, so that a resumed training ends with the same weights."""
    import torch

    before = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
    torch.use_deterministic_algorithms(True, warn_only=True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before[0], warn_only=before[1])


def examined(log: Sequence[Mapping[str, float]]) -> list[dict[str, float]]:
    """The examinations of a training in their order, without the prefix that the Trainer puts before metrics."""
    rows = [one for one in log if any(name.startswith("eval_") for name in one)]
    return [{name.removeprefix("eval_"): value for name, value in one.items()} for one in rows]

"""Training a head with transformers' Trainer: stopped early by the task's own metric, best epoch kept, resumable."""

from __future__ import annotations

import json
import shutil
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from transformers import EarlyStoppingCallback, PrinterCallback, Trainer, TrainerCallback, TrainingArguments, set_seed

from promptsci.lm.load import quiet
from promptsci.tune.classifier import Labelled, Lessons
from promptsci.tune.head_loss import LOSSES, balanced
from promptsci.tune.head_model import HeadModel
from promptsci.tune.head_recipe import HeadRecipe
from promptsci.tune.recipe import rising

if TYPE_CHECKING:
    from promptsci.tune.head import HeadReader

Report = Callable[[str], None]
METRIC = "eval_value"


@dataclass(frozen=True)
class HeadJob:
    """What reads and answers texts, what it learns from, and how."""

    reader: HeadReader
    lessons: Lessons
    recipe: HeadRecipe


class _HeadTrainer(Trainer):
    """The library's Trainer with our loss, and our evaluator."""

    job: HeadJob
    class_weights: torch.Tensor | None = None

    def compute_loss(
        self,
        model: Any,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: Any = None,  # noqa: ARG002
    ) -> Any:
        """The mean loss of a batch."""
        outputs = model(input_ids=inputs["input_ids"], attention_mask=inputs["attention_mask"])
        weights = None if self.class_weights is None else self.class_weights.to(outputs.device)
        loss = LOSSES[self.job.reader.form.loss](outputs, inputs["labels"], weights)
        return (loss, {"outputs": outputs}) if return_outputs else loss

    def evaluate(self, *_: Any, **__: Any) -> dict[str, float]:
        """The main metric on the validation rows, oriented so that more is better."""
        lessons = self.job.lessons
        self.job.reader.model.eval()
        metrics = {METRIC: lessons.sign * self.job.reader.value(lessons)}
        self.log(dict(metrics))
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
        return metrics


class _Reporter(TrainerCallback):
    """Says after each epoch how it went."""

    def __init__(self, report: Report, lessons: Lessons) -> None:
        self.report = report
        self.lessons = lessons

    def on_evaluate(self, args: Any, state: Any, control: Any, metrics: Any = None, **_: Any) -> None:  # noqa: ARG002
        """One line an epoch."""
        value = f"{self.lessons.metric.name} {self.lessons.sign * metrics[METRIC]:.4f}"
        self.report(f"epoch {state.epoch:.0f} of at most {args.num_train_epochs:.0f}: {value} on validation")


def train_head(job: HeadJob, folder: Path, report: Report) -> list[dict[str, float]]:
    """What each epoch came to; the model then has the weights of the best one.

    Checkpoints stand in the folder, one an epoch; called again after an interruption, training goes on from the last
    and ends with the same weights.
    """
    with quiet(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*pin_memory.*|.*lr_scheduler.*")
        trainer = _trainer(job, folder)
        trainer.remove_callback(PrinterCallback)  # it prints to stdout, which is for results
        trainer.add_callback(_Reporter(report, job.lessons))
        trainer.train(resume_from_checkpoint=last_checkpoint(folder))
    lessons, log = job.lessons, trainer.state.log_history
    losses = {entry["epoch"]: entry["loss"] for entry in log if "loss" in entry}
    return [
        {"epoch": entry["epoch"], "loss": losses[entry["epoch"]], lessons.metric.name: lessons.sign * entry[METRIC]}
        for entry in log
        if METRIC in entry
    ]


def last_checkpoint(folder: Path) -> str | None:
    """The last whole checkpoint in a folder; what a killed process left half written is removed."""
    found: dict[int, Path] = {}
    for path in folder.glob("checkpoint-*"):
        try:
            found[int(json.loads((path / "trainer_state.json").read_text())["global_step"])] = path  # written last
        except (OSError, ValueError, KeyError):
            shutil.rmtree(path)
    return str(found[max(found)]) if found else None


def _trainer(job: HeadJob, folder: Path) -> _HeadTrainer:
    reader, lessons, recipe = job.reader, job.lessons, job.recipe
    set_seed(lessons.seed)
    rows = _rows(reader, lessons.train)
    per_epoch = -(-len(rows) // recipe.batch)
    trainer = _HeadTrainer(
        model=reader.model,
        args=TrainingArguments(
            output_dir=str(folder),
            per_device_train_batch_size=recipe.batch,
            num_train_epochs=recipe.epochs,
            warmup_steps=rising(round(recipe.warmup * per_epoch * recipe.epochs), per_epoch),
            eval_strategy="epoch",
            save_strategy="epoch",
            logging_strategy="epoch",
            save_total_limit=2,
            load_best_model_at_end=True,
            metric_for_best_model=METRIC,
            greater_is_better=True,
            restore_callback_states_from_checkpoint=True,
            remove_unused_columns=False,
            label_names=["labels"],
            dataloader_pin_memory=False,
            disable_tqdm=True,
            report_to=[],
            seed=lessons.seed,
        ),
        data_collator=reader.tokens.batch,
        train_dataset=rows,
        eval_dataset=[],
        callbacks=[EarlyStoppingCallback(early_stopping_patience=recipe.patience)],
        optimizers=(_optimizer(reader.model, recipe), None),
    )
    trainer.job = job
    if recipe.class_weights == "balanced" and lessons.facts.form == "label":
        trainer.class_weights = balanced(
            torch.bincount(torch.tensor(lessons.train.golds), minlength=len(lessons.labels))
        )
    return trainer


def _optimizer(model: HeadModel, recipe: HeadRecipe) -> torch.optim.Optimizer:
    body = [parameter for parameter in model.body.parameters() if parameter.requires_grad]
    groups = [{"params": list(model.linear.parameters()), "lr": recipe.head_lr}]
    groups += [{"params": body, "lr": recipe.lr}] if body else []
    return torch.optim.AdamW(groups, weight_decay=recipe.weight_decay)


def _rows(reader: HeadReader, rows: Labelled) -> Any:
    pieces = reader.tokens.read(rows.texts)
    targets = reader.form.targets(pieces, rows.texts, [row["gold"] for row in rows.rows])
    return [{"ids": piece.ids, "labels": target} for piece, target in zip(pieces, targets, strict=True)]

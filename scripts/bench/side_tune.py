"""One side of ``tune_vs_trl.py``. Arguments: promptsci, trainer or trl; the lessons; where the outcome goes."""

from __future__ import annotations

import json
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

RANK = 16
WARM_UP = 2
COMMON: dict[str, Any] = {
    "num_train_epochs": 1,
    "learning_rate": 3e-4,
    "lr_scheduler_type": "linear",
    "warmup_steps": 2,
    "max_grad_norm": 1.0,
    "logging_steps": 1,
    "save_strategy": "no",
    "report_to": "none",
    "disable_tqdm": True,
    "use_cpu": True,
    "seed": 0,
    "remove_unused_columns": False,
    "dataloader_pin_memory": False,
}


def main() -> None:
    """Trains and writes examples per second, peak memory and losses."""
    side, lessons, out = sys.argv[1:4]
    asked = json.loads(Path(lessons).read_text())
    with tempfile.TemporaryDirectory() as folder:
        trainer = {"promptsci": promptsci, "trainer": plain, "trl": trl}[side](asked, folder)
        clock = clock_of(trainer)
        trainer.train()
    n_timed = len(clock) - 1 - WARM_UP
    Path(out).write_text(
        json.dumps(
            {
                "examples_per_s": n_timed * asked["batch"] / (clock[-1] - clock[WARM_UP]),
                "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
                "losses": [one["loss"] for one in trainer.state.log_history if "loss" in one],
            }
        )
    )


def clock_of(trainer: Any) -> list[float]:
    """The time at the start and after each step, as training goes on."""
    from transformers import TrainerCallback

    clock: list[float] = []

    class Clock(TrainerCallback):
        def on_train_begin(self, *_: Any, **__: Any) -> None:
            clock.append(time.perf_counter())

        def on_step_end(self, *_: Any, **__: Any) -> None:
            clock.append(time.perf_counter())

    trainer.add_callback(Clock())
    return clock


def promptsci(asked: dict, folder: str) -> Any:
    """The trainer of ``promptsci tune``, without its examinations."""
    import numpy as np
    from transformers import TrainingArguments

    from promptsci.lm.load import load_model
    from promptsci.prompt import Query
    from promptsci.tune.learner import Aim, Learner
    from promptsci.tune.lesson import Lesson
    from promptsci.tune.methods import make_trainable
    from promptsci.tune.recipe import recipe_for
    from promptsci.tune.trainer import LessonTrainer

    def lesson(row: dict) -> Lesson:
        choices = tuple(tuple(ids) for ids in row["choice_ids"])
        query = Query(row["prompt"], np.asarray(row["ids"], dtype=np.int32), tuple(row["answers"]), choices)
        return Lesson(row["id"], query, (row["gold"],))

    loaded = load_model(Path(asked["model"]), dtype=asked["dtype"], trainable=True)
    loaded = make_trainable(loaded, recipe_for("lora", 0, {"rank": str(RANK)}), 0)
    lessons = [lesson(row) for row in asked["rows"]]
    batch = asked["batch"]
    steps = [list(range(start, start + batch)) for start in range(0, len(lessons), batch)]
    args = TrainingArguments(output_dir=folder, per_device_train_batch_size=1, **COMMON)
    learner = Learner(loaded, Aim(asked["objective"]), 4096)
    return LessonTrainer(learner, lessons, steps, args, lambda _: {"main": 0.0})


def adapted(asked: dict) -> tuple[Any, Any]:
    """The model with LoRA on all linear layers, and its tokenizer."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = AutoModelForCausalLM.from_pretrained(asked["model"], dtype=getattr(torch, asked["dtype"]))
    config = LoraConfig(r=RANK, lora_alpha=2 * RANK, target_modules="all-linear", task_type="CAUSAL_LM")
    return get_peft_model(model, config), AutoTokenizer.from_pretrained(asked["model"])


def plain(asked: dict, folder: str) -> Any:
    """A Trainer of transformers with PEFT and a collator that pads to the longest; the loss is that of the answer."""
    import torch
    from transformers import Trainer, TrainingArguments

    def collate(rows: list[dict]) -> dict[str, torch.Tensor]:
        answers = [row["choice_ids"][row["gold"]] for row in rows]
        sequences = [[*row["ids"], *answer] for row, answer in zip(rows, answers, strict=True)]
        width = max(map(len, sequences))
        labels = [[-100] * len(row["ids"]) + list(answer) for row, answer in zip(rows, answers, strict=True)]
        return {
            "input_ids": torch.tensor([[*one, *[0] * (width - len(one))] for one in sequences]),
            "attention_mask": torch.tensor([[1] * len(one) + [0] * (width - len(one)) for one in sequences]),
            "labels": torch.tensor([[*one, *[-100] * (width - len(one))] for one in labels]),
        }

    model, _ = adapted(asked)
    args = TrainingArguments(output_dir=folder, per_device_train_batch_size=asked["batch"],
                             train_sampling_strategy="sequential", **COMMON)  # fmt: skip
    return Trainer(model=model, args=args, train_dataset=asked["rows"], data_collator=collate)


def trl(asked: dict, folder: str) -> Any:
    """TRL's SFTTrainer on prompts and completions, loss on the completion alone."""
    from datasets import Dataset
    from trl import SFTConfig, SFTTrainer

    model, tokenizer = adapted(asked)
    rows = [{"prompt": row["prompt"], "completion": row["answers"][row["gold"]]} for row in asked["rows"]]
    args = SFTConfig(output_dir=folder, per_device_train_batch_size=asked["batch"], completion_only_loss=True,
                     gradient_checkpointing=False, bf16=False, max_length=None, shuffle_dataset=False,
                     **{k: v for k, v in COMMON.items() if k != "remove_unused_columns"})  # fmt: skip
    return SFTTrainer(model=model, args=args, train_dataset=Dataset.from_list(rows), processing_class=tokenizer)


if __name__ == "__main__":
    main()

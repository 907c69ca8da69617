"""Trains heads on small train sets with and without rows made of them, and prints what those rows changed.

    python scripts/bench/augmented_heads.py --data FOLDER [--train-rows 200] [--augment edits] [--out rows.md]

A language model makes the rows and doubts their labels (``promptsci augment``), an encoder learns from both
(``promptsci tune --head``), and all test rows are scored. FOLDER holds one folder a set, in the shape that docs/data.md
describes. A change has its interval from a paired bootstrap over test rows and its p from a paired randomisation of the
main metric; p is not corrected for the number of lines.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from forgetting import SETS
from training_aids import changed, score

from promptsci.data import read_dataset, stratified
from promptsci.spec import Catalog


def main() -> None:
    """Prints a line a training, then a table; writes it as Markdown where that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--tasks", default=",".join(SETS))
    parser.add_argument("--augment", default="edits", help="edits, paraphrase or both")
    parser.add_argument("--times", default="1")
    parser.add_argument("--model", default="smollm2-135m", help="the language model that makes and doubts rows")
    parser.add_argument("--body", default="minilm")
    parser.add_argument("--train-rows", type=int, default=200, help="of each task")
    parser.add_argument("--seeds", default="0")
    parser.add_argument("--work", type=Path, default=Path(".bench/augmented-heads"))
    parser.add_argument("--out", type=Path, help="Markdown to write")
    parser.add_argument("values", nargs="*", help="of the head's recipe, such as epochs=5")
    args = parser.parse_args()
    lines = ["| task | seed | rows | score | change | p |", "| :-- | --: | --: | --: | --: | --: |"]
    lines += [
        line for seed in args.seeds.split(",") for task in args.tasks.split(",") for line in rows(args, task, int(seed))
    ]
    print("\n".join(lines))
    if args.out:
        args.out.write_text("\n".join(lines) + "\n", encoding="utf-8")


def rows(args: argparse.Namespace, task: str, seed: int) -> Iterator[str]:
    """Yields a Markdown row for the train rows alone, and one with the made rows."""
    name = f"{task}-{args.train_rows}-{seed}"
    alone = sample(args, task, seed, args.work / name)
    more = args.work / f"{name}-{args.augment.replace(',', '-')}-{args.times}"
    made = with_made(args, task, seed, alone, more)
    plain, found = (tuned(args, task, seed, folder) for folder in (alone, more))
    yield f"| {task} | {seed} | {args.train_rows} | {score(plain)} | | |"
    yield f"| {task} | {seed} | + {made} by {args.augment} | {score(found)} | {changed(plain, found)} |"


def sample(args: argparse.Namespace, task: str, seed: int, folder: Path) -> Path:
    """A data folder whose train split is a stratified sample."""
    source = args.data / SETS.get(task, task)
    split = read_dataset(Catalog.standard().task(task), str(source)).splits["train"]
    kept = {example.id for example in stratified(split.examples, args.train_rows, seed)}
    folder.mkdir(parents=True, exist_ok=True)
    lines = [line for line in (source / "train.jsonl").read_text(encoding="utf-8").splitlines() if line.strip()]
    chosen = [line for line, example in zip(lines, split.examples, strict=True) if example.id in kept]
    (folder / "train.jsonl").write_text("\n".join(chosen) + "\n", encoding="utf-8")
    for other in ("validation.jsonl", "test.jsonl"):
        shutil.copy(source / other, folder / other)
    return folder


def with_made(args: argparse.Namespace, task: str, seed: int, alone: Path, folder: Path) -> int:
    """How many rows were made of a folder's train split; another folder has both."""
    made = alone / f"made-{folder.name}.jsonl"
    if not made.exists():
        words = [
            f"task={task}",
            f"data={alone}",
            f"model={args.model}",
            "--augment",
            args.augment,
            "--times",
            args.times,
        ]
        promptsci("augment", [*words, "--seed", str(seed), "--out", str(made), "--json"])
    shutil.copytree(alone, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("made-*"))
    both = [(alone / "train.jsonl").read_text(encoding="utf-8"), made.read_text(encoding="utf-8")]
    (folder / "train.jsonl").write_text("".join(both), encoding="utf-8")
    return both[1].count("\n")


def tuned(args: argparse.Namespace, task: str, seed: int, folder: Path) -> dict[str, Any]:
    """What a head on a data folder came to."""
    words = [f"task={task}", f"data={folder}", f"model={args.body}", "--head", "--seed", str(seed), "--json"]
    found = json.loads(promptsci("tune", [*words, *args.values, "--runs", str(args.work / "runs")]))
    print(f"seed {seed}  {folder.name:40} {score(found)}", file=sys.stderr, flush=True)
    return dict(found)


def promptsci(verb: str, words: Sequence[str]) -> str:
    """What a command printed."""
    done = subprocess.run(
        [sys.executable, "-m", "promptsci", verb, *words], stdout=subprocess.PIPE, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"promptsci {verb} {' '.join(words)} ended with {done.returncode}")
    return done.stdout


if __name__ == "__main__":
    main()

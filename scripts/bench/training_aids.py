"""Tunes on small train sets with and without each aid, and prints what it changed on the same test rows.

    python scripts/bench/training_aids.py --data FOLDER [--train-rows 100] [--limit 200] [--seeds 0] [--out rows.md]

Aids are rows made by edits, rows paraphrased by the model itself, adversarial training on moved embeddings, beginning
with the adapter of another set (each set begins with the one before it), and the other objective. FOLDER holds one
folder a set, in the shape that docs/data.md describes. Every step is an ordinary ``promptsci tune`` whose folder is
kept, so that a second call takes up where one stopped. A change has its interval from a paired bootstrap over test rows
and its p from a paired randomisation of the main metric; p is not corrected for the number of lines.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from forgetting import SETS, tune

from promptsci.compare.change import change
from promptsci.runs import RunFolder

AIDS = {
    "edits": ("--augment", "edits"),
    "paraphrase": ("--augment", "paraphrase"),
    "fgm": ("--adversarial", "fgm"),
    "pgd": ("--adversarial", "pgd"),
    "freelb": ("--adversarial", "freelb"),
    "transfer": ("--from",),
    "lm": ("objective=lm",),
}


def main() -> None:
    """Prints a line a tuning, then a table; writes it as Markdown where that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--tasks", default=",".join(SETS))
    parser.add_argument("--aids", default="edits,fgm,transfer", help=", ".join(AIDS))
    parser.add_argument("--model", default="smollm2-135m")
    parser.add_argument("--train-rows", type=int, default=100, help="of each task")
    parser.add_argument("--limit", type=int, default=200, help="test rows of each task")
    parser.add_argument("--seeds", default="0")
    parser.add_argument("--runs", type=Path, default=Path(".bench/training-aids"))
    parser.add_argument("--out", type=Path, help="Markdown to write")
    parser.add_argument("values", nargs="*", help="of the recipe, such as epochs=3 epsilon=0.05")
    args = parser.parse_args()
    lines = ["| task | seed | aid | score | change | p |", "| :-- | --: | :-- | --: | --: | --: |"]
    lines += [line for seed in args.seeds.split(",") for line in rows(args, int(seed))]
    print("\n".join(lines))
    if args.out:
        args.out.write_text("\n".join(lines) + "\n", encoding="utf-8")


def rows(args: argparse.Namespace, seed: int) -> Iterator[str]:
    """Yields a Markdown row for each task and aid."""
    tasks = args.tasks.split(",")
    plain = {task: tuned(args, task, seed, "none", ()) for task in tasks}
    for place, task in enumerate(tasks):
        before = last_run(plain[task])
        yield f"| {task} | {seed} | none | {score(before)} | | |"
        for aid in args.aids.split(","):
            source = [str(plain[tasks[place - 1]]["weights"])] if aid == "transfer" else []
            after = last_run(tuned(args, task, seed, aid, (*AIDS[aid], *source)))
            yield f"| {task} | {seed} | {aid} | {score(after)} | {changed(before, after)} |"


def tuned(args: argparse.Namespace, task: str, seed: int, aid: str, more: tuple[str, ...]) -> dict[str, Any]:
    """What one tuning came to."""
    words = [f"task={task}", f"data={args.data / SETS.get(task, task)}", f"model={args.model}", *args.values]
    sizes = ["--train-rows", str(args.train_rows), "--limit", str(args.limit), "--seed", str(seed)]
    found = tune([*words, *sizes, *more], args.runs)
    made = f", {found['augmented']['rows']} rows made" if "augmented" in found else ""
    seconds = found["training"]["seconds"]
    print(
        f"seed {seed}  {task:20} {aid:10} {score(last_run(found))}{made}, {seconds:.0f} s", file=sys.stderr, flush=True
    )
    return found


def last_run(found: dict[str, Any]) -> dict[str, Any]:
    """The result of the run with the tuned weights, which closes a tuning."""
    return dict(found["runs"][-1])


def changed(before: dict[str, Any], after: dict[str, Any]) -> str:
    """Two cells: the change from one run to another on the same rows, in points with its interval, and its p."""
    told = change(*(RunFolder(Path(run["run_dir"])) for run in (before, after)))
    value, low, high = (100 * each for each in (told.value.value, told.value.low, told.value.high))
    return f"{value:+.1f} [{low:+.1f}, {high:+.1f}] | {told.p:.3f}"


def score(run: dict[str, Any]) -> str:
    """Name, value and interval of the main metric of a run."""
    main = run["metrics"][run["main"]]
    return f"{run['main']} {100 * main['value']:.1f} [{100 * main['low']:.1f}, {100 * main['high']:.1f}]"


if __name__ == "__main__":
    main()

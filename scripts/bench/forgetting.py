"""Tunes on three tasks in a row, naively and with each way of holding on, and prints what was forgotten.

    python scripts/bench/forgetting.py --data FOLDER [--train-rows 300] [--limit 200] [--seeds 0,1,2] [--out rows.md]

FOLDER holds one folder a set, in the shape that docs/data.md describes. Every step is an ordinary ``promptsci tune``
whose folder is kept, so that a second call takes up where one stopped; the first step is shared by all ways. Printed is
the mean drop on earlier tasks (their score when they were learned minus the last one), and its ratio to the naive one;
at most a third of it is the bar.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

SETS = {"tweeteval-stance": "tweeteval_stance", "csabstruct": "csabstruct", "acl-arc": "citation_intent"}
WAYS = ("none", "replay", "ewc", "distill")
BAR = 1 / 3


@dataclass(frozen=True)
class Chain:
    """What became of three tasks in a row: the way of holding on, the seed, and the last look back."""

    way: str
    seed: int
    found: dict[str, Any]

    @property
    def drop(self) -> float:
        """Mean over earlier tasks of the score when each was learned minus the last one."""
        return -float(self.found["backward_transfer"])


def main() -> None:
    """Prints a line a step, then a table a way; writes the table as Markdown where that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--tasks", default=",".join(SETS), help="in the order in which they are learned")
    parser.add_argument("--ways", default=",".join(WAYS))
    parser.add_argument("--model", default="smollm2-135m")
    parser.add_argument("--train-rows", type=int, default=300, help="of each task")
    parser.add_argument("--limit", type=int, default=200, help="test rows of each task")
    parser.add_argument("--seeds", default="0")
    parser.add_argument("--runs", type=Path, default=Path(".bench/forgetting"))
    parser.add_argument("--out", type=Path, help="Markdown to write")
    parser.add_argument("values", nargs="*", help="of the recipe, such as epochs=3 replay=0.2 ewc=1000")
    args = parser.parse_args()
    chains = [chain(args, way, int(seed)) for seed in args.seeds.split(",") for way in args.ways.split(",")]
    lines = [*table(chains), "", *(f"- {line}" for line in said(chains))]
    print("\n".join(lines))
    if args.out:
        args.out.write_text("\n".join(lines) + "\n", encoding="utf-8")


def chain(args: argparse.Namespace, way: str, seed: int) -> Chain:
    """The tasks in a row, each step after the one before."""
    before: dict[str, Any] | None = None
    for task in args.tasks.split(","):
        after = ["--after", before["weights"], "--keep", way] if before else []
        words = [f"task={task}", f"data={args.data / SETS.get(task, task)}", f"model={args.model}", *args.values]
        sizes = ["--train-rows", str(args.train_rows), "--limit", str(args.limit), "--seed", str(seed)]
        before = tune([*words, *sizes, *after], args.runs)
        tuned = before["runs"][-1]
        score = tuned["metrics"][tuned["main"]]["value"]
        print(f"seed {seed}  {way:8} {task:20} {tuned['main']} {100 * score:.1f}", file=sys.stderr, flush=True)
    assert before is not None, "there is a task"
    return Chain(way, seed, before["continual"])


def tune(words: Sequence[str], runs: Path) -> dict[str, Any]:
    """What ``promptsci tune --json`` printed."""
    command = [sys.executable, "-m", "promptsci", "tune", *words, "--lora", "--json", "--runs", str(runs)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"promptsci tune {' '.join(words)} ended with {done.returncode}")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def table(chains: Sequence[Chain]) -> list[str]:
    """A Markdown table: a row a way, means over seeds, the last score of each task beside what was lost."""
    tasks = [column["task"] for column in chains[0].found["columns"]]
    lines = [
        f"| keep | {' | '.join(tasks)} | mean drop | of naive | forward transfer | seeds |",
        f"| :-- | {'--: | ' * len(tasks)}--: | --: | --: | --: |",
    ]
    naive = drop_of(chains, "none")
    for way in dict.fromkeys(one.way for one in chains):
        mine = [one.found for one in chains if one.way == way]
        scores = [fmean(one["cells"][-1][place]["value"] for one in mine) for place in range(len(tasks))]
        drop, forward = drop_of(chains, way), fmean(one["forward_transfer"] for one in mine)
        ratio = f"{drop / naive:.2f}" if naive and naive > 0 else ""
        cells = [way, *(f"{100 * score:.1f}" for score in scores), f"{100 * drop:.1f}", ratio, f"{100 * forward:+.1f}"]
        lines.append(f"| {' | '.join(cells)} | {len(mine)} |")
    return lines


def drop_of(chains: Sequence[Chain], way: str) -> float | None:
    """The mean drop of a way over its seeds; None where it was not tried."""
    drops = [one.drop for one in chains if one.way == way]
    return fmean(drops) if drops else None


def said(chains: Sequence[Chain]) -> list[str]:
    """What the table says of the bar, way by way."""
    naive = drop_of(chains, "none")
    if naive is None or naive <= 0:
        return ["naive tuning lost nothing here, so there is no ratio to it"]
    lines = []
    for way in dict.fromkeys(one.way for one in chains if one.way != "none"):
        ratio = (drop_of(chains, way) or 0.0) / naive
        meets = "meets" if ratio <= BAR else "misses"
        lines.append(f"{way} loses {ratio:.2f} of what naive tuning loses: {meets} the bar of a third")
    return lines


if __name__ == "__main__":
    main()

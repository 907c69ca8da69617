"""Scores the same prompts with promptsci and with lm-evaluation-harness, in one run, and prints the ratios.

    python scripts/bench/run_vs_lm_eval.py --data PATH [--shots 8] [--dtype float32,auto] [--rows N]

lm-evaluation-harness gets a venv of its own (``.bench/lm-eval``). Both sides run as fresh processes, one after the
other, on the same model folder, the same prompts byte for byte and the same rows. promptsci runs once with each dtype
asked for, the harness once, with the first of them or with ``--harness-dtype``. Its batch size is the fastest of those
tried on the first rows.

The harness shares nothing between rows, so its time is a straight line in them: with ``--harness-rows N`` it scores the
first N only, and its scoring time is scaled to all rows and marked as such.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
import time
from pathlib import Path

from asked import parser_of, prepared_of

HERE = Path(__file__).resolve().parent
LM_EVAL = "lm_eval[hf]==0.4.13"


def main() -> None:
    """Runs both sides and prints the comparison."""
    parser = parser_of(__doc__)
    parser.add_argument("--harness-dtype", help="of the harness alone")
    parser.add_argument("--batches", default="1,4,8", help="batch sizes tried for the harness")
    parser.add_argument("--harness-rows", type=int, help="rows that the harness scores; its time is scaled to all")
    parser.add_argument("--work", type=Path, default=Path(".bench"))
    args = parser.parse_args()
    args.work.mkdir(exist_ok=True)
    requests = args.work / "requests.json"
    describe(args, requests)
    dtypes = args.dtype.split(",")
    side = [sys.executable, str(HERE / "side_promptsci.py"), str(requests)]
    ours = [run([*side, dtype], args.work / f"promptsci-{dtype}.json") for dtype in dtypes]
    harness = harness_python(args.work)
    dtype = args.harness_dtype or ("bfloat16" if dtypes[0] == "auto" else dtypes[0])
    theirs = run(
        [harness, str(HERE / "side_lm_eval.py"), str(requests), dtype, args.batches, str(args.harness_rows or 0)],
        args.work / "lm_eval.json",
    )
    n_scored = len(theirs["nats"])
    theirs["scale"] = len(ours[0]["nats"]) / n_scored
    for one in ours:
        report({**one, "nats": one["nats"][:n_scored]}, theirs, args)


def describe(args: argparse.Namespace, path: Path) -> None:
    """Writes the prompts and choices, as text, that both sides score."""
    prepared, queries = prepared_of(args)
    prompts = [{"context": q.text, "continuations": [f" {words}" for words in q.choices]} for q in queries]
    path.write_text(json.dumps({"model": str(prepared.model.path), "prompts": prompts}))
    print(f"{len(prompts)} prompts of {args.task}, {args.shots} {args.choose} shots, model {args.model}")


def harness_python(work: Path) -> str:
    """The interpreter of a venv that holds the harness and the same torch."""
    import torch

    python = work / "lm-eval" / "bin" / "python"
    if not python.exists():
        print("installing lm-evaluation-harness into a venv of its own ...")
        subprocess.run([sys.executable, "-m", "venv", str(work / "lm-eval")], check=True)
        pip = [str(python), "-m", "pip", "install", "-q"]
        subprocess.run([*pip, f"torch=={torch.__version__.split('+')[0]}"], check=True)
        subprocess.run([*pip, LM_EVAL], check=True)
    return str(python)


def run(command: list[str], out: Path) -> dict:
    """What one side wrote, and the time of its whole process."""
    start = time.perf_counter()
    subprocess.run(
        [*command, str(out)], check=True, env={**os.environ, "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "true"}
    )
    return {**json.loads(out.read_text()), "process_s": time.perf_counter() - start}


def report(ours: dict, theirs: dict, args: argparse.Namespace) -> None:
    """Prints times, ratios and the largest difference."""
    pairs = [
        (a, b) for one, other in zip(ours["nats"], theirs["nats"], strict=True) for a, b in zip(one, other, strict=True)
    ]
    worst = max(abs(a - b) for a, b in pairs)
    changed = sum(best(a) != best(b) for a, b in zip(ours["nats"], theirs["nats"], strict=True))
    print(f"\n{'':28}{'promptsci':>12}{'lm-eval':>12}{'ratio':>9}")
    score_s = theirs["score_s"] * theirs["scale"]
    process_s = theirs["process_s"] + score_s - theirs["score_s"]
    for name, mine, other in (
        ("scoring, s", ours["score_s"], score_s),
        ("whole process, s", ours["process_s"], process_s),
    ):
        print(f"{name:28}{mine:12.2f}{other:12.2f}{other / mine:8.1f}x")
    if theirs["scale"] > 1:
        print(f"lm-eval scored {len(theirs['nats'])} rows; its scoring time is scaled by {theirs['scale']:.2f}")
    print(f"{'dtype':28}{ours['dtype']:>12}{theirs['dtype']:>12}")
    print(f"{'batch size, of those tried':28}{'':12}{theirs['batch']:12d}   {theirs['tried']}")
    print(
        f"tokens computed {ours['tokens']['computed']:,}, distinct {ours['tokens']['distinct']:,}, "
        f"unshared {ours['tokens']['unshared']:,}"
    )
    print(
        f"log-likelihoods: {len(pairs):,} compared, largest difference {worst:.2e} nats, "
        f"decisions that differ: {changed}"
    )
    print(
        json.dumps(
            {
                "shots": args.shots,
                "rows_compared": len(ours["nats"]),
                "ratio_scoring": score_s / ours["score_s"],
                "ratio_process": process_s / ours["process_s"],
                "max_difference_nats": worst,
                "finite": math.isfinite(worst),
            }
        )
    )


def best(values: list[float]) -> int:
    """The place of the largest value."""
    return max(range(len(values)), key=values.__getitem__)


if __name__ == "__main__":
    main()

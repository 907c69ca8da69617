"""Trains the same LoRA on the same prompts with promptsci, with TRL, and with a plain Trainer, and prints the ratios.

    python scripts/bench/tune_vs_trl.py --data PATH [--model gemma-3-270m] [--steps 20] [--batch 16] [--objective lm]

TRL gets a venv of its own (``.bench/trl``). Each side runs as a fresh process, one after the other, on the same model
folder, the same prompts and answers byte for byte, rank, layers, dtype, optimizer and batch. TRL's SFTTrainer and the
plain Trainer (a collator that pads to the longest) learn the answer's tokens alone; so does promptsci with
``--objective lm``, while ``choice`` reads all choices of each prompt. The first two steps are not timed.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

from asked import parser_of, prepared_of, venv_python
from side_tune import RANK, WARM_UP

HERE = Path(__file__).resolve().parent
TRL = "trl==1.16.0"


def main() -> None:
    """Runs the sides and prints the comparison."""
    parser = parser_of(__doc__)
    parser.set_defaults(shots=0, rows=None)
    parser.add_argument("--steps", type=int, default=20, help="timed steps")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--objective", default="lm", choices=["lm", "choice"])
    parser.add_argument("--sides", default="promptsci,trainer,trl")
    parser.add_argument("--work", type=Path, default=Path(".bench"))
    args = parser.parse_args()
    args.work.mkdir(exist_ok=True)
    requests = args.work / "lessons.json"
    describe(args, requests)
    told = {}
    for side in args.sides.split(","):
        python = venv_python(args.work / "trl", ["torch", "peft"], TRL) if side == "trl" else sys.executable
        told[side] = run([python, str(HERE / "side_tune.py"), side, str(requests)], args.work / f"tune-{side}.json")
    report(told)


def describe(args: argparse.Namespace, path: Path) -> None:
    """Writes the lessons of all steps, as text and as token ids, that every side learns from."""
    prepared, queries = prepared_of(args, split="train")
    golds = [prepared.task.labels.index(str(example.gold)) for example in prepared.examples]
    wanted = (WARM_UP + args.steps) * args.batch
    rows = [
        {
            "id": str(number),
            "prompt": query.text,
            "answers": [f" {words}" for words in query.choices],
            "gold": gold,
            "ids": query.ids.tolist(),
            "choice_ids": [list(ids) for ids in query.choice_ids],
        }
        for number, (query, gold) in enumerate(zip(queries, golds, strict=True))
    ]
    rows = [rows[number % len(rows)] for number in range(wanted)]
    asked = {"batch": args.batch, "objective": args.objective, "dtype": args.dtype, "rows": rows}
    path.write_text(json.dumps({"model": str(prepared.model.path), **asked}))
    print(f"{args.steps} steps of {args.batch} prompts of {args.task}, LoRA of rank {RANK}, model {args.model}")


def run(command: list[str], out: Path) -> dict:
    """What one side wrote."""
    subprocess.run([*command, str(out)], check=True, env={**os.environ, "HF_HUB_OFFLINE": "1"})
    return json.loads(out.read_text())


def report(told: dict[str, dict]) -> None:
    """Prints speed, memory and loss of each side, and how promptsci stands to it."""
    ours = told.get("promptsci")
    print(f"\n{'side':12}{'examples/s':>12}{'ratio':>8}{'peak GiB':>10}{'ratio':>8}{'first loss':>12}{'last loss':>12}")
    for side, one in told.items():
        faster = f"{ours['examples_per_s'] / one['examples_per_s']:.2f}" if ours else ""
        smaller = f"{ours['peak_bytes'] / one['peak_bytes']:.2f}" if ours else ""
        print(
            f"{side:12}{one['examples_per_s']:12.2f}{faster:>8}{one['peak_bytes'] / 2**30:10.2f}{smaller:>8}"
            f"{one['losses'][0]:12.3f}{one['losses'][-1]:12.3f}"
        )


if __name__ == "__main__":
    main()

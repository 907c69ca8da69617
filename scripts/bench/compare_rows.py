"""Time and peak memory of ``promptsci compare`` over many long runs, as a stranger types it.

    python scripts/bench/compare_rows.py [--runs 20] [--rows 10000]

The Run folders are made here from random log-likelihoods of six labels; each a little better than the last.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

LABELS = ["Background", "Motivation", "Uses", "Extends", "CompareOrContrast", "Future"]


def main() -> None:
    """Prints a line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--rows", type=int, default=10_000)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        random = np.random.default_rng(0)
        gold = random.integers(0, len(LABELS), args.rows)
        for number in range(args.runs):
            write_run(Path(folder) / "citation-intent", number, gold, random)
        command = [sys.executable, "-m", "promptsci", "compare", "task=citation-intent", "--runs", folder]
        start = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        seconds = time.perf_counter() - start
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = f"{seconds:.1f} s ({used.ru_utime + used.ru_stime:.1f} s of processor)"
    print(f"{args.runs} runs of {args.rows:,} rows: {spent}, {used.ru_maxrss / 2**20:.2f} GiB at most")


def write_run(root: Path, number: int, gold: np.ndarray, random: np.random.Generator) -> None:
    """Writes the folder of a finished run."""
    folder = root / f"m{number}_{number:08x}"
    folder.mkdir(parents=True)
    nats = random.normal(size=(len(gold), len(LABELS))) * 3 - 6
    nats[np.arange(len(gold)), gold] += 0.1 * number
    references = random.normal(size=(len(gold), 4, len(LABELS))) * 2 - 6
    with (folder / "predictions.jsonl").open("w") as out:
        for at, label in enumerate(gold):
            free = [parts(row) for row in references[at]]
            row = {
                "id": f"test-{at}", "gold": LABELS[label], "label": LABELS[int(nats[at].argmax())], "seen": at % 5 == 0,
                "nats": parts(nats[at]), "premise_nats": free[0], "content_free_nats": free[1:], "prompt_tokens": 500,
                "shots": [f"train-{shot}" for shot in range(8)], "shots_dropped": 0, "prompt_sha256": "0" * 16,
            }  # fmt: skip
            out.write(json.dumps(row) + "\n")
    (folder / "run.json").write_text(json.dumps(record(number, len(gold))))
    (folder / "scores.json").write_text("{}")


def parts(nats: np.ndarray) -> dict[str, list[float]]:
    """Label -> log-likelihoods of its tokens, one or two."""
    return {label: [round(float(nats[at]), 6), -0.123456][: 1 + at % 2] for at, label in enumerate(LABELS)}


def record(number: int, n_rows: int) -> dict:
    """What run.json says of a finished run."""
    return {
        "task": "citation-intent", "template": "citation-intent/plain", "model": "random", "adapter": None,
        "split": "test", "data": {"source": "made", "origin": "made", "revision": None, "about": None},
        "method": f"m{number}", "shots": 0, "choose": None, "pool": "train", "seed": 0, "format": "plain",
        "labels": LABELS, "metrics": ["macro_f1", "accuracy"], "rows": n_rows, "rule": "batch", "state": "done",
        "host": {"machine": "any"}, "started": "2026-01-01T00:00:00+00:00",
        "identity": {"data": {"test": "ab" * 32}},
        "integrity": {"splits": {"train": {"labels": {}}}, "overlaps": []},
        "model_description": {"dtype": "float32", "device": "cpu"},
        "cost": {"tokens": {"computed": 6000}, "seconds": {"score": 3.0}, "peak_memory_bytes": 10**9},
    }  # fmt: skip


if __name__ == "__main__":
    main()

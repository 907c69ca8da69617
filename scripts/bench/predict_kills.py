"""``promptsci predict`` killed again and again: the same bytes as undisturbed, and flat memory.

    python scripts/bench/predict_kills.py [--rows 100000] [--kills 50]

A tiny random model labels rows of about 70 tokens. One labelling is left alone; the other is killed with SIGKILL at
random moments and started again each time.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
from rows_scaling import make_data, make_model

WORDS = 46
"""About 70 tokens of the tiny model's tokenizer."""


def main() -> None:
    """Prints sizes, kills, whether bytes are equal, and memory by time."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--ending", default="parquet", choices=["jsonl", "csv", "tsv", "parquet"])
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _, rows = make_job(folder, args.rows)
        whole, whole_s, peaks = undisturbed(folder, rows, f"whole.{args.ending}")
        print(f"{args.rows:,} rows undisturbed: {whole_s:.1f} s; peak memory by tenths of the time, MiB: {peaks}")
        killed, starts = disturbed(folder, rows, args, whole_s)
        same = whole.read_bytes() == killed.read_bytes()
        print(f"killed {starts - 1} times: {'the same bytes' if same else 'OTHER BYTES'} ({whole.stat().st_size:,})")
        sys.exit(not same)


def make_job(folder: Path, n_rows: int) -> tuple[Path, Path]:
    """A tiny random model, and a file of rows to label; ``labelled`` beside them holds validation rows."""
    model = make_model(folder / "model")
    labelled = make_data(folder / "labelled", 60, model)
    (labelled / "test.jsonl").rename(labelled / "validation.jsonl")
    return model, write_rows(folder / "rows.jsonl", n_rows, model)


def write_rows(path: Path, n_rows: int, model: Path) -> Path:
    """Random sentences without labels."""
    words = (model / "words.txt").read_text().split()
    rng = random.Random(2)
    with path.open("w") as file:
        for i in range(n_rows):
            text = " ".join(rng.choice(words) for _ in range(WORDS))
            file.write(json.dumps({"paper": i, "text": text, "year": 1990 + i % 30}) + "\n")
    return path


def command_of(folder: Path, rows: Path, out: Path, runs: Path) -> list[str]:
    """The labelling as a person types it."""
    return [
        *(sys.executable, "-m", "promptsci", "predict", "task=citation-intent", f"data={rows}", f"--out={out}"),
        *(f"labelled={folder / 'labelled'}", f"model={folder / 'model'}", f"--runs={runs}", "--shots", "2"),
        *("--dtype", "float32", "--format", "plain", "--verify-sharing", "0", "--json"),
    ]


def undisturbed(folder: Path, rows: Path, name: str) -> tuple[Path, float, list[int]]:
    """The labelled file, the seconds it took, and the most memory held in each tenth of them, in MiB."""
    out, start, seen = folder / name, time.perf_counter(), []
    process = subprocess.Popen(command_of(folder, rows, out, folder / "runs-whole"), stdout=subprocess.DEVNULL)
    watched = psutil.Process(process.pid)
    while process.poll() is None:
        try:
            seen.append(watched.memory_info().rss / 2**20)
        except psutil.NoSuchProcess:
            break
        time.sleep(0.1)
    if process.wait():
        sys.exit("predict failed")
    tenth = max(1, len(seen) // 10)
    return out, time.perf_counter() - start, [round(max(seen[at : at + tenth])) for at in range(0, len(seen), tenth)]


def disturbed(folder: Path, rows: Path, args: argparse.Namespace, whole_s: float) -> tuple[Path, int]:
    """The labelled file of a labelling that was killed at random moments, and how often it was started."""
    out = folder / f"killed.{args.ending}"
    command = command_of(folder, rows, out, folder / "runs-killed")
    rng, starts = random.Random(args.seed), 0
    while True:
        starts += 1
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, start_new_session=True)
        try:
            # Every start loads the model again, so that moments are drawn from what is left behind that, and before.
            wait = rng.uniform(0.2, 12.0 + 2 * whole_s / max(1, args.kills)) if starts <= args.kills else None
            if process.wait(wait):
                sys.exit("predict failed")
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            continue
        if starts > args.kills or out.exists():
            return out, starts


if __name__ == "__main__":
    main()

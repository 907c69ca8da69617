"""``promptsci predict`` killed again and again: the same bytes as undisturbed, flat memory, and its cost over scoring.

    python scripts/bench/predict_kills.py [--rows 100000] [--kills 50] [--overhead-rows 5000]

A tiny random model labels rows of about 70 tokens. One labelling is left alone; the other is killed with SIGKILL at
random moments and started again each time. Then the seconds of ``predict`` on some rows are compared with those of
asking the model alone (the windows of ``run`` without a file).
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
    """Prints sizes, kills, whether bytes are equal, memory by time, and the overhead."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--overhead-rows", type=int, default=5_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--ending", default="parquet", choices=["jsonl", "csv", "tsv", "parquet"])
    parser.add_argument("--one", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        overhead(args.one)
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model, rows = make_job(folder, args.rows)
        whole, whole_s, peaks = undisturbed(folder, rows, f"whole.{args.ending}")
        print(f"{args.rows:,} rows undisturbed: {whole_s:.1f} s; peak memory by tenths of the time, MiB: {peaks}")
        killed, starts = disturbed(folder, rows, args, whole_s)
        same = whole.read_bytes() == killed.read_bytes()
        print(f"killed {starts - 1} times: {'the same bytes' if same else 'OTHER BYTES'} ({whole.stat().st_size:,})")
        few = write_rows(folder / "few.jsonl", args.overhead_rows, model)
        command = [sys.executable, __file__, "--one", str(few)]
        print(subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip())
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


def overhead(rows: Path) -> None:
    """Prints the seconds of a labelling over those of asking the model alone."""
    from promptsci.cli.progress import row_progress
    from promptsci.data.stream import Stream
    from promptsci.pipeline import LMs, Settings, load_transformers
    from promptsci.pipeline.predict import PredictSettings, predict, prepare_prediction, prompt_method
    from promptsci.spec import Catalog

    folder = rows.parent
    asked = {"data": str(folder / "labelled"), "model": str(folder / "model"), "split": "validation", "shots": 2}
    settings = Settings("citation-intent", dtype="float32", format="plain", verify=0, **asked)
    method = prompt_method(settings, Catalog.standard(), LMs(load_transformers))
    method.known_run(folder / "runs-overhead", None)
    examples = [example for chunk in Stream(rows, method.task).chunks() for example in chunk.examples]
    best = float("inf")
    for attempt in range(3):
        start = time.perf_counter()
        n = sum(1 for _ in method.lines(examples, set()))
        best = min(best, time.perf_counter() - start)
        out = folder / f"overhead{attempt}.jsonl"
        prepared = prepare_prediction(PredictSettings(str(rows), str(out)), method, folder / f"runs-{attempt}")
        with row_progress("") as watcher:
            start = time.perf_counter()
            summary = predict(prepared, watchers=(watcher, watcher))
        seconds = time.perf_counter() - start
        answer, write = summary["seconds"]["answer"], summary["seconds"]["write"]
        print(
            f"{n:,} rows: asked alone {best:.2f} s; predict {seconds:.2f} s: answers {answer:.2f} s, writing "
            f"{write:.2f} s, calibration and drift {seconds - answer - write:.2f} s; "
            f"answering and writing over asking {(answer + write) / best:.3f}"
        )


if __name__ == "__main__":
    main()

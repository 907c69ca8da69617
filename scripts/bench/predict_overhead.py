"""What ``promptsci predict`` costs over asking the model alone, on the same rows.

    python scripts/bench/predict_overhead.py [--rows 2000] [--shots 8] [--model NAME] [--turns 3]

A tiny random model and random words unless a model is named; with the tiny one every millisecond that is not the
model's shows. Asking alone is what ``run`` does without a file: the same windows, nothing stored.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from statistics import median

from predict_kills import make_job

from promptsci.cli.progress import row_progress
from promptsci.data.stream import Stream
from promptsci.pipeline import LMs, Settings, load_transformers
from promptsci.pipeline.predict import Method, PredictSettings, predict, prepare_prediction, prompt_method
from promptsci.spec import Catalog


def main() -> None:
    """Prints a line a turn, and the median of their ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=2_000)
    parser.add_argument("--shots", type=int, default=8)
    parser.add_argument("--model", help="instead of a tiny random one")
    parser.add_argument("--turns", type=int, default=3)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        tiny, rows = make_job(folder, args.rows)
        asked = {"data": str(folder / "labelled"), "model": args.model or str(tiny), "split": "validation"}
        settings = Settings("citation-intent", dtype="float32", format="plain", verify=0, shots=args.shots, **asked)
        method = prompt_method(settings, Catalog.standard(), LMs(load_transformers))
        method.known_run(folder / "runs", None)
        found = [turn(method, rows, folder / str(number)) for number in range(args.turns)]
        print(f"answering over asking {median(found):.3f}")


def turn(method: Method, rows: Path, folder: Path) -> float:
    """The seconds of answering and storing over those of asking."""
    folder.mkdir()
    start = time.perf_counter()
    n = sum(1 for chunk in Stream(rows, method.task).chunks() for _ in method.lines(chunk.examples, set()))
    alone = time.perf_counter() - start
    prepared = prepare_prediction(PredictSettings(str(rows), str(folder / "out.jsonl")), method, folder)
    start = time.perf_counter()
    with row_progress("") as watcher:
        summary = predict(prepared, watchers=(watcher, watcher))
    seconds = time.perf_counter() - start
    answer, write = summary["seconds"]["answer"], summary["seconds"]["write"]
    print(
        f"{n:,} rows: asked alone {alone:.2f} s; answers {answer:.2f} s ({answer / alone:.3f}), the labelled file "
        f"{write:.2f} s, calibration and drift {seconds - answer - write:.2f} s",
        flush=True,
    )
    return float(answer / alone)


if __name__ == "__main__":
    main()

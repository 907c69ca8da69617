"""Runs public data sets with both catalogue models, zero-shot and with four shots: the tables of docs/results.md.

    python scripts/bench/public_sets.py --data FOLDER [--limit 50] [--only scitldr,cranfield] [--out docs/results.md]

FOLDER holds one folder a set, in the shape that docs/data.md describes; a set that is not there is left out and said to
be. Every run is an ordinary ``promptsci run`` whose folder is kept, so that a second call takes up where one stopped.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MODELS = ("smollm2-135m", "gemma-3-270m")
SHOTS = (0, 4)


@dataclass(frozen=True)
class Set:
    """A data set: the task that reads it, its folder, the methods without a prompt beside it, and rows to score."""

    task: str
    folder: str
    beside: tuple[str, ...] = ()
    limit: int | None = None


SETS = (
    Set("acl-arc", "citation_intent", ("majority", "tfidf")),
    Set("scierc-relations", "sciie_relation", ("majority", "tfidf")),
    Set("csabstruct", "csabstruct", ("majority", "tfidf")),
    Set("dna-splice", "dna_splice", ("majority", "tfidf")),
    Set("tweeteval-stance", "tweeteval_stance", ("majority", "tfidf")),
    Set("pubmedqa", "pubmedqa", ("majority", "tfidf")),
    Set("arc-easy", "arc_easy", ("majority",)),
    Set("ncbi-disease", "ncbi_disease", ("dictionary",)),
    Set("scierc-ner", "scierc_ner", ("dictionary",)),
    Set("inspec-keyphrases", "inspec_keyphrases", ("tfidf",)),
    Set("scitldr", "scitldr", ("lead",)),
    Set("cranfield", "cranfield", limit=10),
)


def main() -> None:
    """Prints a line a run; writes the tables when all are there."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--limit", type=int, default=50, help="rows of each set; of a ranking, queries are fewer")
    parser.add_argument("--only", help="tasks, with commas between")
    parser.add_argument("--runs", type=Path, default=Path(".bench/public-sets"))
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    chosen = [one for one in SETS if not args.only or one.task in args.only.split(",")]
    rows = []
    for one in chosen:
        if not (args.data / one.folder).is_dir():
            print(f"{one.task}: {args.data / one.folder} is not there, left out", flush=True)
            continue
        for method, words in _asked(one):
            limit = one.limit or args.limit
            told = _run(
                [f"task={one.task}", f"data={args.data / one.folder}", *words, "--limit", str(limit)], args.runs
            )
            rows.append((one, method, told))
            print(f"{one.task:20}{method:32}{_score(told)}", flush=True)
    if args.out:
        args.out.write_text("\n".join(_tables(rows)) + "\n", encoding="utf-8")


def _asked(one: Set) -> Iterator[tuple[str, list[str]]]:
    """Yields each method's name and what to ask ``promptsci run`` for."""
    for method in one.beside:
        yield method, [f"method={method}"]
    for model in MODELS:
        for shots in SHOTS:
            yield f"{model}, {shots or 'no'} shots", [f"model={model}", "--shots", str(shots), "--verify-sharing", "0"]


def _run(words: list[str], runs: Path) -> dict[str, Any]:
    """What ``promptsci run --json`` says, or why it could not."""
    command = [sys.executable, "-m", "promptsci", "run", *words, "--runs", str(runs), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    found: dict[str, Any] = json.loads(done.stdout) if done.stdout.strip() else {"error": done.stderr.strip()}
    return found


def _score(told: dict[str, Any]) -> str:
    if "metrics" not in told:
        return str(told.get("error"))
    return ", ".join(_estimate(name, told) for name in list(told["metrics"])[:3]) + f"; {_seconds(told)}"


def _estimate(name: str, told: dict[str, Any]) -> str:
    found = told["metrics"][name]
    scale = 1 if name in ("mae", "mse", "rmse") else 100
    return f"{name} {scale * found['value']:.1f} [{scale * found['low']:.1f}, {scale * found['high']:.1f}]"


def _seconds(told: dict[str, Any]) -> str:
    return f"{sum(value for name, value in told['seconds'].items() if name in ('train', 'score')):.0f} s"


def _tables(rows: list[tuple[Set, str, dict[str, Any]]]) -> Iterator[str]:
    """Yields the lines of a table for each set."""
    for task in dict.fromkeys(one.task for one, _, _ in rows):
        mine = [(method, told) for one, method, told in rows if one.task == task and "metrics" in told]
        if not mine:
            continue
        names = list(mine[0][1]["metrics"])[:3]
        yield f"\n### {task}, {mine[0][1]['n']} rows\n"
        yield f"| method | {' | '.join(names)} | invalid | seconds |"
        yield "|---|" + "---|" * (len(names) + 2)
        for method, told in mine:
            cells = [_estimate(name, told).removeprefix(f"{name} ") for name in names if name in told["metrics"]]
            yield f"| {method} | {' | '.join(cells)} | {told['invalid']} | {_seconds(told)} |"


if __name__ == "__main__":
    main()

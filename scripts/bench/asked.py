"""The prompts that the benchmarks score: one set of options, one way to make them."""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from promptsci.pipeline import Prepared, Settings, prepare
from promptsci.prompt import Query
from promptsci.spec import Catalog


def parser_of(description: str | None) -> argparse.ArgumentParser:
    """A parser with the options that say what is asked; the script adds its own."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--task", default="citation-intent")
    parser.add_argument("--data")
    parser.add_argument("--model", default="smollm2-135m")
    parser.add_argument("--shots", type=int, default=8)
    parser.add_argument("--choose", default="balanced")
    parser.add_argument("--dtype", default="float32")
    parser.add_argument("--rows", "--limit", type=int, help="score a stratified sample of so many rows")
    return parser


def prepared_of(args: argparse.Namespace, split: str = "test") -> tuple[Prepared, list[Query]]:
    """The run that the options ask for, in plain format, and the query of each of its rows."""
    asked = {name: getattr(args, name) for name in ("task", "data", "model", "shots", "choose")}
    prepared = prepare(Settings(**asked, split=split, limit=args.rows, format="plain"), Catalog.standard())
    return prepared, [question.query for question in prepared.questioner.questions(prepared.examples)]


def venv_python(folder: Path, pinned: Sequence[str], package: str) -> str:
    """The interpreter of a venv that holds another tool, and these packages at the versions that are used here."""
    python = folder / "bin" / "python"
    if not python.exists():
        print(f"installing {package} into a venv of its own ...", flush=True)
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        pip = [str(python), "-m", "pip", "install", "-q"]
        subprocess.run([*pip, *(f"{name}=={version(name).split('+')[0]}" for name in pinned)], check=True)
        subprocess.run([*pip, package], check=True)
    return str(python)

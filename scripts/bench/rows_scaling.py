"""Time and peak memory of a whole run from 100 to 100,000 rows, on a tiny random model.

    python scripts/bench/rows_scaling.py [--rows 100,1000,10000,100000]

Each size is a process of its own. A straight line in time and a flat line in memory are what is wanted.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def main() -> None:
    """Prints a line a size."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", default="100,1000,10000,100000")
    parser.add_argument("--shots", type=int, default=8)
    parser.add_argument("--one", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        run_one(args.one, args.shots)
        return
    with tempfile.TemporaryDirectory() as folder:
        model = make_model(Path(folder) / "model")
        print(f"{'rows':>8} {'seconds':>9} {'ms a row':>9} {'peak MiB':>9} {'computed':>11} {'of distinct':>11}")
        for n_rows in map(int, args.rows.split(",")):
            data = make_data(Path(folder) / f"data-{n_rows}", n_rows, model)
            command = [sys.executable, __file__, "--one", str(data), "--shots", str(args.shots)]
            found = json.loads(
                subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1]
            )
            tokens = found["tokens"]
            print(
                f"{n_rows:8,} {found['s']:9.2f} {1000 * found['s'] / n_rows:9.2f} {found['peak'] / 2**20:9.0f} "
                f"{tokens['computed']:11,} "
                f"{tokens['computed'] / tokens['distinct']:11.3f}",
                flush=True,
            )


def run_one(data: Path, shots: int) -> None:
    """One run, in this process."""
    from promptsci.pipeline import LMs, Settings, folder_of, load_transformers, prepare, run
    from promptsci.spec import Catalog

    start = time.perf_counter()
    settings = Settings(
        "citation-intent",
        data=str(data),
        model=str(data.parent / "model"),
        shots=shots,
        dtype="float32",
        format="plain",
        verify=0,
    )
    prepared = prepare(settings, Catalog.standard())
    result = run(prepared, folder_of(prepared, data / "runs"), LMs(load_transformers))
    print(
        json.dumps({"s": time.perf_counter() - start, "peak": result["peak_memory_bytes"], "tokens": result["tokens"]})
    )


def make_data(folder: Path, n_rows: int, model: Path) -> Path:
    """Random sentences of about 25 words with the labels of citation-intent."""
    labels = ["Background", "Motivation", "Uses", "Extends", "CompareOrContrast", "Future"]
    words = (model / "words.txt").read_text().split()
    rng = random.Random(1)
    folder.mkdir()
    for split, n in (("train", 60), ("test", n_rows)):
        with (folder / f"{split}.jsonl").open("w") as file:
            for i in range(n):
                text = " ".join(rng.choice(words) for _ in range(25))
                file.write(json.dumps({"id": f"{split}-{i}", "text": text, "label": labels[i % 6]}) + "\n")
    return folder


def make_model(folder: Path) -> Path:
    """A random Llama of two layers with a byte-level tokenizer."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    words = sorted(
        {
            f"{a}{b}"
            for a in ("cit", "meth", "stud", "find", "mod", "dat")
            for b in ("ing", "od", "y", "ts", "el", "a", "ion", "ed")
        }
    )
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    tokenizer.train_from_iterator(
        [" ".join(words)] * 50, trainers.BpeTrainer(vocab_size=600, initial_alphabet=alphabet, show_progress=False)
    )
    PreTrainedTokenizerFast(tokenizer_object=tokenizer).save_pretrained(folder)
    config = LlamaConfig(
        vocab_size=600,
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=2,
        max_position_embeddings=4096,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    (folder / "words.txt").write_text(" ".join(words))
    return folder


if __name__ == "__main__":
    main()

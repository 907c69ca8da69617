"""Tokens/s, share of the GPU's matmul rate and peak memory of pack scoring, with random weights: no downloads.

    python scripts/bench/gpu_packs.py [--shape 1b|8b|tiny] [--dtype bfloat16] [--packs 1024,4096,8192] [--attention
    sdpa,eager]

Rows share a prefix of ``--prefix`` tokens and have ``--query`` tokens of their own, with six choices of one to three
tokens.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import torch

from promptsci.lm.load import LoadedModel
from promptsci.lm.protocol import TokenCount
from promptsci.lm.shared import SharedScorer
from promptsci.prompt import Query

SHAPES = {
    "tiny": {
        "hidden_size": 256,
        "intermediate_size": 704,
        "num_hidden_layers": 4,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
    },
    "1b": {
        "hidden_size": 2048,
        "intermediate_size": 8192,
        "num_hidden_layers": 16,
        "num_attention_heads": 32,
        "num_key_value_heads": 8,
    },
    "8b": {
        "hidden_size": 4096,
        "intermediate_size": 14336,
        "num_hidden_layers": 32,
        "num_attention_heads": 32,
        "num_key_value_heads": 8,
    },
}


def main() -> None:
    """Prints a line for each attention and pack size."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shape", default="1b", choices=SHAPES)
    parser.add_argument("--dtype", default="bfloat16")
    parser.add_argument("--packs", default="1024,2048,4096,8192")
    parser.add_argument("--attention", default="sdpa")
    parser.add_argument("--rows", type=int, default=512)
    parser.add_argument("--prefix", type=int, default=700)
    parser.add_argument("--query", type=int, default=60)
    args = parser.parse_args()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    queries = make_queries(args.rows, args.prefix, args.query)
    rate = matmul_rate(device, getattr(torch, args.dtype))
    print(
        f"{args.shape} on {torch.cuda.get_device_name() if device == 'cuda' else device}, "
        f"{args.dtype}: own matmul rate {rate / 1e12:.1f} TFLOP/s"
    )
    for attention in args.attention.split(","):
        loaded = make_model(args.shape, args.dtype, device, attention)
        for pack in map(int, args.packs.split(",")):
            show(loaded, queries, pack, rate, attention)
        del loaded


def make_model(shape: str, dtype: str, device: str, attention: str) -> LoadedModel:
    """A Llama of that shape with random weights."""
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=128_256,
        max_position_embeddings=8192,
        attn_implementation=attention,
        tie_word_embeddings=True,
        **SHAPES[shape],
    )
    torch.set_default_dtype(getattr(torch, dtype))
    with torch.device(device):
        model = LlamaForCausalLM(config)
    torch.set_default_dtype(torch.float32)
    return LoadedModel(model.eval().requires_grad_(False), Path(), 8192)


def make_queries(n_rows: int, n_prefix: int, n_query: int) -> list[Query]:
    """Rows that share a prefix."""
    rng = np.random.default_rng(0)
    prefix = rng.integers(0, 100_000, n_prefix)
    choices = tuple(tuple(int(t) for t in rng.integers(0, 100_000, n)) for n in (1, 1, 1, 2, 2, 3))
    return [
        Query("", np.concatenate([prefix, rng.integers(0, 100_000, n_query)]).astype(np.int32), ("",) * 6, choices)
        for _ in range(n_rows)
    ]


def matmul_rate(device: str, dtype: torch.dtype) -> float:
    """FLOP/s of a large product."""
    n = 8192 if device == "cuda" else 1024
    a, b = torch.randn(n, n, device=device, dtype=dtype), torch.randn(n, n, device=device, dtype=dtype)
    times = [timed(lambda: a @ b, device) for _ in range(12)]
    return 2.0 * n**3 / sorted(times[3:])[4]


def timed(work: object, device: str) -> float:
    """Seconds of a piece of work, the device's included."""
    if device == "cuda":
        torch.cuda.synchronize()
    start = time.perf_counter()
    work()
    if device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - start


def show(loaded: LoadedModel, queries: list[Query], pack: int, rate: float, attention: str) -> None:
    """One line."""
    device = loaded.device.type
    count = TokenCount()
    scorer = SharedScorer(loaded, pack, count)
    list(scorer.score(queries[:32]))
    if device == "cuda":
        torch.cuda.reset_peak_memory_stats()
    count.computed = 0
    seconds = timed(lambda: list(scorer.score(queries)), device)
    layers = sum(
        p.numel()
        for name, p in loaded.model.named_parameters()
        if p.ndim == 2 and "embed" not in name and "lm_head" not in name
    )
    share = 2.0 * layers * count.computed / seconds / rate
    peak = torch.cuda.max_memory_allocated() / 2**30 if device == "cuda" else float("nan")
    print(
        f"{attention:>6} packs of {pack:6d}: {seconds:7.2f} s, {count.computed / seconds:9,.0f} tokens/s, "
        f"{share:5.2f} of the matmul rate, "
        f"peak {peak:5.1f} GiB",
        flush=True,
    )


if __name__ == "__main__":
    main()

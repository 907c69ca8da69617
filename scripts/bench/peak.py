"""Achieved FLOP/s of scoring over the machine's own matrix products, both measured in this run.

    python scripts/bench/peak.py --data PATH [--dtype float32] [--shots 8]

Counted are the multiplications that must be done: two per weight of the layers and token, the attention over what
each token sees
(no masked part), and the head at positions where a token is predicted. The machine's rate is the best of several
products in the
model's own layer shapes.
"""

from __future__ import annotations

import time

import torch
from asked import parser_of, prepared_of

from promptsci.lm import Scoring, TransformersLM
from promptsci.lm import trie as plan
from promptsci.lm.packed_linear import PackedLinear, n_packed_weights


def main() -> None:
    """Prints both rates and their ratio."""
    parser = parser_of(__doc__)
    parser.add_argument("--packs", default="128,192,256,384,512")
    args = parser.parse_args()
    prepared, queries = prepared_of(args)
    for pack in map(int, args.packs.split(",")):
        lm = TransformersLM.load(prepared.model.path, dtype=args.dtype, scoring=Scoring(verify=0, pack_tokens=pack))
        list(lm.score(queries[:8]))
        lm.reset()
        before = matmul_rate(lm, pack)
        start = time.perf_counter()
        list(lm.score(queries))
        seconds = time.perf_counter() - start
        rate = max(before, matmul_rate(lm, pack))
        flops = needed_flops(lm, queries)
        print(
            f"packs of {pack:4d}: {seconds:6.2f} s, {lm.tokens.computed / seconds:7.0f} tokens/s, "
            f"{flops / seconds / 1e9:6.1f} of "
            f"{rate / 1e9:6.1f} GFLOP/s: {flops / seconds / rate:.2f}",
            flush=True,
        )


def needed_flops(lm: TransformersLM, queries: list) -> float:
    """Floating-point operations that scoring these queries takes, two for each multiplication and addition."""
    config = lm.loaded.text_config
    trie = plan.build([plan.Asked(query.ids, query.choice_ids) for query in queries])
    layers = n_packed_weights(lm.loaded.model) + sum(
        p.numel()
        for name, p in lm.loaded.model.named_parameters()
        if p.ndim == 2 and "embed" not in name and "lm_head" not in name
    )
    head_dim = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    attention = 4.0 * config.num_attention_heads * head_dim * config.num_hidden_layers * float((trie.depths + 1).sum())
    positions = len({target.node for target in trie.targets})
    return 2.0 * layers * len(trie) + attention + 2.0 * config.vocab_size * config.hidden_size * positions


def matmul_rate(lm: TransformersLM, rows: int) -> float:
    """The best rate of the model's own layer shapes with ``rows`` rows, and of a large square product, in FLOP/s."""
    config = lm.loaded.text_config
    shapes = [
        (rows, config.hidden_size, config.intermediate_size),
        (1024, config.hidden_size, config.intermediate_size),
        (2048, 2048, 2048),
    ]
    return max(product_rate(*shape, lm.loaded.dtype) for shape in shapes)


def product_rate(rows: int, inner: int, columns: int, dtype: torch.dtype) -> float:
    """FLOP/s of one product, the median of nine; by PyTorch's own or by oneDNN on laid-out weights, the faster one."""
    a, linear = torch.randn(rows, inner).to(dtype), torch.nn.Linear(inner, columns, bias=False).to(dtype)
    return 2.0 * rows * inner * columns / min(median_s(linear, a), median_s(PackedLinear(linear), a))


def median_s(layer: torch.nn.Module, a: torch.Tensor) -> float:
    """Seconds of one product, the median of nine."""
    times = []
    for _ in range(12):
        start = time.perf_counter()
        layer(a)
        times.append(time.perf_counter() - start)
    return sorted(times[3:])[4]


if __name__ == "__main__":
    with torch.inference_mode():
        main()

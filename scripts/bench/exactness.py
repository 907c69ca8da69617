"""Compares shared packs with scoring one pair at a time: largest difference, and decisions that change.

    python scripts/bench/exactness.py --data PATH [--model NAME] [--dtype float32] [--packs 128,256,512] [--batches 1,8]

The first batch size is the oracle that everything else is compared with.
"""

from __future__ import annotations

import time

import numpy as np
from asked import parser_of, prepared_of

from promptsci.lm import Scoring, TransformersLM


def main() -> None:
    """Prints a line for each way of scoring."""
    parser = parser_of(__doc__)
    parser.add_argument("--packs", default="128,256,512")
    parser.add_argument("--batches", default="1,8")
    args = parser.parse_args()
    prepared, queries = prepared_of(args)
    ways = [
        (f"one by one, batch {batch}", Scoring(sharing=False, batch=int(batch))) for batch in args.batches.split(",")
    ]
    ways += [(f"packs of {pack}", Scoring(pack_tokens=int(pack), verify=0)) for pack in args.packs.split(",")]
    oracle: list[np.ndarray] = []
    for name, scoring in ways:
        lm = TransformersLM.load(prepared.model.path, dtype=args.dtype, scoring=scoring)
        start = time.perf_counter()
        nats = [np.array([sum(choice) for choice in one.nats]) for one in sorted(lm.score(queries))]
        seconds = time.perf_counter() - start
        oracle = oracle or nats
        worst = max(float(np.abs(a - b).max()) for a, b in zip(oracle, nats, strict=True))
        changed = sum(int(a.argmax() != b.argmax()) for a, b in zip(oracle, nats, strict=True))
        print(
            f"{name:22} {len(nats)} rows, {seconds:7.1f} s, {lm.tokens.computed:9,} tokens, "
            f"max difference {worst:.2e} nats, "
            f"decisions changed {changed}",
            flush=True,
        )


if __name__ == "__main__":
    main()

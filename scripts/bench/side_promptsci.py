"""One side of ``run_vs_lm_eval.py``: scores the requests with promptsci. Arguments: requests, dtype, output."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path


def main() -> None:
    """Scores the requests and writes log-likelihoods and times."""
    from promptsci.lm import Scoring, TransformersLM
    from promptsci.prompt import Encoder, Prompt, Tokenizer

    requests, dtype, out = sys.argv[1:4]
    asked = json.loads(Path(requests).read_text())
    lm = TransformersLM.load(Path(asked["model"]), dtype=dtype, scoring=Scoring(verify=0))
    start = time.perf_counter()
    encoder = Encoder(Tokenizer(Path(asked["model"])), "plain")
    prompts = [
        Prompt("", (), one["context"], tuple(text[1:] for text in one["continuations"])) for one in asked["prompts"]
    ]
    scored = sorted(lm.score(encoder.encode(prompts)))
    seconds = time.perf_counter() - start
    nats = [[sum(choice) for choice in one.nats] for one in scored]
    described = lm.describe()
    Path(out).write_text(
        json.dumps(
            {
                "nats": nats,
                "score_s": seconds,
                "dtype": described.dtype,
                "tokens": lm.tokens.to_json(),
                "sharing": described.sharing,
            }
        )
    )
    print(f"promptsci: {seconds:.2f} s, {described.sharing}, {described.dtype}", flush=True)


if __name__ == "__main__":
    main()

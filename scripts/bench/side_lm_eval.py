"""The other side of ``run_vs_lm_eval.py``: scores the requests in the harness's own venv.

Arguments: requests, dtype, batch sizes to try, rows to score (0 for all), output.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path


def main() -> None:
    """Finds the fastest batch size on the first rows, scores all rows with it, writes log-likelihoods and times."""
    from lm_eval.api.instance import Instance
    from lm_eval.models.huggingface import HFLM

    requests, dtype, batches, rows, out = sys.argv[1:6]
    asked = json.loads(Path(requests).read_text())
    prompts = asked["prompts"][: int(rows) or None]
    lm = HFLM(pretrained=asked["model"], dtype=dtype, device="cpu", batch_size=1)

    def score(prompts: list, batch: int) -> tuple[list, float]:
        lm.batch_size_per_gpu = batch
        instances = [
            Instance("loglikelihood", {}, (one["context"], text), i, ("bench", i, 1))
            for i, one in enumerate(prompts)
            for text in one["continuations"]
        ]
        start = time.perf_counter()
        answers = lm.loglikelihood(instances, disable_tqdm=True)
        return answers, time.perf_counter() - start

    score(asked["prompts"][:1], 1)  # first touch of memory
    tried = {}
    for batch in map(int, batches.split(",")):
        _, seconds = score(asked["prompts"][:6], batch)
        tried[batch] = round(seconds / min(6, len(asked["prompts"])), 2)
        print(f"lm-eval: batch {batch}: {tried[batch]} s a row", flush=True)
    batch = min(tried, key=tried.get)
    answers, seconds = score(prompts, batch)
    values = iter(answers)
    nats = [[next(values)[0] for _ in one["continuations"]] for one in prompts]
    Path(out).write_text(json.dumps({"nats": nats, "score_s": seconds, "dtype": dtype, "batch": batch, "tried": tried}))


if __name__ == "__main__":
    main()

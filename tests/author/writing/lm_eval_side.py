"""Runs in lm-evaluation-harness's own environment: what it makes of an exported task, as JSON on standard output.

Arguments: the exported folder (the current one), the task's name, a model folder or ``-`` for prompts alone.
"""

from __future__ import annotations

import json
import sys


def main() -> None:
    """Prints every context and continuation, and the log-likelihoods where a model is given."""
    from lm_eval.tasks import TaskManager

    name, model = sys.argv[1:3]
    manager = TaskManager(include_path=".", include_defaults=False)
    task = manager.load(name)["tasks"][name]
    task.build_all_requests(rank=0, world_size=1)
    asked = [[*request.args] for request in task.instances]
    golds = [task.doc_to_target(doc) for doc in task.eval_docs]
    nats = [answer[0] for answer in score(model, task.instances)] if model != "-" else []
    print(json.dumps({"asked": asked, "golds": golds, "nats": nats}))


def score(model: str, instances: list) -> list:
    """(log-likelihood, is greedy) of each request."""
    from lm_eval.models.huggingface import HFLM

    lm = HFLM(pretrained=model, dtype="float32", device="cpu", batch_size=1)
    return lm.loglikelihood(instances, disable_tqdm=True)


if __name__ == "__main__":
    main()

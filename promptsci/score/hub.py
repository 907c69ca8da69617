"""Metrics of the ``evaluate`` library: from a local script, or from the Hugging Face Hub.

Such a metric is Python that runs here. Hugging Face's own (a bare name such as ``hub:accuracy``) may be used as it is;
anybody else's, and a script on this disk, only when the user says so, never because a task.yaml names it.
"""

from __future__ import annotations

import json
from numbers import Real
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from promptsci.errors import DataError, SpecError
from promptsci.score.metrics import Metric, Point
from promptsci.score.outcomes import Outcomes


def load_hub_metric(name: str, *, trust_remote_code: bool = False) -> Metric[Outcomes]:
    """An ``evaluate`` metric, computed with class positions as predictions and references (an invalid answer is -1).

    Args:
        name: ``NAME``, ``USER/NAME`` or the path of a script (or of its folder), then perhaps settings for compute:
            ``f1?average=macro``. Values that are JSON are read as such, others as text.
        trust_remote_code: whether Python from others than Hugging Face may run.

    Raises:
        SpecError: the metric is somebody's code and not trusted, or needs a package that is not installed.
        DataError: it cannot be fetched or found.
    """
    path, _, query = name.partition("?")
    if not path:
        raise SpecError("hub: names no metric", fix="Write hub:NAME, for example hub:accuracy.")
    if not trust_remote_code and ("/" in path or _is_script(path)):
        raise SpecError(
            f"the metric 'hub:{path}' runs Python that is not Hugging Face's own",
            fix="Read that script, then pass --trust-remote-code.",
        )
    module = _load(path)
    settings = {key: _value(text) for key, text in parse_qsl(query)}
    return Metric(
        name=f"hub:{name}",
        title=f"{Path(path).stem} (evaluate)",
        kind="classification",
        point=_point(module, path, settings),
        sums=None,
        higher_is_better=True,
        averaging="as the evaluate metric says; an invalid answer is handed to it as class -1",
    )


def _is_script(path: str) -> bool:
    # evaluate looks on the disk first, so a folder in the working directory can stand in for a Hub name.
    return path.endswith(".py") or (Path(path) / f"{Path(path).name}.py").is_file()


def _load(path: str) -> Any:
    import evaluate

    try:
        return evaluate.load(path, keep_in_memory=True)
    except ImportError as error:
        raise SpecError(
            f"the metric 'hub:{path}' needs a package that is not installed: {error}", fix="Install it with pip."
        ) from error
    except OSError as error:
        raise DataError(
            f"the metric 'hub:{path}' is neither on this disk nor to be had from the Hugging Face Hub: {error}",
            fix="Check the name and the network, or give the path of a metric script: hub:./my_metric/my_metric.py.",
        ) from error


def _point(module: Any, path: str, settings: dict[str, Any]) -> Point:
    key = Path(path).stem

    def point(outcomes: Outcomes) -> float:
        rows = {"predictions": outcomes.predicted.tolist(), "references": outcomes.gold.tolist()}
        try:
            result = module.compute(**rows, **settings)
        except (TypeError, ValueError) as error:
            raise DataError(
                f"the metric 'hub:{path}' cannot be computed: {error}",
                fix=f"Settings go behind a question mark: hub:{path}?average=macro.",
            ) from error
        return _number(result, key, path)

    return point


def _number(result: Any, key: str, path: str) -> float:
    numbers = {name: value for name, value in dict(result or {}).items() if isinstance(value, Real)}
    if key in numbers:
        return float(numbers[key])
    if len(numbers) == 1:
        return float(next(iter(numbers.values())))
    found = ", ".join(numbers) or "none"
    raise DataError(f"the metric 'hub:{path}' should give one number named '{key}' and gives: {found}")


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text

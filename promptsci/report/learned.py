"""What a method learned from labelled rows, in lines for a person."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

SAID = {
    "features_line": "counted: {features_line}, because {features_because}",
    "lr": "lr {lr:g}, layer {head_lr:g}, batch {batch}, class weights {class_weights}, best epoch {best_epoch:.0f}",
    "C": "C {C:g}, class weight {class_weight}",
}
"""Key of ``training`` -> the line that is printed where it stands there."""


def training_lines(result: Mapping[str, Any]) -> Iterator[str]:
    """What was learned from what, what was chosen how, and what it cost."""
    training, seconds = result["training"], result["seconds"]
    yield (
        f"learned {training['trainable_parameters']:,} numbers from {training['examples']:,} rows of {result['pool']} "
        f"in {seconds['train']:.1f} s; scored in {seconds['score']:.1f} s"
    )
    for key, line in SAID.items():
        if key in training:
            yield line.format(**training)
    if "validation" in training:
        name, value = next(iter(training["validation"].items()))
        held = training["validated_on"] or f"rows held out of {result['pool']}"
        what = "epochs" if "best_epoch" in training else "settings"
        yield f"chosen among {training['tried']} {what} by {name} {100 * value:.1f} % on {held}"

"""What can be said of a labelled file: counts, prevalence, abstention, drift, and what must be known of all this."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from promptsci.pipeline.predict.answers import Choices, Numbers, Shape
from promptsci.pipeline.predict.join import Joined
from promptsci.pipeline.predict.methods import Method
from promptsci.score.prevalence import call_counts
from promptsci.score.shift import Texts, shift
from promptsci.score.trust import prevalence_of

if TYPE_CHECKING:
    from promptsci.pipeline.predict.predict import PreparedPrediction

FEW_ROWS = 30
TRAIN_ROWS = 20_000
"""Texts of the split that was shown or learned from that new ones are compared with, the first ones."""


def said(prepared: PreparedPrediction, shape: Shape, joined: Joined) -> dict[str, Any]:
    """What is said of a labelled file."""
    method, tally, settings = prepared.method, joined.tally, prepared.settings
    return {
        "task": method.task.name,
        "kind": method.task.kind,
        **method.about(),
        "rule": method.rule,
        "prior": settings.prior if method.rule == "batch" else None,
        "data": {"path": str(prepared.stream.path), "sha256": prepared.file.sha256, "where": dict(settings.where)},
        "limit": settings.limit,
        "out": str(prepared.out),
        "columns": list(joined.columns),
        "n": {
            "read": tally.read,
            "labelled": tally.labelled,
            "rejected": tally.rejected,
            "not_asked_for": tally.left_out,
            "invalid": tally.invalid,
        },
        "rejects": {"path": str(joined.rejects), "reasons": dict(tally.reasons)} if joined.rejects else None,
        "error": settings.error,
        "known_split": method.known_split,
        **_learned(shape, joined),
        "drift": _drift(method, shape, joined),
        "notes": [*joined.notes, *_notes(prepared, shape, joined), *method.notes()],
        "job_dir": str(prepared.job.path),
    }


def _learned(shape: Shape, joined: Joined) -> dict[str, Any]:
    """What labelled rows teach of the new ones, and what the new ones were called."""
    tally, found = joined.tally, dict[str, Any]()
    if isinstance(shape, Numbers) and shape.known is not None:
        found["interval"] = {"reach": shape.known.reach, "n_known": shape.known.n}
    if not isinstance(shape, Choices):
        return found
    labels = shape.facts.labels if shape.known is None else shape.known.outcomes.labels
    found["calls"] = {label: int(n) for label, n in zip(labels, tally.calls, strict=False)}
    if shape.known is None or not tally.labelled:
        return found
    known, n = shape.known, tally.labelled
    found["n_known"] = len(known.outcomes)
    found["temperature"] = known.temperature
    found["label_sets"] = {"mean_size": tally.kept.in_sets / n, "single": tally.kept.single / n}
    cut = {**vars(known.cut)}
    cut["least"] = known.cut.least if known.cut.n else None
    found["abstention"] = {**cut, "kept": tally.kept.kept, "abstained": n - tally.kept.kept}
    if shape.facts.form == "label":
        shares = prevalence_of(tally.calls, known.outcomes)
        found["prevalence"] = {label: asdict(share) for label, share in shares.items()}
    return found


def _drift(method: Method, shape: Shape, joined: Joined) -> dict[str, Any] | None:
    """How the new rows differ from those the method was made with."""
    if not joined.tally.labelled:
        return None
    calls = None
    if isinstance(shape, Choices) and shape.known is not None and shape.facts.form == "label":
        known = shape.known.outcomes
        calls = (joined.tally.calls, call_counts(known.predicted, len(known.labels)))
    splits = method.dataset.splits
    train = splits[method.pool_name].examples[:TRAIN_ROWS] if method.pool_name in splits else ()
    held_out = splits[method.known_split].examples if method.known_split else ()
    texts = Texts(joined.tally.texts, [each.text for each in train], [each.text for each in held_out])
    trained = [example.gold for example in train if isinstance(example.gold, str)]
    labels = method.facts.labels
    return {
        **shift(calls, texts).to_json(),
        "train_shares": {label: trained.count(label) / len(trained) for label in labels} if trained else None,
    }


def _notes(prepared: PreparedPrediction, shape: Shape, joined: Joined) -> list[str]:
    """What must be said of a labelled file."""
    method, tally = prepared.method, joined.tally
    notes = []
    has_probabilities = isinstance(shape, Choices | Numbers)
    if has_probabilities and method.known_split is None:
        notes.append("there are no labelled rows to calibrate by, so nothing says how far to trust the answers")
    if not has_probabilities:
        notes.append("answers are written, so they have no probabilities to calibrate")
    if method.rule == "batch":
        notes += _batch_notes(prepared, tally.labelled)
    if isinstance(shape, Choices) and shape.known is not None and not shape.known.cut.n:
        n = shape.known.cut.n_validation
        notes.append(
            f"{n} labelled rows cannot show that any of the decisions err in at most {prepared.settings.error:g} of "
            "rows, so that all of them abstain"
        )
    if tally.dropped:
        notes.append(f"the context is too short for all shots in {tally.dropped} rows; there the farthest are left out")
    return notes


def _batch_notes(prepared: PreparedPrediction, n: int) -> list[str]:
    if prepared.settings.prior == "validation" and prepared.method.known_split is not None:
        return []
    notes = [
        "the batch rule decides each row in the light of all rows of the file, as run does; with --prior validation "
        "a row is decided by itself, as serve does"
    ]
    if n < FEW_ROWS:
        notes.append(f"the batch rule is fitted on {n} rows, which are few; take --prior validation or --rule sum")
    return notes

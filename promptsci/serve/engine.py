"""Rows in, answers out: the decisions of ``predict --prior validation``, and why, a few rows at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from promptsci.data import Example
from promptsci.data.rows import ID
from promptsci.data.stream import Examiner, Record
from promptsci.errors import DataError, PromptError, RunError, SpecError
from promptsci.explain import Request
from promptsci.pipeline.explainer import BUDGET, TEXT_ID, Explainer
from promptsci.pipeline.predict import Method
from promptsci.pipeline.predict.answers import Choices, Shape, shape_of
from promptsci.pipeline.run import Watcher
from promptsci.runs import Row
from promptsci.score.judged import NEEDS_REFERENCES

Answer = dict[str, Any]
"""``answer``: the cells that ``predict`` would write, or None; ``error``: why there is none, or None."""
Asked = tuple[Mapping[str, Any], str | None]
"""A row to be explained, and the label that is; None takes the decided one."""


@dataclass
class Engine:
    """Answers rows; one call at a time.

    Args:
        method: what answers.
        shape: how answers are said.
        known_run: the Run on labelled rows that calibrates; None where there is none.
        explainer: explains answers; None where they cannot be explained.
        unexplained: why they cannot.
        warm_tokens: of the prompt that is kept read.
    """

    method: Method
    shape: Shape
    known_run: Path | None
    explainer: Explainer | None = None
    unexplained: str | None = None
    warm_tokens: int = 0

    def __post_init__(self) -> None:
        self._examiner = Examiner(self.method.task, "row")

    @property
    def computed(self) -> int:
        """Tokens that have gone through a model."""
        return self.method.computed()

    def about(self) -> dict[str, Any]:
        """What answers, and what it rests on."""
        known = getattr(self.shape, "known", None)
        return {
            "task": self.method.task.name,
            "title": self.method.task.title,
            **{key: value for key, value in self.method.about().items() if key != "adapter"},
            "rule": self.method.rule,
            "fields": dict(self.method.task.fields),
            "columns": [column.name for column in self.shape.columns],
            "error": known.error if known is not None else None,
            "calibrated_on": self.method.known_split,
            "warm_tokens": self.warm_tokens,
            "no_explanations": self.unexplained,
        }

    def answer(self, rows: Sequence[Mapping[str, Any]]) -> list[Answer]:
        """The answer to each row."""
        records = [self._record(number, dict(row)) for number, row in enumerate(rows)]
        examples = [record.example for record in records if record.example is not None]
        refused = self.method.refused(examples)
        lines = self._lines([example for example in examples if example.id not in refused], refused)
        asked = [example for example in examples if example.id not in refused]
        cells = self.shape.cells([lines[example.id] for example in asked], asked)
        by_id = dict(zip((example.id for example in asked), cells, strict=True))
        return [_answer(record, by_id, refused) for record in records]

    def _record(self, number: int, row: dict[str, Any]) -> Record:
        # Ids belong to one client; rows of several are answered together, and none of them is a row of the pool.
        record = self._examiner.examined(Record(number, number + 1, row))
        example = record.example and replace(record.example, id=f"row {number} of the batch")
        return replace(record, example=example)

    def explain(self, asked: Sequence[Asked]) -> list[Answer]:
        """Why each row is decided as it is: ``explanation`` as ``promptsci explain`` gives it, or ``error``."""
        return [self._explained(dict(row), label) for row, label in asked]

    def _explained(self, row: dict[str, Any], label: str | None) -> Answer:
        assert self.explainer is not None, "only what can be explained is asked for"
        record = self._record(0, row)
        if record.example is None:
            return {"explanation": None, "error": record.reason}
        try:
            (question,) = self.explainer.questioner.questions([record.example])
            named = replace(question, example=replace(record.example, id=_name(row)))
            explained, _ = self.explainer.explain(named, Request(BUDGET, label))
        except PromptError as error:
            return {"explanation": None, "error": _of_row(error.what, record.example.id)}
        except SpecError:
            names = self.explainer.questioner.assembler.names(record.example)
            return {"explanation": None, "error": f"there is no label '{label}': it is one of {', '.join(names)}"}
        return {"explanation": explained.to_json(), "error": None}

    def _lines(self, examples: Sequence[Example], refused: dict[str, str]) -> dict[str, Row]:
        references = self.method.rule in NEEDS_REFERENCES
        try:
            return {row["id"]: row for row in self.method.at_once(examples, references=references)}
        except PromptError:
            found = self.method.refused(examples, surely=True)
            if not found:
                raise
            refused |= found
            return self._lines([example for example in examples if example.id not in found], refused)


def _answer(record: Record, cells: Mapping[str, Answer], refused: Mapping[str, str]) -> Answer:
    if record.example is None:
        return {"answer": None, "error": record.reason}
    name = record.example.id
    if name in refused:
        return {"answer": None, "error": _of_row(refused[name], name)}
    return {"answer": cells[name], "error": None}


def _of_row(what: str, name: str) -> str:
    """A reason without the id, which nobody but the server knows."""
    return what.replace(f"example {name}", "the row")


def _name(row: Mapping[str, Any]) -> str:
    """The id by which random words are drawn: the client's own, or that of a text of one's own."""
    given = row.get(ID)
    return str(given) if isinstance(given, str | int) and not isinstance(given, bool) else TEXT_ID


def prepare_engine(method: Method, root: Path, error: float, watcher: Watcher | None = None) -> Engine:
    """A method that is loaded, calibrated and warm.

    Raises:
        DataError: the rule needs labelled rows, and there are none.
        PromptsciError: something cannot be read or loaded.
    """
    if method.rule == "batch" and method.known_split is None:
        raise DataError(
            "the batch rule decides a row in the light of others; without labelled rows there are none",
            fix="Take another rule, such as --rule sum, or name labelled rows with labelled=PATH or --calibrate-on.",
        )
    known = method.known_run(root, watcher) if method.known_split else None
    shape = shape_of(method.task, method.facts, method.rule, known, error)
    if isinstance(shape, Choices) and shape.known is not None:
        shape.prior = shape.known.prior
    split = method.dataset.splits[method.known_split] if method.known_split else None
    first = next((each for each in split.examples if not method.refused([each])), None) if split else None
    warm = method.warm_up(first)
    try:
        explainer, why_not = method.explainer(known), None
    except RunError as cannot:
        explainer, why_not = None, cannot.what
    return Engine(method, shape, known.path if known else None, explainer, why_not, warm)

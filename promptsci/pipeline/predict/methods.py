"""What labels rows: a prompted or tuned language model, or a classifier that reads no prompt; both with one face."""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from promptsci.data import Example
from promptsci.errors import PromptError
from promptsci.explain import RunOdds
from promptsci.lm import LM
from promptsci.pipeline.classifier import PreparedClassifier
from promptsci.pipeline.classify import classifier_folder, classify
from promptsci.pipeline.explainer import Explainer, no_prompt
from promptsci.pipeline.prepare import Prepared
from promptsci.pipeline.ready import Basis, Ready
from promptsci.pipeline.run import LMs, Watcher, folder_of, run
from promptsci.pipeline.window import Window, WrittenWindow, windows
from promptsci.runs import Row, RunFolder
from promptsci.tune import Fitted


class Method(Basis, Protocol):
    """Answers rows; ``dataset`` are the labelled ones, shown or learned from, and those whose answers calibrate."""

    @property
    def known_split(self) -> str | None:
        """The split whose answers calibrate; None where there is none."""
        ...

    def about(self) -> dict[str, Any]:
        """What a result says of it: method, template, model, adapter, shots."""
        ...

    def notes(self) -> list[str]:
        """What a result must say."""
        ...

    def known_run(self, root: Path, watcher: Watcher | None) -> RunFolder:
        """The finished Run on the labelled rows that calibrate, made now or found."""
        ...

    def refused(self, examples: Sequence[Example], *, surely: bool = False) -> dict[str, str]:
        """Example id -> why it cannot be asked about; ``surely`` looks as hard as asking itself would."""
        ...

    def lines(self, examples: Sequence[Example], done: Set[str]) -> Iterator[Row]:
        """Yields a line of predictions.jsonl for each example that is not done, in no certain order.

        Raises:
            PromptError: one of them cannot be asked about.
        """
        ...

    def at_once(self, examples: Sequence[Example], *, references: bool) -> Iterator[Row]:
        """Yields the line of each example, few as they are, in no certain order; references only where needed.

        Raises:
            PromptError: one of them cannot be asked about.
        """
        ...

    def warm_up(self, example: Example | None) -> int:
        """Loads what answers, and keeps what prompts like the example's share; how many tokens that is."""
        ...

    def explainer(self, known: RunFolder | None) -> Explainer:
        """What explains its answers, with the Run on labelled rows, whose means the ``batch`` rule needs.

        Raises:
            RunError: its answers cannot be explained.
        """
        ...

    def computed(self) -> int:
        """Tokens that have gone through a model."""
        ...


class _OfPrepared:
    """What a prepared run says of its method."""

    prepared: Ready

    def __post_init__(self) -> None:
        self.task = self.prepared.task
        self.facts = self.prepared.facts
        self.dataset = self.prepared.dataset
        self.rule = self.prepared.rule
        self.pool_name = self.prepared.pool_name


@dataclass
class PromptMethod(_OfPrepared):
    """A language model that is prompted, with or without an adapter or weights tuned for it.

    Args:
        prepared: the run on the rows that calibrate; its prompts are those of all rows.
        lms: loads the model, when something is first asked.
        known_split: the split whose answers calibrate; None where there is none.
    """

    prepared: Prepared
    lms: LMs
    known_split: str | None

    @cached_property
    def lm(self) -> LM:
        """The model, loaded."""
        return self.lms.get(self.prepared.model, self.prepared.settings, self.prepared.adapter)

    def about(self) -> dict[str, Any]:
        """What a result says of it."""
        prepared = self.prepared
        return {
            "method": prepared.method,
            "template": prepared.template.name,
            "model": prepared.model.name,
            "adapter": prepared.adapter.to_json() if prepared.adapter else None,
            "shots": prepared.settings.shots,
            "choose": prepared.choose if prepared.settings.shots else None,
            "seed": prepared.seed,
            "format": prepared.format,
        }

    def notes(self) -> list[str]:
        """What a result must say: of the model, as far as it was loaded."""
        return list(self.lm.describe().notes) if "lm" in self.__dict__ else []

    def identity(self) -> dict[str, Any]:
        """All that decides an answer: that of the run, without the rows that it scores."""
        found = self.prepared.identity()
        pool = {self.pool_name} if self.prepared.settings.shots else set()
        data = {name: sha for name, sha in found["data"].items() if name in pool}
        return {**found, "data": data, "split": None, "limit": None}

    def known_run(self, root: Path, watcher: Watcher | None) -> RunFolder:
        """The Run that ``promptsci run split=...`` makes, made now or found."""
        folder = folder_of(self.prepared, root)
        run(self.prepared, folder, self.lms, watcher=watcher)
        return folder

    def refused(self, examples: Sequence[Example], *, surely: bool = False) -> dict[str, str]:
        """Example id -> why no prompt can be made of it."""
        found = {}
        for example in examples:
            problems = self._surely(example) if surely else self.prepared.questioner.check([example])
            if problems:
                found[example.id] = problems[0].what
        return found

    def _surely(self, example: Example) -> list[Any]:
        try:
            self.prepared.questioner.questions([example])
        except PromptError as error:
            return [error]
        return []

    def lines(self, examples: Sequence[Example], done: Set[str]) -> Iterator[Row]:
        """Yields what the same windows of a run would yield."""
        part = replace(self.prepared, examples=tuple(examples), seen=frozenset())
        for window in windows(part, set(done)):
            yield from window.ask(self.lm)

    def at_once(self, examples: Sequence[Example], *, references: bool) -> Iterator[Row]:
        """Yields what one window over all of them yields."""
        questions = self.prepared.questioner.questions(examples)
        if not references:
            questions = [replace(question, premise=None, content_free=()) for question in questions]
        window = WrittenWindow if self.prepared.writing else Window
        yield from window(self.prepared, questions, set()).ask(self.lm)

    def warm_up(self, example: Example | None) -> int:
        """Loads the model and keeps the prompt of the example read; written answers keep nothing."""
        lm = self.lm
        if example is None or self.prepared.writing:
            return 0
        return lm.keep_warm(self.prepared.questioner.questions([example])[0].query)

    def explainer(self, known: RunFolder | None) -> Explainer:
        """What explains its answers.

        Raises:
            RunError: they are no choices.
        """
        odds = RunOdds(self.rule, list(known.rows()) if known else [], self.facts)
        return Explainer(self.lm, self.prepared.questioner, odds)

    def computed(self) -> int:
        """Tokens that have gone through the model."""
        return self.lm.tokens.computed if "lm" in self.__dict__ else 0


@dataclass
class LearnedMethod(_OfPrepared):
    """A classifier that reads no prompt, fitted or read from where it was trained.

    Args:
        prepared: the run on the rows that calibrate.
        home: a folder for what a fit must keep.
        known_split: the split whose answers calibrate; None where there is none.
        remarks: what a result must say.
    """

    prepared: PreparedClassifier
    home: Path
    known_split: str | None
    remarks: tuple[str, ...] = ()

    @cached_property
    def fitted(self) -> Fitted:
        """The classifier, fitted."""
        return self.prepared.classifier.fit(self.prepared.lessons, self.home)

    def about(self) -> dict[str, Any]:
        """What a result says of it."""
        template, model = self.prepared.template, self.prepared.model
        return {
            "method": self.prepared.method,
            "template": template.name if template else None,
            "model": model.name if model else None,
            "adapter": None,
            "shots": 0,
            "choose": None,
            "seed": self.prepared.seed,
            "format": None,
        }

    def notes(self) -> list[str]:
        """What a result must say."""
        fitted = self.fitted.notes if "fitted" in self.__dict__ else ()
        return [*self.prepared.notes, *self.remarks, *fitted]

    def identity(self) -> dict[str, Any]:
        """All that decides an answer."""
        return {**self.prepared.identity(), "limit": None}

    def known_run(self, root: Path, watcher: Watcher | None) -> RunFolder:
        """The Run that this classifier makes on the rows that calibrate, made now or found."""
        folder = classifier_folder(self.prepared, root)
        classify(self.prepared, folder, watcher=watcher)
        return folder

    def refused(self, examples: Sequence[Example], *, surely: bool = False) -> dict[str, str]:  # noqa: ARG002
        """Example id -> why its text cannot be made."""
        found = {}
        for example in examples:
            try:
                self.prepared.read(example)
            except PromptError as error:
                found[example.id] = error.what
        return found

    def lines(self, examples: Sequence[Example], done: Set[str]) -> Iterator[Row]:
        """Yields answers; all are made, so that no batch depends on what is done."""
        texts = [self.prepared.read(example) for example in examples]
        for example, answer in zip(examples, self.fitted.answers(texts) if texts else (), strict=True):
            if example.id not in done:
                yield {"id": example.id, **answer}

    def at_once(self, examples: Sequence[Example], *, references: bool) -> Iterator[Row]:  # noqa: ARG002
        """Yields log-probabilities."""
        return self.lines(examples, frozenset())

    def warm_up(self, example: Example | None) -> int:  # noqa: ARG002 - nothing is shared between texts
        """Fits or reads the classifier."""
        assert self.fitted is not None
        return 0

    def explainer(self, known: RunFolder | None) -> Explainer:  # noqa: ARG002 - no prompt, no explanation
        """Nothing.

        Raises:
            RunError: no prompt is read.
        """
        raise no_prompt(self.prepared.method)

    def computed(self) -> int:
        """Tokens that have gone through a model."""
        return self.fitted.computed if "fitted" in self.__dict__ else 0

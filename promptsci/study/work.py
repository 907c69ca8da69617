"""One run of a study: a method with a seed, prepared, so that what is wrong is found before the first one starts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from promptsci.lm import trie
from promptsci.pipeline import LMs, Prepared, classifier_folder, classify, folder_of, run
from promptsci.pipeline.classifier import PreparedClassifier
from promptsci.pipeline.stage import Stage
from promptsci.pipeline.tune import tune
from promptsci.pipeline.tune_head import tune_head
from promptsci.pipeline.tuning import PreparedTune
from promptsci.prompt import Query
from promptsci.runs import RunFolder
from promptsci.study.estimate import Effort

SAMPLED = 64
"""Rows whose prompts are looked at for an estimate."""
TRAIN_PASSES = 3
"""A training step reads its tokens once forward and, for the gradient, about twice more."""

COUNTING_S = 4.0
"""Of a bag of words on a thousand rows, settings tried out."""
HEAD_EPOCHS = 20
CHARACTERS_A_TOKEN = 4

WatchRun = Callable[[str], AbstractContextManager[Any]]
"""A context manager that gives the watcher of what has this title."""


@dataclass(frozen=True)
class Means:
    """With what a study works.

    Attributes:
        root: the folder of all runs.
        lms: loads models, each once.
        watch_run: watches a run.
        watch_tuning: watches a training.
        fresh: forget what earlier calls have stored.
    """

    root: Path
    lms: LMs
    watch_run: WatchRun
    watch_tuning: WatchRun
    fresh: bool = False


class Work(Protocol):
    """One run of a study."""

    @property
    def method(self) -> str:
        """The method, as it was asked for."""
        ...

    @property
    def seed(self) -> int:
        """The seed of all that is drawn."""
        ...

    def stored(self, root: Path) -> RunFolder | None:
        """The finished Run, where there is one."""
        ...

    def effort(self) -> Effort:
        """What the run takes, as far as that can be told before it starts."""
        ...

    def do(self, means: Means) -> RunFolder:
        """Makes the Run, or goes on with it.

        Raises:
            PromptsciError: it cannot be made.
            Interrupted: stopped by the keyboard; the same command goes on.
        """
        ...


def finished(folder: RunFolder) -> RunFolder | None:
    """The Run if it is whole and judged."""
    return folder if folder.is_whole and folder.scores_path.is_file() else None


@dataclass(frozen=True)
class Prompting:
    """A prompted model: zero-shot or few-shot."""

    method: str
    prepared: Prepared

    @property
    def seed(self) -> int:
        """Of shots."""
        return self.prepared.settings.seed

    def stored(self, root: Path) -> RunFolder | None:
        """The finished Run, where there is one."""
        return finished(folder_of(self.prepared, root))

    def effort(self) -> Effort:
        """Tokens of all rows, from the tries of some."""
        return Effort(self.prepared.model.name, self.prepared.model.path, tokens_of(self.prepared))

    def do(self, means: Means) -> RunFolder:
        """Scores the rows."""
        folder = folder_of(self.prepared, means.root)
        with means.watch_run(f"{self.prepared.task.name} {self.method} seed {self.seed}") as watcher:
            run(self.prepared, folder, means.lms, fresh=means.fresh, watcher=watcher)
        return folder


@dataclass(frozen=True)
class Tuning:
    """A tuned model: an adapter, or the weights themselves."""

    method: str
    prepared: PreparedTune

    @property
    def seed(self) -> int:
        """Of everything that training draws."""
        return self.prepared.settings.run.seed

    def stored(self, root: Path) -> RunFolder | None:
        """The finished Run with the tuned weights, where there is one."""
        folder = self.prepared.folder(root)
        record = folder.read() if folder.exists else {}
        if record.get("state") != "done":
            return None
        # The folder of runs may have been moved since: only the name of the run is taken.
        return finished(RunFolder(root / self.prepared.run.task.name / Path(record["runs"][-1]).name))

    def effort(self) -> Effort:
        """Tokens of all epochs, of the examinations between them, and of the closing runs."""
        lessons, recipe = self.prepared.lessons, self.prepared.recipe
        sample = [lesson.query for lesson in lessons[: max(recipe.batch, 1)]]
        a_lesson = distinct_tokens(sample) / max(len(sample), 1)
        examined = a_lesson * len(self.prepared.validation) * (recipe.epochs + 1)
        learned = TRAIN_PASSES * a_lesson * len(lessons) * recipe.epochs
        model = self.prepared.run.model
        return Effort(model.name, model.path, int(learned + examined) + 2 * tokens_of(self.prepared.run))

    def do(self, means: Means) -> RunFolder:
        """Trains, and closes with a run."""
        name = f"{self.prepared.run.task.name} {self.method} seed {self.seed}"
        stage = Stage(
            means.root,
            means.lms,
            means.fresh,
            lambda: means.watch_tuning(name),
            lambda one: means.watch_run(f"{one.task.name} {one.method}"),
        )
        tune(self.prepared, stage)
        folder = self.stored(means.root)
        assert folder is not None, "a tuning ends with a run"
        return folder


@dataclass(frozen=True)
class Classifying:
    """A method that reads no prompt: majority, a bag of words, a classifier head."""

    method: str
    prepared: PreparedClassifier

    @property
    def seed(self) -> int:
        """Of all that is random."""
        return self.prepared.seed

    def stored(self, root: Path) -> RunFolder | None:
        """The finished Run, where there is one."""
        return finished(classifier_folder(self.prepared, root))

    def effort(self) -> Effort:
        """Seconds of counting words; for a head, tokens of all epochs by the length of texts."""
        model, lessons = self.prepared.model, self.prepared.lessons
        if model is None:
            return Effort("", None, 0, COUNTING_S * (1 + len(lessons.whole) / 1000))
        characters = sum(map(len, lessons.whole.texts)) * HEAD_EPOCHS * TRAIN_PASSES
        scored = sum(len(self.prepared.read(example)) for example in self.prepared.examples)
        return Effort(f"{model.name} (head)", model.path, (characters + scored) // CHARACTERS_A_TOKEN)

    def do(self, means: Means) -> RunFolder:
        """Learns, and scores the rows."""
        folder = classifier_folder(self.prepared, means.root)
        with means.watch_run(f"{self.prepared.task.name} {self.method} seed {self.seed}") as watcher:
            if self.prepared.model is not None:
                tune_head(self.prepared, means.root, fresh=means.fresh, watcher=watcher)
            else:
                classify(self.prepared, folder, fresh=means.fresh, watcher=watcher)
        return folder


def tokens_of(prepared: Prepared) -> int:
    """Tokens that scoring all rows takes, about: what the first rows share, and a straight line through the others."""
    rows = prepared.examples
    sample = prepared.questioner.questions(rows[:SAMPLED])
    queries = [[query for query in question.queries()] for question in sample]
    whole = distinct_tokens([query for each in queries for query in each])
    if len(rows) <= SAMPLED:
        return whole
    half = distinct_tokens([query for each in queries[: SAMPLED // 2] for query in each])
    return whole + int((whole - half) / (SAMPLED - SAMPLED // 2) * (len(rows) - SAMPLED))


def distinct_tokens(queries: Sequence[Query]) -> int:
    """Nodes of the trie of all (prompt, choice) sequences; prompts whose answers are written count by themselves."""
    scored = [trie.Asked(query.ids, query.choice_ids) for query in queries if query.choice_ids]
    written = sum(len(query.ids) for query in queries if not query.choice_ids)
    return (trie.build(scored).n_distinct if scored else 0) + written

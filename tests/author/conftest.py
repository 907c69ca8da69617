"""A desk: a sound task with a wording and rows, which a test spoils in one place."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

from promptsci.author.check import Finding, Report, Request, check
from promptsci.lm import Reader
from promptsci.spec import Catalog

TASK = """name: verdicts
title: Does the reviewer like the paper?
kind: classification
domain: reviews
paper: nobody 2020
licence: CC0-1.0
data:
  own:
    files: {train: train.jsonl, test: test.jsonl}
    about: rows for tests
fields: {text: text}
label: {column: label, values: [good, bad, mixed]}
metrics: [macro_f1, accuracy]
shots: {from: train, choose: random}
"""
TEMPLATE = """---
about: A plain question.
choices:
  good: praise
  bad: blame
  mixed: both
---
{% block instruction %}
What does the reviewer give?
Answer with one of: {{ choices | join(", ") }}.
{% endblock %}
{% block input %}
Review: {{ text }}
It is
{% endblock %}
{% block target %}{{ choice }}{% endblock %}
"""
LABELS = ("good", "bad", "mixed")
FILES = {"task.yaml": "tasks/verdicts/task.yaml", "plain.jinja": "templates/verdicts/plain.jinja"}


def rows(n: int, topic: str) -> list[dict]:
    """Labelled rows, the labels in turn."""
    return [{"id": f"{topic}-{i}", "text": f"The {topic} number {i}.", "label": LABELS[i % 3]} for i in range(n)]


def jsonl(found: list[dict]) -> str:
    """Rows as JSON lines."""
    return "".join(json.dumps(row) + "\n" for row in found)


class Desk:
    """A catalogue with one task."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for name, text in (("task.yaml", TASK), ("plain.jinja", TEMPLATE)):
            self.write(name, text)
        self.write_rows("train", rows(24, "proof"))
        self.write_rows("test", rows(24, "table"))

    def path(self, name: str) -> Path:
        """The file that a short name stands for."""
        return self.root / FILES.get(name, f"tasks/verdicts/{name}" if "/" not in name else name)

    def write(self, name: str, text: str | bytes) -> Path:
        """A file of the desk, written anew."""
        path = self.path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    def write_rows(self, split: str, found: list[dict]) -> Path:
        """The rows of a split."""
        return self.write(f"{split}.jsonl", jsonl(found))

    def edit(self, name: str, old: str, new: str) -> None:
        """The one place of a file where ``old`` stands, changed."""
        text = self.path(name).read_text(encoding="utf-8")
        assert text.count(old) >= 1, f"{name} does not hold {old!r}"
        self.write(name, text.replace(old, new, 1))

    def check(self, reader: Reader | None = None, **asked: object) -> Report:
        """What check says of the desk alone."""
        return check(Catalog((self.root,)), Request(reader=reader, **asked))

    def line(self, name: str, text: str) -> int:
        """The line of a file on which a text stands."""
        lines = self.path(name).read_text(encoding="utf-8").split("\n")
        return next(number for number, line in enumerate(lines, start=1) if text in line)


def codes(report: Report) -> list[str]:
    """The codes that were found."""
    return [finding.code for finding in report.findings]


def said(findings: list[Finding]) -> str:
    """The findings as one text, for a message."""
    return "\n".join(f"{finding.place} {finding.code} {finding.what}" for finding in findings)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """A sound desk."""
    return Desk(tmp_path)


MakeReader = Callable[..., Reader]


def _bytes_of(word: str) -> str:
    """A word as byte-level vocabularies spell it."""
    ((spelled, _),) = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False).pre_tokenize_str(word)
    return spelled


def _byte_level(merges: list[tuple[str, str]]) -> Tokenizer:
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: number for number, token in enumerate([*alphabet, *("".join(pair) for pair in merges)])}
    made = Tokenizer(models.BPE(vocab=vocabulary, merges=merges))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    made.decoder = decoders.ByteLevel()
    return made


@pytest.fixture(scope="session")
def make_reader(tmp_path_factory: pytest.TempPathFactory) -> MakeReader:
    """A Reader whose tokens are these merges of bytes, with a context and a chat template where they are given.

    ``words`` are tokens of their own, ``control`` are control tokens.
    """

    def make(
        *,
        words: tuple[str, ...] = (),
        control: tuple[str, ...] = (),
        context: int | None = None,
        chat: str | None = None,
    ) -> Reader:
        merges: list[tuple[str, str]] = []
        for word in words:
            spelled = _bytes_of(word)
            merges += [(spelled[:end], spelled[end]) for end in range(1, len(spelled))]
        made = _byte_level(list(dict.fromkeys(merges)))
        made.add_special_tokens([AddedToken(token, special=True) for token in control])
        folder = tmp_path_factory.mktemp("reader")
        made.save(str(folder / "tokenizer.json"))
        if context is not None:
            (folder / "config.json").write_text(json.dumps({"max_position_embeddings": context}))
        if chat is not None:
            (folder / "chat_template.jinja").write_text(chat)
        return Reader("made-up", folder)

    return make

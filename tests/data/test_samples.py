"""The bundled samples: whole, sound, without repeats, and as their READMEs describe them."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from promptsci.data import integrity, read_dataset
from promptsci.spec import Catalog, Task
from promptsci.spec.catalog import shipped_root

CATALOG = Catalog((shipped_root(),))
SAMPLES = [task for task in map(CATALOG.task, CATALOG.task_names()) if "bundled" in task.data]
SPLITS = ("train", "validation", "test")
RUN = 7
"""Words in a row that two texts of a sample must not share."""


def rows(name: str, file: str) -> list[dict[str, Any]]:
    """The rows of a bundled file."""
    text = (shipped_root() / "tasks" / name / f"{file}.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def all_rows(name: str) -> list[dict[str, Any]]:
    """The rows of all splits."""
    return [row for split in SPLITS for row in rows(name, split)]


def test_each_kind_can_be_tried_without_a_network() -> None:
    """Every kind of task, and both forms of extraction and generation, have a sample of 60 to 360 rows."""
    forms = {task.form for task in SAMPLES}

    assert forms == {"label", "labels", "options", "number", "spans", "record", "references", "phrases", "relevance"}
    assert all(60 <= len(all_rows(task.name)) <= 360 for task in SAMPLES if task.data["bundled"].files == FILES)


FILES = {"train": "train.jsonl", "validation": "validation.jsonl", "test": "test.jsonl"}


@pytest.mark.parametrize("task", SAMPLES, ids=[task.name for task in SAMPLES])
def test_a_sample_is_sound(task: Task) -> None:
    """No row repeats another, in its split or across; all are labelled; counts are those in task.yaml; CC0."""
    dataset = read_dataset(task)
    found = integrity(dataset, task.labels)

    assert {name: split.rows for name, split in found.splits.items()} == task.data["bundled"].rows
    assert all((split.duplicates, split.blank, split.unlabelled) == (0, 0, 0) for split in found.splits.values())
    assert all(overlap.rows == 0 for overlap in found.overlaps)
    assert task.licence == "CC0-1.0 (bundled data)"


@pytest.mark.parametrize("task", SAMPLES, ids=[task.name for task in SAMPLES])
def test_a_sample_says_how_it_was_made(task: Task) -> None:
    """A README beside it tells of its making and its limits, and counts the rows of each file."""
    text = (task.folder / "README.md").read_text(encoding="utf-8")
    if task.data["bundled"].files != FILES and task.form == "phrases":
        assert "](../abstract-summary/README.md)" in text
        return
    assert "## How it was made" in text
    assert "imits\n" in text
    for split in SPLITS:
        assert re.search(rf"`{split}\.jsonl` \| {len(rows(task.name, split))}\b", text), split


@pytest.mark.parametrize(
    ("name", "column"),
    [
        ("evidence-types", "text"),
        ("science-questions", "question"),
        ("measurements", "text"),
        ("abstract-summary", "text"),
        ("synthesis-recipes", "text"),
    ],
)
def test_no_two_texts_are_alike(name: str, column: str) -> None:
    """No run of seven words stands in two rows: nothing was made from a sentence with slots."""
    seen: dict[tuple[str, ...], str] = {}
    for row in all_rows(name):
        words = re.findall(r"\w+", row[column].lower())
        for run in {tuple(words[i : i + RUN]) for i in range(len(words) - RUN + 1)}:
            assert seen.setdefault(run, row["id"]) == row["id"], " ".join(run)


def test_letters_are_right_equally_often() -> None:
    """In each file every letter is right as often as the others, and length does not give the answer away."""
    for split in SPLITS:
        found = rows("science-questions", split)
        assert set(Counter(row["answer"] for row in found).values()) == {len(found) // 4}
    test = rows("science-questions", "test")
    longest = [max(range(4), key=lambda i, row=row: len(row["options"][i])) for row in test]
    given_away = sum("ABCD"[place] == row["answer"] for place, row in zip(longest, test, strict=True))
    assert given_away / len(test) < 0.35


def test_powers_are_those_of_the_values() -> None:
    """Each answer is the decimal logarithm of the value beside it, to one decimal."""
    for row in all_rows("orders-of-magnitude"):
        assert row["power"] == pytest.approx(math.log10(row["value"]), abs=0.0501), row["quantity"]


def test_spans_begin_and_end_with_words() -> None:
    """No span begins or ends in white space or inside a word, and each quantity holds a digit."""
    for row in all_rows("measurements"):
        for span in row["spans"]:
            words = row["text"][span["start"] : span["end"]]
            assert words == words.strip()
            assert not re.match(r"\w\w", row["text"][max(span["start"] - 1, 0) : span["start"] + 1])
            assert span["type"] != "Quantity" or re.search(r"\d", words)


def test_records_are_found_in_their_texts() -> None:
    """Product, precursors and temperature of a record stand in the text as they are."""
    for row in all_rows("synthesis-recipes"):
        record, text = row["record"], row["text"].lower()
        said = [record["product"], *record["precursors"], *([str(t)] if (t := record.get("temperature_c")) else [])]
        assert [words for words in said if words.lower() not in text] == [], row["id"]


def test_questions_have_an_answer() -> None:
    """Each question has a document that is judged relevant, and is judged in one split only."""
    questions = {row["id"] for row in rows("abstract-search", "queries")}
    judged = {split: {row["query_id"] for row in rows("abstract-search", split)} for split in SPLITS}
    relevant = {row["query_id"] for row in all_rows("abstract-search") if row["relevance"] >= 1}

    assert relevant == questions == set().union(*judged.values())
    assert sum(map(len, judged.values())) == len(questions)


def test_samples_are_small_enough_to_read() -> None:
    """No bundled file is larger than 60 KB."""
    sizes = {path: path.stat().st_size for path in Path(shipped_root() / "tasks").glob("*/*.jsonl")}

    assert max(sizes.values()) < 60_000

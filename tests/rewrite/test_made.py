from __future__ import annotations

from collections.abc import Sequence

import pytest

from promptsci.data import Example
from promptsci.rewrite import Edits, Made, Sieve, Written, digest
from promptsci.rewrite.made import LABEL_PRESERVING, made_of
from promptsci.spec import Catalog, Task
from promptsci.spec.catalog import shipped_root

TEXT = "We follow the parser of Collins (1997) , e.g. on 10,000 sentences ( Och , 2003 ) , and reach 95 % of it ."


@pytest.fixture(scope="module")
def task() -> Task:
    """A task with one text field."""
    return Catalog((shipped_root(),)).task("citation-intent")


def row(name: str, text: str = TEXT, gold: str = "Uses") -> Example:
    """A labelled row."""
    return Example(name, {"text": text}, gold)


def test_an_edited_row_names_its_parent_and_its_edits(task: Task) -> None:
    """One or two edits by name; the label is the parent's, the id its own, and another turn makes another row."""
    (first,), (again,), (second,) = (Edits(task, 0).make([row("a")], turn) for turn in (0, 0, 1))

    assert first == again
    assert first.example.id != second.example.id
    assert (first.parent, first.example.gold) == ("a", "Uses")
    names = first.how.removeprefix("edits: ").split(", ")
    assert 1 <= len(names) <= 2
    assert set(names) <= set(LABEL_PRESERVING)
    assert first.example.fields["text"] != TEXT


def test_only_prose_is_written_anew(task: Task) -> None:
    """A model sees the texts that are prose and no other, and its answer becomes one line."""
    seen: list[str] = []

    def write(texts: Sequence[str], seed: int) -> list[str]:
        seen.extend(texts)
        return [f"anew\n{seed}  {text}" for text in texts]

    made = Written("paraphrase", task, write).make([row("a"), row("b", "CCO")], 3)

    assert seen == [TEXT]
    assert made[0].example.fields["text"] == f"anew 3 {TEXT}"
    assert made[1].example.fields["text"] == "CCO"
    assert [(one.parent, one.how) for one in made] == [("a", "paraphrase"), ("b", "paraphrase")]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (TEXT, "unchanged"),
        (TEXT.upper(), None),
        ("  ", "empty"),
        ("Another TRAIN row", "repeats a text"),
        ("a  TEST row", "repeats a text of another split"),
        (f"{TEXT} << new >>", "lost its marked entities"),
        ("Something new", None),
    ],
)
def test_only_new_texts_pass_the_sieve(text: str, why: str | None) -> None:
    """A test row's text is never made, whatever its case and spaces; a row's own text in other letters may be."""
    parent = row("a")
    sieve = Sieve([parent, row("b", "another train row")], [row("t", "A test row")])

    assert sieve.why_not(parent, made_of(parent, {"text": text}, "paraphrase", 0)) == why


def test_a_text_of_another_split_is_not_made_of_its_own_twin() -> None:
    """Where a train row stands in test too, not even its capitals are made."""
    parent = row("a", "the same text")
    sieve = Sieve([parent], [row("t", "The same text")])

    assert sieve.why_not(parent, made_of(parent, {"text": "THE SAME TEXT"}, "edits", 0)) == (
        "repeats a text of another split"
    )


def test_a_row_is_made_once() -> None:
    """The second of two equal rows is dropped."""
    parent = row("a")
    sieve = Sieve([parent], [])
    made = [made_of(parent, {"text": "new"}, "edits", turn) for turn in (0, 1)]

    assert [sieve.why_not(parent, one) for one in made] == [None, "repeats a text"]


def test_the_digest_tells_made_rows_apart() -> None:
    """Another text, parent or way is another digest."""
    one = made_of(row("a"), {"text": "x"}, "edits", 0)
    others = [made_of(row("b"), {"text": "x"}, "edits", 0), Made(one.example, "a", "paraphrase")]

    assert len({digest([each]) for each in (one, *others)}) == 3

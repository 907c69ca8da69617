from __future__ import annotations

import re
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptsci.data import Example
from promptsci.rewrite import EDITS, is_prose, rewritten
from promptsci.rewrite.edits import KEPT
from promptsci.spec import Catalog
from promptsci.spec.catalog import shipped_root

TEXT = (
    "We follow the parser of Collins (1997) , e.g. on 10,000 sentences ( Och , 2003 ; Smith and Jones , 2001 ) , but "
    "cannot reach 95 % with three models [12, 13] ."
)
MARKED = "Here << aspirin inhibitors >> strongly inhibits [[ cyclooxygenase ]] in several patients, see $x^2$ there."


@pytest.mark.parametrize("name", EDITS)
@given(seed=st.integers())
def test_marked_entities_and_formulas_stay_to_the_letter(name: str, seed: int) -> None:
    """No edit touches what stands between marks, whatever is drawn."""
    found = EDITS[name](MARKED, Random(seed))

    assert all(part in found for part in ("<< aspirin inhibitors >>", "[[ cyclooxygenase ]]", "$x^2$"))


@pytest.mark.parametrize("name", EDITS)
@pytest.mark.parametrize("text", ["CCO", "ACGTACGTACGT", "C1=CC=CC=C1 O", "Aspirin", "", "12 345"])
def test_what_is_no_prose_stays(name: str, text: str) -> None:
    """Molecules, sequences, names and numbers are not rewritten: there every letter counts."""
    assert not is_prose(text)
    assert EDITS[name](text, Random(0)) == text


@pytest.mark.parametrize("name", EDITS)
@given(seed=st.integers())
def test_an_edit_depends_on_what_is_drawn_alone(name: str, seed: int) -> None:
    """The same draw gives the same text."""
    assert EDITS[name](TEXT, Random(seed)) == EDITS[name](TEXT, Random(seed))


@given(seed=st.integers())
def test_typos_are_slips_in_longer_words(seed: int) -> None:
    """One word at least changes, by one letter more or less or two changed over; no word that turns the sense."""
    found = EDITS["typos"](TEXT, Random(seed)).split()

    pairs = [(a, b) for a, b in zip(TEXT.split(), found, strict=True) if a != b]
    assert pairs
    for a, b in pairs:
        assert a not in KEPT
        assert (a[0], a[-1]) == (b[0], b[-1])
        assert abs(len(a) - len(b)) <= 1
        assert sorted(a) == sorted(b) or len(a) != len(b)


@given(seed=st.integers())
def test_case_changes_letters_case_and_nothing_else(seed: int) -> None:
    """Folded, the text is the same."""
    found = EDITS["case"](TEXT, Random(seed))

    assert found != TEXT
    assert found.casefold() == TEXT.casefold()


@given(seed=st.integers())
def test_citations_change_their_style_and_stay_as_many(seed: int) -> None:
    """Author-year becomes numbers and numbers round brackets; the words round them stay."""
    found = EDITS["citations"](TEXT, Random(seed))

    assert re.search(r"Collins \[\d+\] , e\.g\.", found)
    assert re.search(r"sentences \[\d+, \d+\] , but", found)
    assert "models (12, 13) ." in found


@given(seed=st.integers())
def test_references_keep_authors_and_years(seed: int) -> None:
    """Set otherwise, a citation names the same authors and years in the same order."""
    found = EDITS["references"](TEXT, Random(seed))

    assert re.findall(r"[A-Z][a-z]+|\d{4}", found) == re.findall(r"[A-Z][a-z]+|\d{4}", TEXT)


@given(seed=st.integers())
def test_numbers_are_worth_the_same(seed: int) -> None:
    """Read again, each number has its value; a year is no number to be divided."""
    found = EDITS["numbers"](TEXT, Random(seed))

    values = [int(number.replace(",", "")) for number in re.findall(r"\d[\d,]*\d|\d", found.replace("three", "3"))]
    assert [value for value in values if value not in (12, 13)] == [1997, 10000, 2003, 2001, 95, 3]
    assert "10000" in found


@given(seed=st.integers())
def test_abbreviations_are_written_out_and_back(seed: int) -> None:
    """Whichever way is drawn, a form that is there changes, and changing it back gives the text."""
    found = EDITS["abbreviations"](TEXT, Random(seed))

    assert found == TEXT.replace("e.g.", "for example")
    assert EDITS["abbreviations"](found, Random(seed)) == TEXT


def test_only_fields_of_the_task_that_are_texts_are_rewritten() -> None:
    """Numbers, lists and the id stay; what is drawn depends on the example's id."""
    task = Catalog((shipped_root(),)).task("citation-intent")
    example = Example("a", {"text": TEXT, "choices": ["one", "two"], "other": TEXT}, gold="Uses")

    found = rewritten(example, EDITS["typos"], task, "0")

    assert found.fields["text"] != TEXT
    assert (found.id, found.gold) == ("a", "Uses")
    assert (found.fields["choices"], found.fields["other"]) == (["one", "two"], TEXT)
    assert rewritten(example, EDITS["typos"], task, "0") == found
    assert rewritten(Example("b", example.fields), EDITS["typos"], task, "0").fields["text"] != found.fields["text"]

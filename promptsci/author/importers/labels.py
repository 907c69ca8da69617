"""What the rows' labels are and which words stand for them, told from a prompt, from data, or by the person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from promptsci.author.importers.draft import CHOICES, Draft, Lost, only_column, render
from promptsci.author.table import Table


def label_values(column: str, drafts: Sequence[Draft], table: Table | None, given: Sequence[str]) -> list[str]:
    """The values of the label's column: as given, as the data have them, or as the prompts tell.

    Raises:
        Lost: the prompts do not tell all of them.
    """
    if given:
        return list(given)
    told: dict[str, None] = {}
    if table is not None and column in table.columns:
        told = dict.fromkeys(sorted(table.columns[column].counts))
        if len(told) > 1:
            return list(told)
    if any(value.isdecimal() for value in told) and all(draft.is_numbered for draft in drafts):
        return [str(number) for number in range(len(drafts[0].choices))]
    for draft in drafts:
        told |= dict.fromkeys(_told(column, draft))
    wanted = max(len(draft.choices) for draft in drafts)
    if len(told) != wanted or wanted < 2:
        what = f"the values of the label '{column}' are not known: the prompts tell {', '.join(told) or 'none'}"
        raise Lost(what, fix="Give them as --labels a,b, or the rows as data=PATH.")
    return list(told)


def _told(column: str, draft: Draft) -> list[str]:
    if draft.counts_choices:
        return [str(number) for number in range(len(draft.choices))]
    if only_column(draft.target) == column:
        return draft.words
    return draft.constants


def words_of_labels(draft: Draft, column: str, values: Sequence[str]) -> dict[str, str]:
    """Label -> the words that the prompt has for it.

    Raises:
        Lost: two labels have the same words, or one has none.
    """
    words = {value: _word(draft, column, value) for value in values}
    if not all(words.values()) or len(set(words.values())) < len(values):
        said = ", ".join(f"{label}: {word or 'nothing'}" for label, word in words.items())
        raise Lost(f"labels do not have words of their own: {said}", fix="Give the labels as --labels a,b.")
    return words


def _word(draft: Draft, column: str, value: str) -> str:
    number = int(value) if value.isdecimal() else None
    row = {column: value if number is None else number, CHOICES: draft.words}
    return draft.chosen(render(draft.target, row).strip(), draft.words)


def named(values: Sequence[str], names: Sequence[str]) -> tuple[list[str], Mapping[str, str]]:
    """The labels, and how the data's numbers are read where labels have names: the first name stands for 0."""
    if names and not all(value.isdecimal() for value in names):
        return list(names), {str(number): name for number, name in enumerate(names)}
    return list(values), {}

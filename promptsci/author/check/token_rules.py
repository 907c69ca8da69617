"""PS3xx: a wording as one model's tokenizer reads it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from promptsci.author.check.findings import Hit
from promptsci.author.check.rules import rule, rules_of
from promptsci.author.check.sources import Wording
from promptsci.lm import Reader
from promptsci.prompt import Encoder, Prompt, Query

LONGEST = 3
"""A choice may have so many times the tokens of another, and no more."""


@dataclass(frozen=True)
class Reading:
    """One prompt of a wording as a model reads it."""

    wording: Wording
    reader: Reader
    encoder: Encoder
    prompt: Prompt
    query: Query
    names: tuple[str, ...]

    @property
    def answers(self) -> dict[str, tuple[int, ...]]:
        """The token ids of each choice; none where choices differ from row to row, or answers are written."""
        return dict(zip(self.names, self.query.choice_ids, strict=True)) if self.names else {}

    @property
    def rivals(self) -> dict[str, tuple[int, ...]]:
        """Those that a template's author can word; none where labels are asked by themselves: yes stands against no."""
        return {} if self.wording.template.asks_each(self.wording.task) else self.answers

    @property
    def texts(self) -> dict[str, str]:
        """The text of each choice."""
        return dict(zip(self.names, self.prompt.choices, strict=True)) if self.names else {}

    @property
    def who(self) -> str:
        """Who reads, and how: ``smollm2-135m (chat)``."""
        return f"{self.reader.name} ({self.encoder.format})"


def read_prompt(wording: Wording, reader: Reader, prompt: Prompt, names: tuple[str, ...]) -> Reading:
    """The prompt of a wording as a model reads it, in the model's own format.

    Args:
        wording: what is read.
        reader: who reads.
        prompt: of one row.
        names: of the choices, where they are the same in all rows.

    Raises:
        ModelError: the model's chat template refuses it.
        PromptError: an answer has no tokens.
    """
    encoder = Encoder(reader.tokenizer, reader.format(None))
    return Reading(wording, reader, encoder, prompt, encoder.encode([prompt])[0], names)


@rule("PS301", "warning", "a token spans prompt and answer")
def spanning(reading: Reading) -> Iterator[Hit]:
    """The answer begins inside a token, so prompt and answer are read apart, as no text the model has seen was."""
    if reading.encoder.spanning:
        place = reading.wording.at_end("input" if reading.prompt.query else "target")
        yield Hit(
            place,
            f"{reading.who} has a token that holds the prompt's end and the answer's beginning",
            "Let the input block end in a word or a colon.",
        )


@rule("PS302", "warning", "the tokens of one choice begin those of another")
def token_prefix(reading: Reading) -> Iterator[Hit]:
    """The longer can never have the larger summed log-likelihood."""
    for label, ids in reading.rivals.items():
        for other, start in reading.rivals.items():
            if label != other and len(start) < len(ids) and ids[: len(start)] == start:
                yield Hit(
                    reading.wording.at_choice(label),
                    f"to {reading.who} the answer of {label} begins with the whole answer of {other}",
                    "Choose words of which none begins with another, or judge by --rule batch.",
                )


@rule("PS303", "warning", "choices share their first token")
def same_first_token(reading: Reading) -> Iterator[Hit]:
    """Where only the first token of an answer is seen, as with many servers, these choices cannot be told apart."""
    first_with: dict[int, str] = {}
    for label, ids in reading.rivals.items():
        other = first_with.setdefault(ids[0], label)
        is_prefix = ids[: len(reading.rivals[other])] == reading.rivals[other]
        if other != label and not is_prefix and reading.rivals[other][: len(ids)] != ids:
            token = reading.encoder.tokenizer.token(ids[0])
            what = f"to {reading.who} the answers of {other} and {label} both start with '{token}'"
            yield Hit(reading.wording.at_choice(label), what, "Choose words that differ from the start.")


@rule("PS304", "warning", "choices of very different length")
def lengths(reading: Reading) -> Iterator[Hit]:
    """Every token makes a summed log-likelihood smaller: under ``sum`` the longest choice hardly ever wins."""
    counts = {label: len(ids) for label, ids in reading.rivals.items()}
    if not counts:
        return
    label, other = max(counts, key=counts.__getitem__), min(counts, key=counts.__getitem__)
    if counts[label] >= LONGEST * counts[other]:
        what = f"to {reading.who} the answer of {label} is {counts[label]} tokens long, that of {other} {counts[other]}"
        yield Hit(reading.wording.at_choice(label), what, "Choose words of like length, or judge by --rule batch.")


@rule("PS305", "warning", "the tokenizer changes the words")
def not_kept(reading: Reading) -> Iterator[Hit]:
    """What the model reads is not what stands there: unknown characters, or words written another way."""
    for label, ids in reading.answers.items():
        words = reading.texts[label]
        back = reading.encoder.tokenizer.decode(ids)
        if back.split() != words.split():
            what = f"{reading.who} reads the answer of {label}, '{words}', as '{back.strip()}'"
            yield Hit(reading.wording.at_choice(label), what, "Choose words that the model can write.")


@rule("PS306", "warning", "a control token stands in the text")
def control_token(reading: Reading) -> Iterator[Hit]:
    """What marks turns or the end of a text must not stand in it: the model reads the rest as something else."""
    wording, tokenizer = reading.wording, reading.encoder.tokenizer
    for block, text in (("instruction", reading.prompt.instruction), ("input", reading.prompt.query)):
        ids = tokenizer.encode([text])[0].ids
        found = next((number for number in ids if number in tokenizer.special_ids), None)
        if found is not None:
            token = tokenizer.token(found)
            line = next((n for n, text in enumerate(wording.lines, 1) if token in text), None)
            place = wording.at(line, token) if line is not None else wording.at_start(block)
            yield Hit(place, f"the {block} holds '{token}', a control token of {reading.reader.name}", "Remove it.")


RULES = rules_of(globals())

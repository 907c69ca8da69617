"""What is asked about one example: its own prompt, and the reference prompts that calibrated decision rules need."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from promptsci.data import Example
from promptsci.errors import PromptError, PromptsciError
from promptsci.prompt.assembly import CONTENT_FREE, Assembler, Prompt, content_free
from promptsci.prompt.shots import Chooser
from promptsci.prompt.tokens import Encoder, Query


@dataclass(frozen=True, slots=True)
class Question:
    """An example with all that is asked of the model about it.

    Attributes:
        example: what is asked about.
        shots: the shots that are shown, farthest first.
        n_dropped: shots left out because the context is full.
        query: the prompt and its choices.
        premise: the query's form with empty fields, no instruction and no shots; None where nothing is left of it.
        content_free: the same prompt with content-free fillings; empty where the template cannot be rendered with them.
    """

    example: Example
    shots: tuple[Example, ...]
    n_dropped: int
    query: Query
    premise: Query | None
    content_free: tuple[Query, ...]

    def queries(self) -> list[Query]:
        """All queries, the example's own first."""
        return [self.query, *([self.premise] if self.premise else []), *self.content_free]


class References(NamedTuple):
    """Prompts that calibrate an example's prompt."""

    premise: Prompt | None
    content_free: tuple[Prompt, ...]


class Questioner:
    """Makes Questions: chooses shots, drops the farthest when the context is full, adds the references."""

    def __init__(self, assembler: Assembler, encoder: Encoder, chooser: Chooser, context: int) -> None:
        self.assembler = assembler
        self.encoder = encoder
        self.chooser = chooser
        self.context = context

    def questions(self, examples: Sequence[Example]) -> list[Question]:
        """The Question of each example.

        Raises:
            PromptError: an example does not fit the context even without shots, or cannot be rendered.
        """
        shots = [tuple(self.chooser.shots(example)) for example in examples]
        prompts = [self.assembler.prompt(example, chosen) for example, chosen in zip(examples, shots, strict=True)]
        queries = self.encoder.encode(prompts)
        fitted = [self._fit(*each) for each in zip(examples, shots, prompts, queries, strict=True)]
        references = [self._references(example, prompt) for example, (_, prompt, _) in zip(examples, fitted, strict=True)]
        encoded = iter(self.encoder.encode([prompt for each in references for prompt in (each.premise, *each.content_free) if prompt]))
        return [
            Question(example, kept, len(chosen) - len(kept), query, next(encoded) if each.premise else None,
                     tuple(next(encoded) for _ in each.content_free))
            for example, chosen, (kept, _, query), each in zip(examples, shots, fitted, references, strict=True)
        ]  # fmt: skip

    def check(self, examples: Sequence[Example]) -> list[PromptsciError]:
        """Reasons why examples cannot be asked about at all, found without a model.

        Only rows whose text might be too long are tokenised: a token holds at least one byte.
        """
        problems: list[PromptsciError] = []
        for example in examples:
            try:
                prompt = self.assembler.prompt(example)
            except PromptError as error:
                problems.append(PromptError(f"example {example.id}: {error.what}", where=error.where, fix=error.fix))
            else:
                n_bytes = len(self.encoder.text(prompt).encode()) + max(len(words.encode()) + 1 for words in prompt.choices)
                if n_bytes + len(self.encoder.tokenizer.start_ids) > self.context:
                    problems += self._too_long(example, prompt)
            if len(problems) == 5:
                break
        return problems

    def _too_long(self, example: Example, prompt: Prompt) -> list[PromptsciError]:
        n_tokens = _length(self.encoder.encode([prompt])[0])
        if n_tokens <= self.context:
            return []
        return [PromptError(f"example {example.id} needs {n_tokens:,} tokens without any shot; the model holds {self.context:,}",
                            fix="Shorten the text, leave the row out, or use a model with a longer context.")]  # fmt: skip

    def _fit(self, example: Example, shots: tuple[Example, ...], prompt: Prompt, query: Query) -> tuple[tuple[Example, ...], Prompt, Query]:
        """The nearest shots that fit the context with the query: the farthest are left out first."""
        low = 0 if _length(query) <= self.context else 1
        high = len(shots)
        if low and not high:
            raise self._too_long(example, prompt)[0]
        while low and low < high:  # the smallest number of shots left out that fits, by bisection
            middle = (low + high) // 2
            fits = _length(self.encoder.encode([prompt.with_shots(prompt.shots[middle:])])[0]) <= self.context
            low, high = (low, middle) if fits else (middle + 1, high)
        if low:
            prompt = prompt.with_shots(prompt.shots[low:])
            query = self.encoder.encode([prompt])[0]
        return shots[low:], prompt, query

    def _references(self, example: Example, prompt: Prompt) -> References:
        try:
            empty = self.assembler.query(content_free(example, ""))
            fillings = tuple(
                replace(prompt, query=self.assembler.query(content_free(example, filling))) for filling in CONTENT_FREE
            )
        except PromptError:
            # A template that counts on its fields' values cannot be rendered without them; the rules that need this say so.
            return References(None, ())
        bare = Prompt("", (), empty, prompt.choices)
        return References(bare if empty else None, fillings)


def _length(query: Query) -> int:
    """Tokens of a prompt with its longest answer."""
    return len(query.ids) + max(map(len, query.choice_ids))

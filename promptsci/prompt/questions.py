"""What is asked about one example: its own prompt, and the reference prompts that calibrated decision rules need."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from promptsci.data import Example
from promptsci.errors import PromptError, PromptsciError
from promptsci.prompt.assembly import CONTENT_FREE, Assembler, Prompt
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
    """The input block with content-free fillings: what calibrates a prompt is this instead of the query.

    ``empty`` is the one whose fields are empty.
    """

    empty: str
    fillings: tuple[str, ...]


NO_REFERENCES = References("", ())


class Fitted(NamedTuple):
    """A prompt that fits the context: the shots it kept, its queries (its own and the content-free ones)."""

    shots: tuple[Example, ...]
    query: Query
    content_free: tuple[Query, ...]


class Questioner:
    """Makes Questions: chooses shots, drops the farthest when the context is full, adds the references.

    Args:
        assembler: renders examples.
        encoder: makes tokens of them.
        chooser: chooses shots.
        context: the longest sequence the model holds, in tokens.
        room: what of it is kept for a written answer, in tokens; references are for scored choices only.
    """

    def __init__(self, assembler: Assembler, encoder: Encoder, chooser: Chooser, context: int, room: int = 0) -> None:
        self.assembler = assembler
        self.encoder = encoder
        self.chooser = chooser
        self.context = context
        self.room = room

    def questions(self, examples: Sequence[Example]) -> list[Question]:
        """The Question of each example.

        Raises:
            PromptError: an example does not fit the context even without shots, or cannot be rendered.
        """
        shots = [tuple(self.chooser.shots(example)) for example in examples]
        prompts = [self.assembler.prompt(example, chosen) for example, chosen in zip(examples, shots, strict=True)]
        references = [self._references(example) for example in examples]
        variants = [_variants(prompt, reference) for prompt, reference in zip(prompts, references, strict=True)]
        encoded = iter(self.encoder.encode([prompt for each in variants for prompt in each]))
        fitted = [
            self._fit(example, chosen, each, [next(encoded) for _ in each])
            for example, chosen, each in zip(examples, shots, variants, strict=True)
        ]
        # A prefix that stands for the instruction leaves no prompt without it.
        premised = [bool(reference.empty) and not self.encoder.opening for reference in references]
        bare = [
            Prompt("", (), reference.empty, prompt.choices)
            for prompt, reference, has_premise in zip(prompts, references, premised, strict=True)
            if has_premise
        ]
        premises = iter(self.encoder.encode(bare))
        return [
            Question(example, fit.shots, len(chosen) - len(fit.shots), fit.query,
                     next(premises) if has_premise else None, fit.content_free)
            for example, chosen, fit, has_premise in zip(examples, shots, fitted, premised, strict=True)
        ]  # fmt: skip

    def taught(self, questions: Sequence[Question]) -> list[Query]:
        """What is learned of each labelled question: its own query, with the right answer where answers are written.

        That answer is the query's only choice, and ends as the model is to end it.

        Raises:
            PromptError: the right answer cannot be rendered.
        """
        if self.assembler.answers.written is None:
            return [question.query for question in questions]
        prompts = [
            replace(
                self.assembler.prompt(question.example, question.shots),
                choices=(self.assembler.target(question.example),),
            )
            for question in questions
        ]
        return [self.encoder.ended(query) for query in self.encoder.encode(prompts)]

    def check(self, examples: Sequence[Example]) -> list[PromptsciError]:
        """Reasons why examples cannot be asked about at all, found without a model; no more than five.

        Only rows whose text might be too long are tokenised: a token holds at least one byte, but for the few
        characters that a tokenizer writes out before it reads them. A row that is too long for their sake is found when
        its turn comes.
        """
        problems: list[PromptsciError] = []
        for example in examples:
            try:
                self.chooser.check(example)
                self._check_length(example, self.assembler.prompt(example))
            except PromptError as error:
                known = f"example {example.id}" in error.what
                what = error.what if known else f"example {example.id}: {error.what}"
                problems.append(PromptError(what, where=error.where, fix=error.fix))
            if len(problems) == 5:
                break
        return problems

    def _check_length(self, example: Example, prompt: Prompt) -> None:
        longest = max((len(words.encode()) + 1 for words in prompt.choices), default=self.room)
        n_bytes = len(self.encoder.text(prompt).encode()) + longest
        if n_bytes + len(self.encoder.tokenizer.start_ids) > self.context:
            self._fit(example, (), [prompt], self.encoder.encode([prompt]))

    def _fit(
        self, example: Example, shots: tuple[Example, ...], variants: Sequence[Prompt], queries: Sequence[Query]
    ) -> Fitted:
        """The nearest shots that fit the context with all variants of the query: the farthest are left out first.

        Variants that are longer than the query itself are left out rather than the row.
        """
        if self._fits(queries):
            return Fitted(shots, queries[0], tuple(queries[1:]))
        low, high = 1, len(shots)  # the smallest number of shots left out that fits, by bisection
        while low < high:
            middle = (low + high) // 2
            fits = self._fits(self._without(variants, middle))
            low, high = (low, middle) if fits else (middle + 1, high)
        if shots:
            queries = self._without(variants, low)
            if self._fits(queries):
                return Fitted(shots[low:], queries[0], tuple(queries[1:]))
        if self._fits(queries[:1]):
            return Fitted((), queries[0], ())
        n_tokens = queries[0].n_tokens(self.room)
        raise PromptError(
            f"example {example.id} needs {n_tokens:,} tokens without any shot; the model holds {self.context:,}",
            fix="Shorten the text, leave the row out, or use a model with a longer context.",
        )

    def _without(self, variants: Sequence[Prompt], n_dropped: int) -> list[Query]:
        return self.encoder.encode([prompt.with_shots(prompt.shots[n_dropped:]) for prompt in variants])

    def _fits(self, queries: Sequence[Query]) -> bool:
        return all(query.n_tokens(self.room) <= self.context for query in queries)

    def _references(self, example: Example) -> References:
        if self.room:
            return NO_REFERENCES
        try:
            fillings = tuple(self.assembler.content_free_query(example, filling) for filling in CONTENT_FREE)
        except PromptError:
            # A template that counts on its fields' values cannot be rendered without them; the rules that need this
            # say so.
            return NO_REFERENCES
        if not all(fillings):
            return NO_REFERENCES  # the block is nothing but its fields: without them, nothing is asked
        return References(fillings[CONTENT_FREE.index("")], fillings)


def _variants(prompt: Prompt, references: References) -> list[Prompt]:
    """The prompt, and what its content-free forms are."""
    return [prompt, *(replace(prompt, query=query) for query in references.fillings)]

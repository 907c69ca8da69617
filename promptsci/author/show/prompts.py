"""The prompts of a few rows, as the model reads them, and the answers it chooses from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from promptsci.author.show.measure import Measure, Prompts
from promptsci.author.show.parts import Part, parts_of
from promptsci.author.show.pieces import Piece, pieces_of
from promptsci.data import Example
from promptsci.errors import PromptError
from promptsci.lm.context import UNBOUNDED
from promptsci.prompt import Encoder, Prompt, Query, Questioner
from promptsci.prompt.assembly import ANSWER_SPACE


@dataclass(frozen=True)
class Answer:
    """One answer that the model may give: its text behind the prompt, its token ids, and those ids' spellings."""

    label: str
    text: str
    is_gold: bool
    ids: tuple[int, ...] = ()
    tokens: tuple[str, ...] = ()


@dataclass(frozen=True)
class ShownPrompt:
    """The prompt of one row.

    Attributes:
        example: the row.
        shots: ids of its shots, as they are shown.
        n_dropped: shots left out because the context is full.
        start_ids: ids that stand before the text.
        n_tokens: tokens of the prompt with its longest answer; None where no tokenizer is at hand.
        fits: whether they fit the context.
    """

    example: Example
    shots: tuple[str, ...]
    n_dropped: int
    parts: tuple[Part, ...]
    pieces: tuple[Piece, ...]
    answers: tuple[Answer, ...]
    start_ids: tuple[int, ...] = ()
    n_tokens: int | None = None
    fits: bool = True

    @property
    def text(self) -> str:
        """What the model reads."""
        return "".join(part.text for part in self.parts)

    def to_json(self) -> dict[str, Any]:
        """Plain values by name."""
        return {
            "id": self.example.id,
            "gold": self.example.gold,
            "shots": list(self.shots),
            "shots_dropped": self.n_dropped,
            "tokens": self.n_tokens,
            "fits": self.fits,
            "text": self.text,
            "parts": [part._asdict() for part in self.parts],
            "ids": [*self.start_ids, *(number for piece in self.pieces for number in piece.ids)],
            "answers": [
                {"label": each.label, "text": each.text, "gold": each.is_gold, "ids": list(each.ids)}
                for each in self.answers
            ],
        }


@dataclass(frozen=True)
class Shown:
    """All that ``show`` shows.

    Attributes:
        heading: task, template, model and the like, by name.
        prompts: of a few rows.
        measuring: reads the whole split, which takes longer than the prompts of a few rows.
        notes: what is to be said beside it.
    """

    heading: dict[str, Any]
    prompts: tuple[ShownPrompt, ...]
    measuring: Callable[[], Measure | None]
    notes: tuple[str, ...] = field(default=())

    @cached_property
    def measure(self) -> Measure | None:
        """Lengths, fits and cost of the split; None where no tokenizer is at hand."""
        return self.measuring()

    def to_json(self) -> dict[str, Any]:
        """Plain values by name."""
        return {
            **self.heading,
            "prompts": [prompt.to_json() for prompt in self.prompts],
            "measure": self.measure.to_json() if self.measure is not None else None,
            "notes": list(self.notes),
        }


def shown_prompts(prompts: Prompts, examples: Sequence[Example], k: int) -> tuple[ShownPrompt, ...]:
    """The prompts of these rows with k shots.

    Raises:
        PromptError: a row cannot be rendered.
    """
    return tuple(_shown(prompts, example, k) for example in examples)


def _shown(prompts: Prompts, example: Example, k: int) -> ShownPrompt:
    encoder = prompts.encoder
    if encoder is None:
        chosen = prompts.chooser(k).shots(example)
        prompt = prompts.assembler.prompt(example, chosen)
        parts = parts_of(prompt, None)
        return ShownPrompt(
            example, _ids(chosen), 0, parts, pieces_of(parts, None), _answers(prompts, example, prompt, None, None)
        )
    shots, n_dropped, query, fits = _fitted(prompts, encoder, example, k)
    prompt = prompts.assembler.prompt(example, shots)
    parts = parts_of(prompt, encoder)
    return ShownPrompt(
        example=example,
        shots=_ids(shots),
        n_dropped=n_dropped,
        parts=parts,
        pieces=pieces_of(parts, encoder.tokenizer),
        answers=_answers(prompts, example, prompt, encoder, query),
        start_ids=encoder.tokenizer.start_ids if encoder.format == "plain" else (),
        n_tokens=query.n_tokens(prompts.room),
        fits=fits,
    )


def _fitted(prompts: Prompts, encoder: Encoder, example: Example, k: int) -> tuple[Sequence[Example], int, Query, bool]:
    """(shots, dropped, query, whether it fits): what a run would ask, or the bare prompt that is too long for it."""
    questioner = prompts.questioner(k)
    assert questioner is not None, "there is a tokenizer"
    try:
        (question,) = questioner.questions([example])
        return question.shots, question.n_dropped, question.query, True
    except PromptError:
        bare = Questioner(prompts.assembler, encoder, prompts.chooser(0), UNBOUNDED, prompts.room)
        (question,) = bare.questions([example])
        return (), k, question.query, False


def _answers(
    prompts: Prompts, example: Example, prompt: Prompt, encoder: Encoder | None, query: Query | None
) -> tuple[Answer, ...]:
    """The choices, the right one marked; or the one right answer, where answers are written."""
    assembler = prompts.assembler
    right = assembler.target(example) if example.gold is not None else None
    names = assembler.names(example) or (("right answer",) if right is not None else ())
    texts = prompt.choices or ((right,) if right is not None else ())
    spelled = [encoder.answer(text) if encoder is not None else f"{ANSWER_SPACE}{text}" for text in texts]
    ids: Sequence[tuple[int, ...]] = query.choice_ids if query is not None else [()] * len(texts)
    if encoder is not None and not ids:
        ids = [tuple(encoding.ids) for encoding in encoder.tokenizer.encode(spelled)]
    return tuple(
        Answer(name, shown, text == right, each, tuple(encoder.tokenizer.token(n) for n in each) if encoder else ())
        for name, text, shown, each in zip(names, texts, spelled, ids, strict=True)
    )


def _ids(examples: Sequence[Example]) -> tuple[str, ...]:
    return tuple(example.id for example in examples)

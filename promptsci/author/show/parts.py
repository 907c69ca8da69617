"""A prompt's text cut into its parts: instruction, shots and their answers, query, and what the format puts between."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

from promptsci.prompt import Encoder, Prompt
from promptsci.prompt.assembly import ANSWER_SPACE, GAP

Role = Literal["instruction", "shot", "answer", "query", "frame"]


class Part(NamedTuple):
    """A stretch of the prompt; ``frame`` is what the format writes: blank lines, chat headers.

    ``number`` counts shots from 1; elsewhere it is 0.
    """

    role: Role
    text: str
    number: int = 0


def parts_of(prompt: Prompt, encoder: Encoder | None) -> tuple[Part, ...]:
    """The parts of a prompt, in order: together they are the text that the model reads, to the byte.

    Where a chat template changes what it is given, the whole text is one ``frame``.

    Args:
        prompt: the prompt.
        encoder: says in which format; None is plain text.
    """
    if encoder is None or encoder.format == "plain":
        return _plain(prompt)
    turns: list[Sequence[Part]] = [_plain(prompt)] if encoder.format == "chat-one-turn" else list(_turns(prompt))
    asked = prompt.one_turn() if encoder.format == "chat-one-turn" else prompt.turns()
    # Characters for private use stand in for each turn, so that short texts are not looked for in the chat's headers.
    marks = [f"\ue000{number}\ue001" for number in range(len(asked))]
    framed = encoder.tokenizer.chat([(role, mark) for (role, _), mark in zip(asked, marks, strict=True)])
    found: list[Part] = []
    for mark, turn in zip(marks, turns, strict=True):
        before, _, framed = framed.partition(mark)
        found += [Part("frame", before), *turn]
    text = encoder.text(prompt)
    parts = tuple(part for part in [*found, Part("frame", framed)] if part.text)
    return parts if "".join(part.text for part in parts) == text else (Part("frame", text),)


def _turns(prompt: Prompt) -> Iterator[Sequence[Part]]:
    """The part in each chat turn."""
    if prompt.instruction:
        yield [Part("instruction", prompt.instruction)]
    for number, shot in enumerate(prompt.shots, start=1):
        yield [Part("shot", shot.input, number)]
        yield [Part("answer", shot.target, number)]
    yield [Part("query", prompt.query)]


def _plain(prompt: Prompt) -> tuple[Part, ...]:
    groups: list[list[Part]] = [[Part("instruction", prompt.instruction)]]
    for number, shot in enumerate(prompt.shots, start=1):
        answer = Part("answer", shot.target, number)
        space = [Part("shot", shot.input, number), Part("frame", ANSWER_SPACE)] if shot.input else []
        groups.append([*space, answer])
    groups.append([Part("query", prompt.query)])
    parts: list[Part] = []
    for group in groups:
        if any(part.text for part in group):
            parts += [*([Part("frame", GAP)] if parts else []), *group]
    return tuple(parts)

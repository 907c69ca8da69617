"""What all prompts of a task open with, so that a prefix can hold it: the instruction, and shots that are the same.

A prompt is its opening and the rest. The opening with shots differs from the one without; the rest is the same tokens
behind both, which is checked and not assumed: chat templates and tokenizers may join texts as they like.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from promptsci.data import Example
from promptsci.errors import PromptError
from promptsci.prompt.assembly import Assembler, Prompt
from promptsci.prompt.tokens import Encoder

PROBES = ("a", "Z", "0", "(", "'")
"""Queries that differ in their first character: what prompts with all of them share is nothing of the query."""


@dataclass(frozen=True)
class Opening:
    """Instruction and shots as tokens.

    Attributes:
        seed: of the shots.
        shots: the examples that are shown.
        ids: [P] what a prompt with the shots opens with.
        bare: [C] what a prompt without them opens with.
    """

    seed: int
    shots: tuple[Example, ...]
    ids: tuple[int, ...]
    bare: tuple[int, ...]


def opening(assembler: Assembler, encoder: Encoder, shots: Sequence[Example], seed: int) -> Opening:
    """The Opening with these shots.

    Args:
        assembler: renders examples.
        encoder: makes tokens of them; it must leave nothing out.
        shots: what is shown, in this order.
        seed: that drew them.
    """
    assert not encoder.opening, "an opening is made of whole prompts"
    any_words = ("a",)
    shown = tuple(assembler.shot(shot) for shot in shots)
    bare = [Prompt(assembler.instruction, (), probe, any_words) for probe in PROBES]
    ids = [prompt.with_shots(shown) for prompt in bare]
    return Opening(seed, tuple(shots), _shared(encoder, ids), _shared(encoder, bare))


def _shared(encoder: Encoder, prompts: Sequence[Prompt]) -> tuple[int, ...]:
    """The ids that prompts begin with alike."""
    sequences = [query.ids.tolist() for query in encoder.encode(prompts)]
    n = 0
    while all(len(ids) > n and ids[n] == sequences[0][n] for ids in sequences):
        n += 1
    return tuple(sequences[0][:n])


def check_opening(found: Opening, assembler: Assembler, encoder: Encoder, examples: Sequence[Example]) -> None:
    """Nothing when the rest of each example's prompt is the same tokens behind both openings.

    Raises:
        PromptError: it is not, so that a prefix could not stand for instruction and shots.
    """
    bare = [assembler.prompt(example) for example in examples]
    shown = tuple(assembler.shot(shot) for shot in found.shots)
    whole = encoder.encode([replace(prompt, shots=shown) for prompt in bare])
    for example, short, long in zip(examples, encoder.encode(bare), whole, strict=True):
        opened = short.ids.tolist(), long.ids.tolist()
        starts = [ids[: len(part)] == list(part) for ids, part in zip(opened, (found.bare, found.ids), strict=True)]
        rests = opened[0][len(found.bare) :], opened[1][len(found.ids) :]
        if not all(starts) or rests[0] != rests[1] or short.choice_ids != long.choice_ids:
            raise PromptError(
                f"the tokens of example {example.id} differ behind the shots and behind the instruction alone, so a "
                "prefix cannot stand for both",
                fix="Use --format plain, or start the prefix from noise (init=noise).",
            )

"""Texts as token ids for a head: cut to what the body holds, or in windows that overlap, and counted where they are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from promptsci.score.outcomes import FloatArray
from promptsci.tune.head_loss import IGNORED
from promptsci.tune.head_model import HeadModel

BATCH = 32
OVERLAP = 0.25
"""Share of a window that the next one has too, so that each word stands well inside one of them."""


@dataclass(frozen=True)
class Piece:
    """A text as a head reads it, or a window of it.

    Attributes:
        text: the number of the text.
        ids: token ids [T], with the special tokens that the body's tokenizer adds.
        offsets: the characters of each token [T]; special tokens have none.
    """

    text: int
    ids: list[int]
    offsets: list[tuple[int, int]]


class HeadTokens:
    """Turns texts into Pieces.

    Attributes:
        limit: the longest sequence, in tokens.
        in_windows: whether longer texts are read in windows; otherwise they lose their end.
        n_long: texts so far that were longer.
    """

    def __init__(self, folder: Path, limit: int, *, in_windows: bool = False) -> None:
        from transformers import AutoTokenizer

        self._tokenizer: Any = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        self.limit = limit
        self.in_windows = in_windows
        self.n_long = 0
        known = (self._tokenizer.pad_token_id, self._tokenizer.eos_token_id, 0)
        self.pad_id: int = next(number for number in known if number is not None)

    @property
    def overlap(self) -> int:
        """Tokens that two windows share."""
        return int(OVERLAP * self.limit) if self.in_windows else 0

    def read(self, texts: Sequence[str]) -> list[Piece]:
        """The Pieces of texts, in their order; where texts are cut, each has one."""
        found = self._tokenizer(
            list(texts),
            truncation=True,
            max_length=self.limit,
            stride=self.overlap,
            return_overflowing_tokens=True,
            return_offsets_mapping=True,
        )
        pieces: list[Piece] = []
        owners = found["overflow_to_sample_mapping"]
        self.n_long += sum(n > 1 for n in Counter(owners).values())
        for owner, ids, offsets in zip(owners, found["input_ids"], found["offset_mapping"], strict=True):
            if self.in_windows or not pieces or pieces[-1].text != owner:
                pieces.append(Piece(owner, ids or [self.pad_id], offsets or [(0, 0)]))
        return pieces

    def batch(self, rows: Sequence[Mapping[str, Any]]) -> dict[str, torch.Tensor]:
        """Rows with ``ids`` and perhaps ``labels`` as one batch [B, T], padded on the right."""
        longest = max(len(row["ids"]) for row in rows)
        ids = torch.full((len(rows), longest), self.pad_id)
        mask = torch.zeros((len(rows), longest), dtype=torch.long)
        for place, row in enumerate(rows):
            ids[place, : len(row["ids"])] = torch.tensor(row["ids"])
            mask[place, : len(row["ids"])] = 1
        batch = {"input_ids": ids, "attention_mask": mask}
        if "labels" in rows[0]:
            batch["labels"] = torch.tensor([self._padded(row, longest) for row in rows])
        return batch

    def _padded(self, row: Mapping[str, Any], longest: int) -> Any:
        """The target of a row; where each token has one, tokens that are padding have one that does not count."""
        if not self.in_windows:
            return row["labels"]
        return [*row["labels"], *[IGNORED] * (longest - len(row["ids"]))]


def outputs_of(model: HeadModel, tokens: HeadTokens, pieces: Sequence[Piece]) -> list[FloatArray]:
    """The layer's outputs for each piece, [C] or [T, C]; the batches depend on the pieces alone."""
    outputs: list[FloatArray] = [np.empty(0)] * len(pieces)
    device = next(model.parameters()).device
    with torch.inference_mode():
        for numbers in by_length([piece.ids for piece in pieces], BATCH):
            batch = tokens.batch([{"ids": pieces[number].ids} for number in numbers])
            found = model(**{name: part.to(device) for name, part in batch.items()}).double().cpu().numpy()
            for number, each in zip(numbers, found, strict=True):
                outputs[number] = each[: len(pieces[number].ids)] if each.ndim > 1 else each
    return outputs


def by_length(ids: Sequence[Sequence[int]], size: int) -> Iterator[list[int]]:
    """Yields the numbers of texts in batches of about one length, the longest first, so that little is padding."""
    order = sorted(range(len(ids)), key=lambda number: (-len(ids[number]), number))
    for start in range(0, len(order), size):
        yield order[start : start + size]

"""Texts as token ids for a head, cut to what the body holds, and counted where they are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch


class HeadTokens:
    """Turns texts into token ids [T], with the special tokens that the body's tokenizer adds.

    Attributes:
        limit: the longest sequence, in tokens; longer texts lose their end.
        n_cut: texts cut so far.
    """

    def __init__(self, folder: Path, limit: int) -> None:
        from transformers import AutoTokenizer

        self._tokenizer: Any = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        self.limit = limit
        self.n_cut = 0
        known = (self._tokenizer.pad_token_id, self._tokenizer.eos_token_id, 0)
        self.pad_id: int = next(number for number in known if number is not None)

    def ids(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids of each text."""
        whole = self._tokenizer(list(texts), verbose=False)["input_ids"]
        cut = self._tokenizer(list(texts), truncation=True, max_length=self.limit)["input_ids"]
        self.n_cut += sum(len(a) > len(b) for a, b in zip(whole, cut, strict=True))
        return [ids or [self.pad_id] for ids in cut]

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
            batch["labels"] = torch.tensor([row["labels"] for row in rows])
        return batch


def by_length(ids: Sequence[Sequence[int]], size: int) -> Iterator[list[int]]:
    """Yields the numbers of texts in batches of about one length, the longest first, so that little is padding."""
    order = sorted(range(len(ids)), key=lambda number: (-len(ids[number]), number))
    for start in range(0, len(order), size):
        yield order[start : start + size]

"""Integrated gradients over the embeddings of the query: what each of its words adds to the log-odds.

Source: Sundararajan et al. 2017, with zero embeddings of the query's tokens as the baseline; instruction and shots stay
as they are on the whole path, so that what adds up is the query's part alone.
Library: captum.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from promptsci.errors import PromptsciError

if TYPE_CHECKING:
    import torch

    from promptsci.explain.odds import Odds
    from promptsci.lm.load import LoadedModel
    from promptsci.prompt import Prompt, Query, Tokenizer

STEPS = 24
NO_CAPTUM = "Install it: pip install 'promptsci[explain]'"


@dataclass(frozen=True)
class Attribution:
    """A word of the query as the model reads it, and what it adds to the log-odds, in nats."""

    text: str
    value: float

    def to_json(self) -> dict[str, Any]:
        """The word and its part by name."""
        return {"text": self.text, "value": self.value}


@dataclass(frozen=True)
class Target:
    """What gradients are taken of: the log-odds of a choice behind a query whose own tokens begin ``at``."""

    query: Query
    at: int
    odds: Odds
    choice: int


def attributions(loaded: LoadedModel, tokenizer: Tokenizer, prompt: Prompt, target: Target) -> list[Attribution]:
    """What each word of a row's query adds to the log-odds of its choice.

    Raises:
        PromptsciError: captum is not installed.
    """
    values = token_attributions(loaded, target)
    encoding = tokenizer.encode([target.query.text])[0]
    skipped = len(target.query.ids) - len(encoding.ids)  # start tokens stand for no text
    begin = target.query.text.rfind(prompt.query)
    words = [(match.group(), begin + match.start(), begin + match.end()) for match in re.finditer(r"\S+", prompt.query)]
    sums = [0.0] * len(words)
    for place, value in enumerate(values, start=target.at):
        start, stop = encoding.offsets[place - skipped]
        # A token belongs to the word that its last character stands in: most begin with the space before it.
        owner = next((n for n, (_, first, end) in enumerate(words) if first < stop <= end or start < end <= stop), None)
        if owner is not None:
            sums[owner] += value
    return [Attribution(text, value) for (text, _, _), value in zip(words, sums, strict=True)]


def token_attributions(loaded: LoadedModel, target: Target, steps: int = STEPS) -> list[float]:
    """[T - at] what each token of the query adds to the log-odds, in nats.

    Raises:
        PromptsciError: captum is not installed.
    """
    try:
        from captum.attr import IntegratedGradients
    except ImportError as error:
        raise PromptsciError("integrated gradients need captum, which is not installed", fix=NO_CAPTUM) from error
    import torch

    ids = torch.as_tensor(target.query.ids, dtype=torch.long, device=loaded.device)
    with torch.no_grad():
        embedded = loaded.base.get_input_embeddings()(ids)[None]
    fixed, own = embedded[:, : target.at], embedded[:, target.at :].clone().requires_grad_()

    def log_odds(query: torch.Tensor) -> torch.Tensor:
        return _log_odds(loaded, torch.cat([fixed.expand(len(query), -1, -1), query], dim=1), target)

    found = IntegratedGradients(log_odds).attribute(
        own, baselines=torch.zeros_like(own), n_steps=steps, internal_batch_size=4
    )
    values: list[float] = found[0].float().sum(dim=-1).tolist()
    return values


def _log_odds(loaded: LoadedModel, embedded: torch.Tensor, target: Target) -> torch.Tensor:
    """[S] the log-odds of the choice behind prompts given as embeddings [S, T, H]."""
    import torch

    scores = []
    for ids in target.query.choice_ids:
        read = torch.as_tensor(ids[:-1], dtype=torch.long, device=loaded.device)
        stem = loaded.base.get_input_embeddings()(read)[None].expand(len(embedded), -1, -1)
        logits = loaded.model(inputs_embeds=torch.cat([embedded, stem], dim=1), use_cache=False).logits
        places = logits[:, -len(ids) :].float().log_softmax(dim=-1)
        nats = places.gather(2, torch.as_tensor(ids, device=loaded.device).expand(len(embedded), -1)[..., None])
        scores.append(nats.sum(dim=(1, 2)) / (len(ids) if target.odds.rule == "mean" else 1))
    bias = torch.as_tensor(target.odds.bias, dtype=torch.float32, device=loaded.device)
    found = torch.stack(scores, dim=1) - bias
    return found[:, target.choice] - _others(found, target.choice).logsumexp(dim=1)


def _others(found: torch.Tensor, choice: int) -> torch.Tensor:
    """[S, C - 1] all but one of the choices."""
    places: Sequence[int] = [place for place in range(found.shape[1]) if place != choice]
    return found[:, places]

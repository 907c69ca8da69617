"""Body and head of a causal LM apart, so that logits are computed only where a token is predicted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

    from promptsci.lm.load import LoadedModel

HEAD_ROWS = 128
"""Positions whose logits are held at once: 128 x 262,144 float32 are 128 MiB."""


def body(loaded: LoadedModel) -> Any:
    """The part of the model that ends in hidden states."""
    model = loaded.model
    decoder = model.get_decoder()
    # Some families answer with the model itself, head and all (Llama 4).
    headless = decoder is not None and decoder is not model and decoder.get_output_embeddings() is None
    return decoder if headless else model.model


def log_likelihoods(
    loaded: LoadedModel, hidden: torch.Tensor, rows: torch.Tensor, tokens: torch.Tensor
) -> torch.Tensor:
    """[M] log-likelihood of tokens[m] at hidden[rows[m]], in nats, float32.

    The sum over the vocabulary is taken in float32, a few positions at a time, each position once.

    Args:
        loaded: the model whose head is used.
        hidden: [T, H] hidden states.
        rows: [M] the position behind which each token is predicted, ascending.
        tokens: [M] the tokens.
    """
    import torch

    positions, which = torch.unique_consecutive(rows, return_inverse=True)
    result = torch.empty(len(rows), dtype=torch.float32, device=hidden.device)
    for start in range(0, len(positions), HEAD_ROWS):
        logits = head(loaded, hidden[positions[start : start + HEAD_ROWS]])
        mine = (which >= start) & (which < start + HEAD_ROWS)
        at = which[mine] - start
        result[mine] = logits[at, tokens[mine]] - logits.logsumexp(dim=-1)[at]
    return result


def head(loaded: LoadedModel, hidden: torch.Tensor) -> torch.Tensor:
    """[K, V] float32 logits of hidden states [K, H], with the scalings that some families put behind the matrix.

    The probe in ``shared.py`` compares this with the model's own forward pass before it is relied on.
    """
    import torch

    config = loaded.text_config
    logits: torch.Tensor = loaded.model.get_output_embeddings()(hidden).float()
    if getattr(config, "logits_scaling", None):  # Granite divides
        logits = logits / config.logits_scaling
    if getattr(config, "logit_scale", None):  # Cohere multiplies
        logits = logits * config.logit_scale
    cap = getattr(config, "final_logit_softcapping", None)  # Gemma 2
    if cap:
        logits = torch.tanh(logits / cap) * cap
    return logits

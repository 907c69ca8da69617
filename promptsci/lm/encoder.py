"""Telling encoders from causal LMs, before either is loaded."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

from promptsci.errors import ModelError
from promptsci.lm.catalogue import Progress, catalogue
from promptsci.lm.folder import ModelFolder
from promptsci.lm.resolve import resolve

# Families that read in both directions. transformers would load most of them as causal LMs too, and their scores would
# mean nothing: BERT's weights were never trained to say what comes next.
ENCODERS = frozenset(
    """albert bert camembert convbert deberta deberta-v2 distilbert electra ernie esm eurobert layoutlm longformer
    megatron-bert mobilebert modernbert mpnet nomic_bert roberta roberta-prelayernorm roformer squeezebert xlm-roberta
    xlm-roberta-xl""".split()
)


def is_encoder(path: Path) -> bool:
    """Whether the model in a folder reads in both directions, by its config.json; False where that cannot be read."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        config = json.loads((path / "config.json").read_text(encoding="utf-8"))
        return config.get("model_type") in ENCODERS and not config.get("is_decoder", False)
    return False


def resolve_causal(model: str, progress: Progress | None = None) -> ModelFolder:
    """The folder of a causal LM on this machine; see `resolve`.

    Raises:
        ModelError: as `resolve` does, or the model is an encoder; a catalogue's encoder is not even fetched.
    """
    known = catalogue().get(model)
    if known is not None and known.kind == "encoder":
        raise _scores_no_text(model)
    folder = resolve(model, progress=progress)
    if is_encoder(folder.path):
        raise _scores_no_text(model)
    return folder


def _scores_no_text(model: str) -> ModelError:
    causal = next(name for name, known in catalogue().items() if known.kind == "causal LM")
    return ModelError(
        f"model '{model}' is an encoder: it turns texts into vectors and scores no words",
        fix=f"Train a head on it: promptsci tune --head task=TASK model={model}; or name a causal LM: model={causal}.",
    )

"""The methods: what of a model is trained, and how PEFT is told so."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from promptsci.errors import TuneError
from promptsci.lm.virtual import fill_prefix, states_of, virtual_tokens
from promptsci.tune.recipe import Recipe

if TYPE_CHECKING:
    from promptsci.lm.load import LoadedModel


def make_trainable(loaded: LoadedModel, recipe: Recipe, seed: int, opening: Sequence[int] = ()) -> LoadedModel:
    """The model with what a method trains: an adapter of PEFT's on it, or some of its own weights.

    Args:
        loaded: the model, changed in place.
        recipe: the method and its size.
        seed: of an adapter's first weights.
        opening: token ids; a prefix begins as their keys and values, and is as long as they are.

    Raises:
        TuneError: the method does not fit the model.
    """
    import torch

    from promptsci.lm.load import first_line, quiet

    # The first weights of an adapter are drawn at random; the seed says which.
    with torch.random.fork_rng(devices=[]), quiet():
        torch.manual_seed(seed)
        if recipe.method == "full":
            _unfreeze(loaded, recipe.train)
            return loaded
        from peft import get_peft_model

        if opening:
            recipe = recipe.model_copy(update={"tokens": len(opening)})
        states = states_of(loaded, opening) if opening else ()
        try:
            model = get_peft_model(loaded.model, peft_config(recipe))
        except (ValueError, KeyError, AttributeError, RuntimeError) as error:
            fix = "Use --lora with targets=... or --full, or another model."
            raise TuneError(f"{recipe.method} does not fit this model: {first_line(error)}", fix=fix) from error
    made = replace(loaded, model=model.eval(), context=loaded.context - recipe.n_virtual)
    if states:
        _fill(made, states)
    return made


def _fill(loaded: LoadedModel, states: Sequence[tuple[Any, Any]]) -> None:
    """Lets a prefix begin as these keys and values.

    Raises:
        TuneError: PEFT keeps this model's prefix in another way.
    """
    import torch

    try:
        fill_prefix(loaded, states)
        found = virtual_tokens(loaded)
    except (NotImplementedError, RuntimeError) as error:
        raise TuneError(f"a prefix cannot begin as shots here: {error}", fix="Use init=noise.") from error
    assert found is not None
    pairs = zip(states, found.states, strict=True)
    if not all(torch.equal(some, other) for layer in pairs for some, other in zip(*layer, strict=True)):
        raise TuneError("PEFT changes the keys and values of this model's prefix", fix="Use init=noise.")


def peft_config(recipe: Recipe) -> Any:
    """PEFT's configuration of an adapter method."""
    import peft

    common: dict[str, Any] = {"task_type": "CAUSAL_LM"}
    if recipe.method in ("lora", "dora", "rslora"):
        return peft.LoraConfig(
            **common,
            r=recipe.rank,
            lora_alpha=recipe.alpha,
            lora_dropout=recipe.dropout,
            target_modules=_targets(recipe.targets),
            use_dora=recipe.method == "dora",
            use_rslora=recipe.method == "rslora",
        )
    if recipe.method == "prefix":
        return peft.PrefixTuningConfig(**common, num_virtual_tokens=recipe.tokens)
    if recipe.method == "prompt-tuning":
        # Words of the vocabulary are a better beginning than noise (Lester et al. 2021, arXiv 2104.08691, figure 3b).
        return peft.PromptTuningConfig(**common, num_virtual_tokens=recipe.tokens, prompt_tuning_init="SAMPLE_VOCAB")
    assert recipe.method == "ia3", recipe.method
    return peft.IA3Config(**common)


def _targets(words: str) -> str | list[str]:
    """What PEFT calls the layers: ``all-linear``, or names such as ``q_proj v_proj``."""
    names = re.split(r"[\s,]+", words.strip())
    return names[0] if names == ["all-linear"] else names


def _unfreeze(loaded: LoadedModel, train: str) -> None:
    """Makes weights of the model trainable: all, those of the last N layers, or the embeddings.

    Raises:
        TuneError: the words mean none of these.
    """
    model = loaded.model
    if train == "all":
        model.requires_grad_(True)
        return
    if train == "embeddings":
        model.get_input_embeddings().requires_grad_(True)
        return
    last = re.fullmatch(r"last-([1-9]\d*)", train)
    layers = _layers(loaded)
    if last is None or int(last[1]) > len(layers):
        fix = f"Write train=all, train=last-N with N up to {len(layers)}, or train=embeddings."
        raise TuneError(f"train={train} names no part of this model", fix=fix)
    for layer in layers[-int(last[1]) :]:
        layer.requires_grad_(True)


def _layers(loaded: LoadedModel) -> Any:
    """The model's blocks, the list of modules as long as it has layers."""
    import torch

    n_layers = loaded.text_config.num_hidden_layers
    for module in loaded.model.modules():
        if isinstance(module, torch.nn.ModuleList) and len(module) == n_layers:
            return module
    raise TuneError("the layers of this model are not known", fix="Use train=all or train=embeddings.")

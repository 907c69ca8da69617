"""Recipes: how each method is trained, in a page of YAML each, chosen by method and model size."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from promptsci.errors import SpecError, did_you_mean
from promptsci.spec.document import Document, Record, parse, validate
from promptsci.tune.lesson import Objective

FOLDER = Path(__file__).resolve().parent / "recipes"
Method = Literal["lora", "dora", "rslora", "prefix", "prompt-tuning", "ia3", "full"]
METHODS: tuple[Method, ...] = ("lora", "dora", "rslora", "prefix", "prompt-tuning", "ia3", "full")
_FILES: dict[str, str] = {"dora": "lora", "rslora": "lora"}

ADVERSARIAL = ("adversarial", "epsilon", "steps")
KEEPING: dict[str, tuple[str, ...]] = {
    "none": (), "replay": ("keep", "replay"), "ewc": ("keep", "replay", "ewc"),
    "distill": ("keep", "replay", "distill", "temperature"),
}  # fmt: skip
"""Ways of holding on to earlier tasks, and the values that each reads."""
Share = Annotated[float, Field(ge=0, lt=1)]
Positive = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=1)]


class Recipe(Record):
    """Every value of one training, none left open. What a method does not use, it ignores.

    Attributes:
        method: what is trained.
        objective: ``choice`` (train what is scored), ``lm`` (the right answer's tokens alone), or ``pairs`` (of a
            ranking: a relevant document against others of its query).
        lr: the highest learning rate.
        epochs: how often every lesson is seen.
        batch: lessons of one step, over all processes and passes.
        warmup: share of the steps in which the rate rises; none where an epoch is one step.
        schedule: how it falls after that.
        optimizer: by transformers' name.
        weight_decay: of the optimizer.
        clip: the largest norm of a gradient; 0 leaves it alone.
        dropout: of the adapter's input.
        rank: of LoRA's matrices.
        alpha: LoRA's scale is alpha / rank (rsLoRA: alpha / sqrt(rank)).
        targets: the layers that LoRA adapts.
        tokens: virtual tokens of prefix and prompt tuning.
        init: how a prefix begins: ``noise``, or ``shots``, keys and values of a few-shot prompt, one for each token.
        init_shots: shots of that prompt.
        init_tries: seeds of which the best on validation draws them.
        train: of full fine-tuning: ``all``, ``last-N`` layers, or ``embeddings``.
        class_weights: ``balanced`` counts each label alike, however many rows it has.
        smoothing: share of the right choice's probability that goes to all choices (objective ``choice``).
        patience: evaluations without a better main metric after which training stops; 0 never stops.
        evaluate: rows of validation, a stratified sample where there are more; a ranking's queries stay whole.
        examine: what decides which weights are the best: the main metric on validation rows, for which answers are
            really written, or the loss on them.
        negatives: of a ranking: candidates that are not relevant, drawn for each relevant one.
        pack_tokens: tokens in one pass; 0 takes what memory allows.
        checkpointing: whether layers are computed again instead of kept: ``auto`` when memory asks for it.
        adversarial: whether embeddings are moved against the learner: ``fgm``, ``pgd``, ``freelb`` or ``none``.
        epsilon: of adversarial training: the longest move, as a share of the mean norm of token embeddings.
        steps: of pgd and freelb, for each batch.
        mix: of several tasks: ``equal`` shares of every step, or as many as there are ``rows``.
        keep: how earlier tasks are held on to: ``replay``, ``ewc``, ``distill`` or ``none``.
        replay: the share of each earlier task's train rows that is kept: they are learned again (replay), say which
            weights matter (ewc), or have the earlier model's answers (distill).
        ewc: strength of the pull to the earlier weights.
        distill: how much a kept row counts beside a new one.
        temperature: at which the earlier model's answers are kept.
    """

    method: Method
    objective: Objective = "choice"
    lr: Positive
    epochs: Count
    batch: Count
    warmup: Share
    schedule: Literal["linear", "cosine", "constant"]
    optimizer: str
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    clip: Annotated[float, Field(ge=0)] = 1.0
    dropout: Share = 0.0
    rank: Count = 16
    alpha: Count = 32
    targets: str = "all-linear"
    tokens: Count = 20
    init: Literal["noise", "shots"] = "noise"
    init_shots: Count = 8
    init_tries: Count = 5
    train: str = "all"
    class_weights: Literal["none", "balanced"] = "none"
    smoothing: Share = 0.0
    patience: Annotated[int, Field(ge=0)] = 0
    evaluate: Count = 500
    examine: Literal["metric", "loss"] = "metric"
    negatives: Count = 4
    pack_tokens: Annotated[int, Field(ge=0)] = 0
    checkpointing: Literal["auto", "on", "off"] = "auto"
    adversarial: Literal["none", "fgm", "pgd", "freelb"] = "none"
    epsilon: Positive = 0.05
    steps: Count = 3
    mix: Literal["equal", "rows"] = "equal"
    keep: Literal["none", "replay", "ewc", "distill"] = "none"
    replay: Annotated[float, Field(gt=0, le=1)] = 0.2
    ewc: Positive = 1000.0
    distill: Positive = 1.0
    temperature: Positive = 2.0

    def identity(self, n_tasks: int = 1) -> dict[str, Any]:
        """The values that decide the weights: those of what is not done, or done to one task alone, are none."""
        idle = {
            *(ADVERSARIAL if self.adversarial == "none" else ()),
            *({name for names in KEEPING.values() for name in names} - set(KEEPING[self.keep])),
            *(("mix",) if n_tasks == 1 else ()),
        }
        return {name: value for name, value in self.model_dump().items() if name not in idle}

    @property
    def n_virtual(self) -> int:
        """Tokens that the method puts before every prompt."""
        return self.tokens if self.method in ("prefix", "prompt-tuning") else 0


class RecipeFile(Record):
    """A recipe as it stands on disk.

    Attributes:
        about: what it is and what it was measured on.
        method: what it trains; the shipped ones stand in a file of the method's name.
        values: of the Recipe.
        larger: number of parameters -> the values that differ for models with at least so many.
        written: the values that differ where answers are written.
        ranges: value -> what a search may try; of the learning rate, the two ends.
    """

    about: str
    method: Method | None = None
    values: dict[str, str]
    larger: dict[str, dict[str, str]] = Field(default_factory=dict)
    written: dict[str, str] = Field(default_factory=dict)
    ranges: dict[str, list[str]] = Field(default_factory=dict)


def recipe_file(method: Method, path: str | None = None) -> RecipeFile:
    """The RecipeFile of a method, or one of the user's own for it.

    Raises:
        SpecError: it cannot be read (file:line), or is for another method.
    """
    if path is None:
        return read_recipe_file(FOLDER / f"{_FILES.get(method, method)}.yaml")
    found = read_recipe_file(Path(path).expanduser())
    if found.method not in (None, method):
        raise SpecError(
            f"this recipe is for {found.method}, not for {method}", where=path, fix=f"Use --{found.method}."
        )
    return found


def recipe_for(
    method: Method,
    n_parameters: int,
    overrides: Mapping[str, str] | None = None,
    path: str | None = None,
    *,
    written: bool = False,
) -> Recipe:
    """The Recipe of a method for a model of this size, with values of one's own.

    Args:
        method: what is trained.
        n_parameters: of the model.
        overrides: values that count before those of the file.
        path: of a recipe of the user's own.
        written: whether answers are written instead of choices being scored.

    Raises:
        SpecError: a value has an unknown name (the nearest is given) or cannot be meant, or the file cannot be read.
        Problems: several such.
    """
    found = recipe_file(method, path)
    values = dict(found.values)
    for least, changes in sorted(found.larger.items(), key=lambda item: int(item[0])):
        if n_parameters >= int(least):
            values |= changes
    values |= found.written if written else {}
    stated = _validated({**values, "method": method}, path or str(FOLDER / f"{_FILES.get(method, method)}.yaml"))
    if not overrides:
        return stated
    if "method" in overrides:
        raise SpecError("the method is not a value of the recipe", fix=f"Write --{overrides['method']}.")
    return _validated({**values, **overrides, "method": method}, "command line", overrides)


def read_recipe_file(path: Path) -> RecipeFile:
    """The RecipeFile at a path.

    Raises:
        SpecError: it cannot be read (file:line).
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SpecError(f"cannot read the recipe: {error}", where=str(path)) from error
    return validate(RecipeFile, parse(text, str(path)))


def value_names() -> list[str]:
    """Names of the values that a command line may set."""
    return [name for name in Recipe.model_fields if name != "method"]


def _validated(values: Mapping[str, Any], where: str, given: Mapping[str, str] | None = None) -> Recipe:
    unknown = [name for name in given or {} if name not in Recipe.model_fields]
    if unknown:
        known = value_names()
        raise SpecError(f"a recipe has no value '{unknown[0]}'", fix=did_you_mean(unknown[0], known))
    return validate(Recipe, Document(values, where, {}))


def rising(steps: int, per_epoch: int) -> int:
    """Steps of warm-up: none where an epoch is one step.

    The first step of a warm-up has rate 0. Where weights are examined after it, they would be those that there were
    before, and could be the best ones.
    """
    return steps if per_epoch > 1 else 0

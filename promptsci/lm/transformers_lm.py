"""The transformers backend of the LM protocol: shared packs where they are proven exact, the plain way elsewhere."""

from __future__ import annotations

import random
import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from promptsci.errors import PromptError, raise_all
from promptsci.lm.adapter import AdapterFolder, attach, detach
from promptsci.lm.branches import SharedReading
from promptsci.lm.generate import Generator, LoneGenerator
from promptsci.lm.load import LoadedModel, first_line, load_model, quiet
from promptsci.lm.plain import PlainScorer
from promptsci.lm.protocol import Description, Generated, Generation, Scored, TokenCount
from promptsci.lm.shared import SharedScorer, ran_out_of_memory
from promptsci.lm.warm import Warm
from promptsci.prompt import Query, Tokenizer

TOLERANCE_NATS = {torch.float32: 1e-3, torch.bfloat16: 0.5, torch.float16: 0.1}
"""How far packs may be from one-by-one scoring. Rounding grows with the layers; a wrong mask is off by whole nats."""


@dataclass(frozen=True)
class Scoring:
    """How a TransformersLM scores.

    Attributes:
        sharing: False reads every pair alone, the plain way.
        pack_tokens: tokens in one pass; None takes what fits the device.
        batch: sequences in one pass of the plain way.
        verify: prompts that are scored again one by one.
    """

    sharing: bool = True
    pack_tokens: int | None = None
    batch: int = 8
    verify: int = 4


@dataclass
class SelfCheck:
    """What became of the rows scored again one by one."""

    rows: int = 0
    max_difference_nats: float = 0.0
    tolerance_nats: float = 0.0
    seconds: float = 0.0
    passed: bool = True

    def to_json(self) -> dict[str, Any]:
        """The outcome by name."""
        return dict(vars(self))


class TransformersLM:
    """Scores choices and writes answers with a causal LM of transformers.

    ``tokens`` counts what scoring cost, self-check apart; ``check`` holds the outcome of the self-check; ``warnings``
    what a result must say.
    """

    def __init__(self, loaded: LoadedModel, scoring: Scoring | None = None) -> None:
        self.scoring = scoring or Scoring()
        self.tokens = TokenCount()
        self._base_context = loaded.context
        self._begin(loaded)

    def _begin(self, loaded: LoadedModel) -> None:
        """Scores with this model from now on."""
        self.loaded = loaded
        self.warnings: list[str] = []
        self.check = SelfCheck(tolerance_nats=TOLERANCE_NATS[loaded.dtype])
        self._plain = PlainScorer(loaded, self.scoring.batch, self.tokens, self.warnings)
        pack_tokens = self.scoring.pack_tokens or default_pack_tokens(loaded)
        self._shared = SharedScorer(loaded, pack_tokens, self.tokens, self.warnings)
        self._shares = self.scoring.sharing and self._probe()

    @classmethod
    def load(
        cls, path: Path, *, dtype: str = "auto", scoring: Scoring | None = None, trust_remote_code: bool = False
    ) -> TransformersLM:
        """The LM in a model folder.

        Raises:
            ModelError: the weights cannot be read.
        """
        return cls(load_model(path, dtype=dtype, trust_remote_code=trust_remote_code), scoring)

    def use(self, adapter: AdapterFolder | None) -> None:
        """Puts an adapter on the base model, in place of one that is there; None leaves the base alone.

        Raises:
            ModelError: it does not fit the model.
        """
        if self.loaded.model is not self.loaded.base:
            self._begin(detach(self.loaded, self._base_context))
        if adapter is not None:
            self._begin(attach(self.loaded, adapter))
        for name in ("_generator", "_lone"):
            self.__dict__.pop(name, None)

    def reset(self) -> None:
        """Starts the counts of another run on the same weights."""
        self.tokens.computed = self.tokens.distinct = self.tokens.unshared = 0
        self.check = SelfCheck(tolerance_nats=self.check.tolerance_nats)

    def score(
        self, queries: Sequence[Query], known: Collection[int] = (), first: Sequence[int] = ()
    ) -> Iterator[Scored]:
        """Yields the log-likelihoods of each query that is not known yet. See ``LM.score``.

        The first call checks some rows one by one before anything is yielded.

        Raises:
            PromptError: a prompt is empty or longer than the model's context.
            ModelError: memory runs out however little is read at once.
        """
        self._check_lengths(queries)
        if self._shares and not self.check.rows and self.scoring.verify and queries:
            self._self_check(queries)
        yield from (self._shared if self._shares else self._plain).score(queries, known, first)

    def keep_warm(self, query: Query) -> int:
        """Tokens of a prompt that are kept read from now on; 0 where prefixes are not shared. See ``LM.keep_warm``."""
        if not self._shares:
            return 0
        self._check_lengths([query])
        self._shared.warm = Warm.read(self.loaded, query, self._shared.pack_tokens)
        self.tokens.computed += len(query.ids)
        return len(query.ids)

    def generate(self, prompts: Sequence[Query], how: Generation) -> Iterator[tuple[int, Generated]]:
        """Yields (number of the prompt, answer) as answers are finished. See ``LM.generate``.

        Raises:
            PromptError: a prompt is empty or longer than the model's context.
            ModelError: memory runs out however little is read at once, or the model folder has no tokenizer.
        """
        self._check_lengths(prompts)
        yield from (self._generator if self._shares else self._lone).generate([prompt.ids for prompt in prompts], how)

    def reading(self, query: Query) -> SharedReading | None:
        """A query's prompt, read once, to go on from; None where prefixes are not shared. See ``Branching``."""
        if not self._shares:
            return None
        return SharedReading(self.loaded, query, self._shared.pack_tokens, self.tokens, self._shared.warm)

    @cached_property
    def _generator(self) -> Generator:
        return Generator(self.loaded, self._tokenizer.decode, self._shared.pack_tokens, self.tokens, self.warnings)

    @cached_property
    def _lone(self) -> LoneGenerator:
        return LoneGenerator(self.loaded, self._tokenizer.decode, self.tokens)

    @cached_property
    def _tokenizer(self) -> Tokenizer:
        return Tokenizer(self.loaded.path)

    def _check_lengths(self, queries: Sequence[Query]) -> None:
        context = self.loaded.context
        lengths = [len(query.ids) + max(map(len, query.choice_ids), default=1) - 1 for query in queries]
        problems = [
            PromptError(
                f"a prompt of {length:,} tokens does not fit the model (1 to {context:,}): {query.text[:60]!r}",
                fix="Use fewer shots, shorten the text, or take a model with a longer context.",
            )
            for query, length in zip(queries, lengths, strict=True)
            if not len(query.ids) or length > context
        ]
        raise_all(problems[:5])

    def describe(self) -> Description:
        """What a result says about this model."""
        loaded = self.loaded
        return Description(
            backend="transformers",
            path=str(loaded.path),
            dtype=str(loaded.dtype).removeprefix("torch."),
            device=str(loaded.device),
            sharing=f"packs of {self._shared.pack_tokens} tokens" if self._shares else "none",
            n_parameters=loaded.n_parameters,
            context=loaded.context,
            notes=tuple(self.warnings),
            self_check=self.check.to_json(),
        )

    @property
    def check_seconds(self) -> float:
        """Time spent on the self-check."""
        return self.check.seconds

    def _probe(self) -> bool:
        """Whether this model reads packs as it reads sequences: a small random trie, both ways."""
        queries = probe_queries(self.loaded)
        scorer = SharedScorer(self.loaded, 24, TokenCount())
        try:
            with quiet():
                shared = sorted(scorer.score(queries))
        except NotImplementedError as error:
            why = first_line(error)
        except (TypeError, ValueError, RuntimeError, AttributeError, IndexError, KeyError) as error:
            if ran_out_of_memory(error):
                raise
            why = f"the model does not take packs ({type(error).__name__}: {first_line(error)})"
        else:
            difference = self._difference(queries, shared)
            if difference <= self.check.tolerance_nats:
                return True
            why = f"reading packs differs by {difference:.3g} nats"
        self.warnings.append(f"prefixes are not shared: {why}; every pair is scored alone")
        return False

    def _difference(self, queries: Sequence[Query], shared: Sequence[Scored]) -> float:
        """Largest difference between log-likelihoods and those of one-by-one scoring, in nats."""
        plain = PlainScorer(self.loaded, 1, TokenCount()).score([queries[one.index] for one in shared])
        return max(
            0.0 if a == b else abs(a - b) if np.isfinite(a) and np.isfinite(b) else float("inf")
            for one, other in zip(shared, plain, strict=True)
            for choice, also in zip(one.nats, other.nats, strict=True)
            for a, b in zip(choice, also, strict=True)
        )

    def _self_check(self, queries: Sequence[Query]) -> None:
        """Scores some prompts with their longest choice again one by one, and compares with the very packs of the run.

        One sequence a prompt: read alone, a prompt costs as much as all shared work of many.
        """
        start = time.perf_counter()
        chosen = verified(queries, self.scoring.verify)
        scorer = SharedScorer(self.loaded, self._shared.pack_tokens, TokenCount(), self.warnings)
        shared = sorted(scorer.score(queries, known=set(range(len(queries))) - chosen))
        self._shared.pack_tokens = scorer.pack_tokens
        self.check.rows = len(chosen)
        longest = {one.index: max(enumerate(one.nats), key=lambda choice: len(choice[1])) for one in shared}
        self.check.max_difference_nats = self._difference(
            [_narrowed(queries[index], choice) for index, (choice, _) in longest.items()],
            [Scored(place, (nats,)) for place, (_, nats) in enumerate(longest.values())],
        )
        self.check.passed = self.check.max_difference_nats <= self.check.tolerance_nats
        self.check.seconds = time.perf_counter() - start
        if not self.check.passed:
            self._shares = False
            self.warnings.append(
                "the self-check failed: packs differ from one-by-one scoring by "
                f"{self.check.max_difference_nats:.3g} nats (tolerance {self.check.tolerance_nats}); "
                "every pair is scored alone"
            )


def _narrowed(query: Query, choice: int) -> Query:
    """A query with one of its choices."""
    return replace(query, choices=query.choices[choice : choice + 1], choice_ids=query.choice_ids[choice : choice + 1])


def verified(queries: Sequence[Query], n: int) -> set[int]:
    """Numbers of at most n queries to verify, drawn from the longer half of the distinct prompts.

    Long prompts reach windows, limits of positions and several packs; short ones (content-free, without shots) show
    little.
    """
    first: dict[bytes, int] = {}
    for index, query in enumerate(queries):
        first.setdefault(query.ids.tobytes(), index)
    by_length = sorted(first.values(), key=lambda index: (-len(queries[index].ids), index))
    longer = by_length[: max(n, (len(by_length) + 1) // 2)]
    return set(random.Random(0).sample(longer, min(n, len(longer))))


def default_pack_tokens(loaded: LoadedModel) -> int:
    """Tokens of one pass: on a CPU what its caches like, on a GPU a power of two that fits its free memory."""
    if loaded.device.type != "cuda":
        return 256
    free_bytes, _ = torch.cuda.mem_get_info(loaded.device)
    config = loaded.text_config
    width = config.hidden_size * 12 + getattr(config, "intermediate_size", config.hidden_size * 4) * 4
    most = int(free_bytes * 0.5 / (width * loaded.dtype.itemsize))
    return int(2 ** max(9, min(13, int(np.log2(max(most, 1))))))


def probe_queries(loaded: LoadedModel) -> list[Query]:
    """Random prompts that share prefixes of several lengths, with choices that share stems."""
    rng = np.random.default_rng(0)
    n_vocabulary = loaded.text_config.vocab_size
    head = rng.integers(0, n_vocabulary, 20)
    queries = []
    for length in (3, 9, 9, 5):
        ids = np.concatenate([head[: int(rng.integers(8, 21))], rng.integers(0, n_vocabulary, length)]).astype(np.int32)
        a, b, c, d = (int(token) for token in rng.integers(0, n_vocabulary, 4))
        queries.append(Query("", ids, ("1", "2", "3"), ((a,), (b, c), (b, c, d))))
    return queries

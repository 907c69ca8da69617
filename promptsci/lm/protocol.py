"""The LM protocol: the only face of a language model that the rest of the program sees."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, Protocol

from promptsci.lm.adapter import AdapterFolder
from promptsci.prompt import Query

Nats = tuple[tuple[float, ...], ...]
"""Log-likelihoods of one query: a tuple a choice, a number a token."""


class Scored(NamedTuple):
    """The number of a query and the log-likelihoods of its choices."""

    index: int  # type: ignore[assignment]  # a tuple has a method of that name
    nats: Nats


@dataclass(frozen=True)
class Generation:
    """How answers are written.

    Attributes:
        max_tokens: the longest answer, in tokens.
        stop: texts that end an answer; they do not belong to it.
        temperature: 0 takes the most likely token each time; above, tokens are drawn.
        seed: what is drawn depends on it and on the prompt, not on the order of work.
        schema: a JSON Schema as JSON text; an answer is then one value that follows it, and nothing else.
    """

    max_tokens: int
    stop: tuple[str, ...] = ()
    temperature: float = 0.0
    seed: int = 0
    schema: str | None = None


class Generated(NamedTuple):
    """An answer: all its token ids, its text without what ended it, and what that was.

    ``end`` is the model's own end token, ``stop`` one of the stop texts, ``length`` the limit of tokens, ``context``
    the longest sequence the model holds.
    """

    ids: tuple[int, ...]
    text: str
    finished_by: Literal["end", "stop", "length", "context"]


@dataclass
class TokenCount:
    """What scoring cost, in tokens.

    Attributes:
        computed: tokens that went through the model.
        distinct: nodes of the trie of all token sequences asked for.
        unshared: what scoring every (prompt, choice) pair alone would cost.
    """

    computed: int = 0
    distinct: int = 0
    unshared: int = 0

    def to_json(self) -> dict[str, int]:
        """The counts by name."""
        return {"computed": self.computed, "distinct": self.distinct, "unshared": self.unshared}


@dataclass(frozen=True)
class Description:
    """What a result says about the model that made it."""

    backend: str
    path: str
    dtype: str
    device: str
    sharing: str
    n_parameters: int
    context: int
    notes: tuple[str, ...] = ()
    self_check: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The description by name."""
        return {**vars(self), "notes": list(self.notes)}


class LM(Protocol):
    """Scores choices behind prompts, and writes answers."""

    tokens: TokenCount

    @property
    def check_seconds(self) -> float:
        """Time spent on checking itself, in seconds."""
        ...

    def use(self, adapter: AdapterFolder | None) -> None:
        """Puts an adapter on the base model, in place of one that is there; None leaves the base alone."""
        ...

    def reset(self) -> None:
        """Starts the counts of another run."""
        ...

    def score(
        self, queries: Sequence[Query], known: Collection[int] = (), first: Sequence[int] = ()
    ) -> Iterator[Scored]:
        """Yields the log-likelihoods of every query that is not known, in an order that depends on the queries alone.

        Known queries are planned as if they were asked, so that the numbers of the others do not depend on where an
        earlier call was interrupted. Those in ``first`` come as early as can be: much else waits for them.
        """
        ...

    def keep_warm(self, query: Query) -> int:
        """Tokens of a prompt that are kept read, so that later prompts which begin alike are scored from there on.

        0 where the model cannot share prefixes. It costs exactness no more than packs of other sizes do.
        """
        ...

    def generate(self, prompts: Sequence[Query], how: Generation) -> Iterator[tuple[int, Generated]]:
        """Yields (number of the prompt, answer) as answers are finished; choices of the prompts play no part."""
        ...

    def describe(self) -> Description:
        """What a result says about this model."""
        ...

"""The prompt of one row, read once, and how the log-odds of its choice change behind other prompts."""

from __future__ import annotations

from collections.abc import Sequence

from promptsci.explain.odds import Odds
from promptsci.lm import LM, Nats, TokenCount
from promptsci.lm.branch import Branch, Branching, Reading, branch_of
from promptsci.prompt import Encoder, Prompt, Query


class LoneReading:
    """The way of models that cannot share what they have read: every branch from its first token on."""

    n_warm = 0

    def __init__(self, lm: LM) -> None:
        self.lm = lm
        self.tokens: TokenCount = lm.tokens

    def score(self, branches: Sequence[Branch]) -> list[Nats]:
        """The log-likelihoods of each branch's choices; none of them may hide anything."""
        assert not any(branch.hidden for branch in branches), "only a model that shares can hide"
        return [one.nats for one in sorted(self.lm.score([branch.query for branch in branches]))]


class Asker:
    """Asks about one choice of one row behind its own prompt and others, within a budget of tokens.

    Attributes:
        prompt: of the row.
        query: the same as tokens.
        nats: log-likelihoods of its choices.
        choice: the number of the choice that is explained.
        whole: its log-odds behind the whole prompt.
        once: tokens of scoring the row and its shots once.
        shares: whether branches share what was read; without, the budget cannot hold.
    """

    def __init__(self, lm: LM, encoder: Encoder, prompt: Prompt, query: Query) -> None:
        shared = lm.reading if isinstance(lm, Branching) else None
        self._before = lm.tokens.computed
        found: Reading | None = shared(query) if shared else None
        self.shares = found is not None
        self.reading: Reading = found or LoneReading(lm)
        self.encoder = encoder
        self.prompt = prompt
        self.query = query
        self.once = Branch(query, 0).n_tokens
        (self.nats,) = self.reading.score([branch_of(query.ids, query)])

    def explain(self, odds: Odds, choice: int | None, budget: float) -> None:
        """Fixes what is explained: a choice (by default the decided one), and how many times ``once`` it may cost."""
        self.odds = odds
        self.choice = odds.decide(self.nats) if choice is None else choice
        self.whole = odds.of(self.nats, self.choice)
        self.cap = int(budget * self.once)

    @property
    def computed(self) -> int:
        """Tokens that went through the model for this row."""
        return self.reading.tokens.computed - self._before

    @property
    def left(self) -> int:
        """Tokens of the budget that are left.

        What had been read before counts as if it were read for this row, so that an explanation is the same whoever
        asked before.
        """
        return max(0, self.cap - self.computed - self.reading.n_warm)

    def branches(self, prompts: Sequence[Prompt]) -> list[Branch]:
        """The branch that makes each of these prompts."""
        return [branch_of(self.query.ids, query) for query in self.encoder.encode(prompts)]

    def changes(self, branches: Sequence[Branch]) -> list[float]:
        """How much the log-odds fall where each branch is read instead of the whole prompt, in nats."""
        return [self.whole - self.odds.of(nats, self.choice) for nats in self.reading.score(branches)]


def cost(branches: Sequence[Branch]) -> int:
    """Tokens that are read for branches."""
    return sum(branch.n_tokens for branch in branches)

"""What a comparison says: methods, differences and what they cost, as frozen records that become one JSON object."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from promptsci.score import Estimate


@dataclass(frozen=True)
class MetricCard:
    """A metric as it is read: what is averaged over what."""

    name: str
    title: str
    higher_is_better: bool
    averaging: str


@dataclass(frozen=True)
class Spread:
    """How a metric differs between the runs of one method; ``sd`` is the sample standard deviation."""

    median: float
    low: float
    high: float
    sd: float


@dataclass(frozen=True)
class Cost:
    """What a method costs, a run on average; None where it is not known.

    Args:
        trainable_parameters: 0 where nothing was trained.
        training_s: seconds of training.
        adapter_bytes: the size of the tuned weights on disk.
        labels: labelled examples that training or shots used.
        seconds_per_1000: seconds of scoring for 1,000 rows, loading left out.
        tokens_per_1000: tokens through the model for 1,000 rows.
        peak_memory_bytes: the most memory that scoring held.
    """

    trainable_parameters: int | None
    training_s: float | None
    adapter_bytes: int | None
    labels: int | None
    seconds_per_1000: float | None
    tokens_per_1000: float | None
    peak_memory_bytes: int | None


@dataclass(frozen=True)
class RunEntry:
    """One Run of a method: what it was asked, where it stands, and its metrics on the rows compared."""

    run_dir: str
    template: str | None
    seed: int
    format: str | None
    rule: str
    metrics: Mapping[str, float]


@dataclass(frozen=True)
class Group:
    """Metrics of some of the rows."""

    n: int
    metrics: Mapping[str, Estimate]


@dataclass(frozen=True)
class Method:
    """A row of the table: one Run, or the runs that differ in seed, shot set or wording only.

    Args:
        name: as it is printed, different for each method of a comparison.
        method: ``zero-shot``, ``8-shot``, ``lora``, ...
        model: the model's name.
        adapter: the adapter's name, or None.
        rule: the decision rule, or ``mixed``.
        runs: the Runs behind it.
        metrics: each metric, the mean over runs, with its interval over rows (and over runs where there are several).
        spread: each metric's spread over the runs; empty for one run.
        unseen: the rows whose text stands in no train split; None where no row is seen, or every one.
        seen: the other rows; None where there are none.
        calibration: ECE and Brier score; empty where they are not known.
        cost: what it costs.
        rank: 1 is best by the main metric.
        tied: the data cannot show that it is worse than the best.
    """

    name: str
    method: str
    model: str | None
    adapter: str | None
    rule: str
    runs: tuple[RunEntry, ...]
    metrics: Mapping[str, Estimate]
    spread: Mapping[str, Spread]
    unseen: Group | None
    seen: Group | None
    calibration: Mapping[str, Estimate]
    cost: Cost
    rank: int
    tied: bool


@dataclass(frozen=True)
class McNemar:
    """McNemar's exact test of accuracy: rows that only a or only b answers rightly, p, and p after Holm."""

    only_a: int
    only_b: int
    p: float
    p_holm: float


@dataclass(frozen=True)
class Difference:
    """The main metric of method ``a`` minus that of method ``b``, on the same rows.

    Args:
        a: a method's name.
        b: another's.
        value: the difference, with its interval from a paired bootstrap.
        p: of a paired randomisation test of this very metric, two-sided.
        p_holm: the same after Holm's correction for all differences of the comparison.
        shown: p_holm is below the level and the interval leaves out 0: the data show a difference.
        pairing: how the runs were paired: ``one run each``, ``same seed and wording`` or ``every run with every run``.
        wins: pairs of runs in which a is better.
        losses: pairs of runs in which b is better.
        pairs: pairs of runs.
        discordant: the share of rows that exactly one of the two answers rightly, on average; None where an answer is
            not simply right or wrong.
        smallest_accuracy: the smallest difference in accuracy that so many rows and such a discordant share can show.
        smallest: the smallest difference in the main metric that they can show (power 0.8, level 0.05), 2.8 times the
            standard error of the difference.
        mcnemar: for one run each.
    """

    a: str
    b: str
    value: Estimate
    p: float
    p_holm: float
    shown: bool
    pairing: str
    wins: int
    losses: int
    pairs: int
    discordant: float | None
    smallest_accuracy: float | None
    smallest: float
    mcnemar: McNemar | None

    def judged(self, level: float) -> Difference:
        """The same, with ``shown`` as p and interval say."""
        excludes_0 = not self.value.low <= 0 <= self.value.high
        return replace(self, shown=self.p_holm < level and excludes_0)

    def mirrored(self) -> Difference:
        """The difference of b to a."""
        value = Estimate(-self.value.value, -self.value.high, -self.value.low)
        exact = self.mcnemar
        if exact:
            exact = replace(exact, only_a=exact.only_b, only_b=exact.only_a)
        return replace(self, a=self.b, b=self.a, value=value, wins=self.losses, losses=self.wins, mcnemar=exact)


@dataclass(frozen=True)
class Robust:
    """A method on the same rows, clean and perturbed.

    Args:
        name: of the method.
        clean: the main metric on the rows as they are.
        perturbed: the same under each perturbation that the method was run under.
        worst: the perturbation under which it is worst; None where it is worst on clean rows.
        worst_value: the main metric there.
        always: the share of rows answered rightly as they are and under every perturbation; None where an answer is not
            simply right or wrong.
    """

    name: str
    clean: Estimate
    perturbed: Mapping[str, Estimate]
    worst: str | None
    worst_value: float
    always: float | None


@dataclass(frozen=True)
class Robustness:
    """Whether what holds on clean rows holds on perturbed ones.

    Args:
        perturbations: in the order of their runs.
        methods: those with perturbed runs, best on clean rows first.
        rankings: ``clean`` and each perturbation that all these methods were run under -> their names, best first.
        tau: Kendall's tau of each of these rankings with the clean one; empty for one method.
        survives: every ranking is the clean one; None where there is nothing to rank.
        best_survives: the best on clean rows is the best in every ranking; None where there is nothing to rank.
    """

    perturbations: tuple[str, ...]
    methods: tuple[Robust, ...]
    rankings: Mapping[str, tuple[str, ...]]
    tau: Mapping[str, float]
    survives: bool | None
    best_survives: bool | None


@dataclass(frozen=True)
class Published:
    """A figure that a paper states: a marked row, on whose rows nothing can be tested."""

    method: str
    metric: str
    value: float
    source: str
    note: str | None
    comparable: bool


@dataclass(frozen=True)
class Comparison:
    """All that a comparison says.

    Args:
        task: the task's name.
        split: the split that was scored.
        rows: which rows decide: ``all``, ``unseen`` or ``seen``.
        n: how many rows these are.
        seen: how many of all shared rows also stand in train.
        main: the metric that decides.
        metrics: all metrics, the main one first.
        methods: best first.
        best: the name of the best method.
        baseline: the name of the method that others are measured against.
        differences: of each method to the best and to the baseline.
        level: of tests, and one minus that of intervals.
        published: figures of papers.
        notes: what a reader must know.
        settings: resamples, seed, and versions that matter.
        robustness: the same methods on perturbed rows; None where there are no such runs.
    """

    task: str
    split: str
    rows: str
    n: int
    seen: int
    main: str
    metrics: tuple[MetricCard, ...]
    methods: tuple[Method, ...]
    best: str
    baseline: str
    differences: tuple[Difference, ...]
    level: float
    published: tuple[Published, ...]
    notes: tuple[str, ...]
    settings: Mapping[str, Any]
    robustness: Robustness | None = None

    def difference(self, a: str, b: str) -> Difference | None:
        """The difference of a to b, or None where it was not asked for."""
        return next((found for found in self.differences if (found.a, found.b) == (a, b)), None)

    def to_json(self) -> dict[str, Any]:
        """The comparison as plain dicts, lists and unrounded numbers; ties are the names in ``tied``."""
        stored: dict[str, Any] = _plain(asdict(self))
        return {**stored, "tied": [method.name for method in self.methods if method.tied]}


def _plain(value: Any) -> Any:
    """Tuples as lists, all the way down."""
    if isinstance(value, Mapping):
        return {key: _plain(part) for key, part in value.items()}
    return [_plain(part) for part in value] if isinstance(value, list | tuple) else value

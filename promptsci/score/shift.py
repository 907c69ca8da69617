"""Drift: do new rows look like those that a method was made with, and does it call them alike?

Four looks, each with an effect that says how much and a test that says whether chance would do:

- **calls**: the shares of labels among the decisions on new rows against those on labelled rows of the same method.
  Decisions against decisions, as the classifier's errors are in both. Effect: total variation distance, the share of
  decisions that would have to change. Test: chi-squared, or a permutation of it where cells are small.
- **length**: words in a text. Effect: the Kolmogorov-Smirnov distance of the two distributions, and its test.
- **new words**: the share of a text's words that stand in no text of train, new rows against validation rows, which
  are as new to train. Effect: the difference of means. Test: Mann-Whitney.
- **classifier**: a logistic regression on TF-IDF tries to tell new rows from known ones. It learns from half of the
  rows of each side; the other half is ranked. Effect: the area under the ROC curve (0.5: it cannot tell). Test:
  Mann-Whitney of the held-out scores, which is exact whatever the classifier learned.

Like texts count once, so that a repeat in both halves teaches nothing. The four p-values are corrected by Holm.
A large sample makes any difference significant: read the effect before the p-value.

Source:
    Lopez-Paz and Oquab 2017, arXiv 1610.06545 (classifier two-sample tests); Rabanser et al. 2019, arXiv 1810.11953;
    Lipton et al. 2018, arXiv 1802.03916 (shift of labels seen through a classifier's decisions).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np

from promptsci.score.outcomes import FloatArray, IntArray

LEVEL = 0.05
FEWEST = 20
"""Texts a side below which no test of texts is made."""
PERMUTATIONS = 2_000
SMALL_CELL = 5
TELLING = 8


@dataclass(frozen=True)
class Look:
    """One look at the difference of two samples.

    Args:
        name: what was looked at.
        effect: how large the difference is, on the look's own scale.
        new: the figure of the new rows that the effect compares; None where there is no one figure.
        known: that of the known rows.
        p: the chance of such a difference between samples of one source.
        p_holm: the same, corrected for all looks.
        n_new: new rows looked at.
        n_known: known rows looked at.
        words: what tells new rows from known ones most, the strongest first.
    """

    name: str
    effect: float
    new: float | None
    known: float | None
    p: float
    n_new: int
    n_known: int
    p_holm: float = 1.0
    words: tuple[str, ...] = ()


@dataclass(frozen=True)
class Shift:
    """All looks that could be made, and why others could not."""

    looks: tuple[Look, ...]
    skipped: dict[str, str] = field(default_factory=dict)

    @property
    def is_seen(self) -> bool:
        """Whether any look shows more than chance would."""
        return any(look.p_holm <= LEVEL for look in self.looks)

    def to_json(self) -> dict[str, Any]:
        """Plain dicts, lists and unrounded numbers."""
        return {
            "level": LEVEL,
            "seen": self.is_seen,
            "looks": [{**asdict(look), "words": list(look.words)} for look in self.looks],
            "skipped": dict(self.skipped),
        }


@dataclass(frozen=True)
class Texts:
    """Texts of the rows a method was made with, and new ones.

    Args:
        new: a sample of the rows to be labelled.
        train: rows that were shown or learned from.
        held_out: labelled rows that were not.
    """

    new: Sequence[str]
    train: Sequence[str]
    held_out: Sequence[str]


def shift(calls: tuple[IntArray, IntArray] | None, texts: Texts, *, seed: int = 0) -> Shift:
    """How new rows differ from known ones.

    Args:
        calls: how many new rows, and labelled rows, were called each label [C+1]; None where there are no labels.
        texts: a sample of the new ones, and the known ones.
        seed: of permutations and halves.
    """
    new, train, held_out = (_distinct(side) for side in (texts.new, texts.train, texts.held_out))
    known = _distinct([*train, *held_out])
    looks: list[Look] = []
    skipped: dict[str, str] = {}
    if calls is None:
        skipped["calls"] = "there are no decisions on labelled rows to compare with"
    else:
        looks.append(_calls(*calls, seed))
    few = f"fewer than {FEWEST} different texts on a side"
    if min(len(new), len(known)) < FEWEST:
        skipped |= dict.fromkeys(("length", "classifier"), few)
    else:
        looks.append(_length(new, known))
    if min(len(new), len(held_out), len(train)) < FEWEST:
        skipped["new words"] = few
    else:
        looks.append(_new_words(new, train, held_out))
    if "classifier" not in skipped:
        told = _classifier(new, known, seed)
        if told is None:
            skipped["classifier"] = "the texts hold no word to tell them by"
        else:
            looks.append(told)
    return Shift(_holm(looks), skipped)


def _distinct(texts: Sequence[str]) -> list[str]:
    folded = {" ".join(text.split()).casefold(): None for text in texts}
    return list(folded)


def _holm(looks: Sequence[Look]) -> tuple[Look, ...]:
    corrected = dict[str, float]()
    highest = 0.0
    for place, look in enumerate(sorted(looks, key=lambda look: look.p)):
        highest = max(highest, min(1.0, (len(looks) - place) * look.p))
        corrected[look.name] = highest
    return tuple(replace(look, p_holm=corrected[look.name]) for look in looks)


def _calls(new: IntArray, known: IntArray, seed: int) -> Look:
    table = np.stack([new, known])
    table = table[:, table.sum(0) > 0]
    shares = table / table.sum(1, keepdims=True)
    effect = float(np.abs(shares[0] - shares[1]).sum() / 2)
    return Look("calls", effect, None, None, _chi_squared_p(table, seed), int(new.sum()), int(known.sum()))


def _chi_squared_p(table: IntArray, seed: int) -> float:
    """The p-value of equal shares in two samples [2, C]; by permutation where a cell is expected to be small."""
    from scipy.stats import chi2_contingency

    if table.shape[1] < 2:
        return 1.0
    found = chi2_contingency(table, correction=False)
    if found.expected_freq.min() >= SMALL_CELL:
        return float(found.pvalue)
    rng = np.random.default_rng(seed)
    drawn = rng.multivariate_hypergeometric(table.sum(0), int(table[0].sum()), size=PERMUTATIONS)
    expected = found.expected_freq[0]
    scale = 1 + expected / found.expected_freq[1]
    values = ((drawn - expected) ** 2 / expected * scale).sum(1)
    seen = float(((table[0] - expected) ** 2 / expected * scale).sum())
    return float((1 + (values >= seen - 1e-9).sum()) / (1 + PERMUTATIONS))


def _length(new: Sequence[str], known: Sequence[str]) -> Look:
    from scipy.stats import ks_2samp

    a, b = (np.array([len(text.split()) for text in side], dtype=np.float64) for side in (new, known))
    found = ks_2samp(a, b)
    return Look("length", float(found.statistic), float(np.median(a)), float(np.median(b)), float(found.pvalue),
                len(a), len(b))  # fmt: skip


def _new_words(new: Sequence[str], train: Sequence[str], held_out: Sequence[str]) -> Look:
    from scipy.stats import mannwhitneyu

    vocabulary = {word for text in train for word in text.split()}
    a, b = (_unheard(side, vocabulary) for side in (new, held_out))
    p = float(mannwhitneyu(a, b).pvalue) if np.ptp(np.concatenate([a, b])) else 1.0
    return Look("new words", float(a.mean() - b.mean()), float(a.mean()), float(b.mean()), p, len(a), len(b))


def _unheard(texts: Sequence[str], vocabulary: set[str]) -> FloatArray:
    """The share of each text's words [N] that are not in the vocabulary."""
    words = (text.split() for text in texts)
    return np.array([sum(word not in vocabulary for word in each) / max(1, len(each)) for each in words])


def _classifier(new: Sequence[str], known: Sequence[str], seed: int) -> Look | None:
    from scipy.stats import mannwhitneyu
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(seed)
    n = min(len(new), len(known))
    sides = [[side[at] for at in rng.permutation(len(side))[:n]] for side in (new, known)]
    half = n // 2
    is_new = np.repeat([1, 0], half)
    vectorizer = TfidfVectorizer(analyzer=str.split, sublinear_tf=True)
    try:
        learned = vectorizer.fit_transform([text for side in sides for text in side[:half]])
    except ValueError:  # no word in any text
        return None
    model = LogisticRegression(C=10.0, max_iter=1_000).fit(learned, is_new)
    a, b = (model.decision_function(vectorizer.transform(side[half:])) for side in sides)
    found = mannwhitneyu(a, b)
    names = vectorizer.get_feature_names_out()
    weights = model.coef_[0]
    words = tuple(str(names[at]) for at in np.argsort(-weights, kind="stable")[:TELLING] if weights[at] > 0)
    area = float(found.statistic) / (len(a) * len(b))
    return Look("classifier", area, None, None, float(found.pvalue), len(a), len(b), words=words)

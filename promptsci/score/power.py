"""Power: the smallest difference between two Methods that n shared rows can be expected to show."""

from __future__ import annotations

from math import sqrt
from statistics import NormalDist

from promptsci.errors import DataError

DISCORDANT_SHARE = 0.2
"""Share of rows on which exactly one of two Methods is right, where nothing is known yet."""


def smallest_difference(
    n: int, discordant_share: float = DISCORDANT_SHARE, *, alpha: float = 0.05, power: float = 0.8
) -> float:
    """The smallest difference in accuracy that a paired test on n rows shows with the given power, from 0 to 1.

    With d the difference, p the share of discordant rows (exactly one of two Methods right), a and b the normal
    quantiles of 1 - alpha/2 and of power, McNemar's test needs

        n = (a sqrt(p) + b sqrt(p - d²))² / d²,

    solved here for d. To first order d = (a + b) sqrt(p / n) = 2.8 sqrt(p / n). A difference cannot be larger than the
    discordant share, so where n is too small for d <= p, the formula is solved with p = d. Before two Methods are
    compared p is unknown and 0.2 is assumed; afterwards pass the observed share.

    Args:
        n: the number of shared rows.
        discordant_share: p, above 0 and at most 1.
        alpha: two-sided level of the test.
        power: the probability to show the difference.

    Returns:
        d; 1.0 where n rows can show no difference at all.

    Raises:
        DataError: n is not positive, or the share is not in (0, 1].

    Source:
        Connor 1987, Biometrics 43, 207-211.
    """
    if n < 1 or not 0 < discordant_share <= 1:
        raise DataError(
            f"a smallest difference needs rows and a discordant share in (0, 1], not {n}, {discordant_share}"
        )
    a, b = NormalDist().inv_cdf(1 - alpha / 2), NormalDist().inv_cdf(power)
    if n <= a * a:
        return 1.0
    difference = sqrt(discordant_share) * (a * sqrt(n) + b * sqrt(n - a * a + b * b)) / (n + b * b)
    if difference <= discordant_share:
        return difference
    # p = d: n d = (a + b sqrt(1 - d))², a quadratic in sqrt(1 - d).
    root = (-a * b + sqrt(a * a * b * b + (n + b * b) * (n - a * a))) / (n + b * b)
    return 1 - root * root

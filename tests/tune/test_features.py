from __future__ import annotations

import pytest

from promptsci.tune.features import candidates, places


@pytest.mark.parametrize(
    ("texts", "names", "why"),
    [
        (["We use their parser.", "In contrast, we do not."], ["words"], "written in words"),
        (["ACGTACGTACGTACGTACGT", "ACGT" * 9], ["characters"], "without spaces"),
        (["ACGTA", " GGTCA\n"], ["characters", "positions"], "all of one length (5 characters)"),
        (
            ["本文提出了一种新的方法并且在三个数据集上进行了验证。", "我们使用他们的方法"],
            ["characters"],
            "without spaces",
        ),
        (["See https://example.org/a/very/long/address for it", "good"], ["words"], "written in words"),
    ],
    ids=["english", "dna", "aligned", "chinese", "address"],
)
def test_what_is_counted_follows_from_how_train_is_written(texts: list[str], names: list[str], why: str) -> None:
    """Texts in words are counted in words, others in characters, aligned ones also by place; the reason is said."""
    among, because = candidates(texts)

    assert [features.name for features in among] == names
    assert why in because


def test_places_name_each_character_and_pair_once() -> None:
    """White space around a sequence does not move its places."""
    assert places(" ACA\n") == ["0A", "1C", "2A", "0AC", "1CA"]
    assert places("") == []

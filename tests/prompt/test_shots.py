from __future__ import annotations

import math
import random
import re
import string
import time
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptsci.data import Example, text_key
from promptsci.errors import PromptError
from promptsci.prompt import Pool, chooser
from promptsci.spec import Task

LABELS = ("a", "b", "c")
RULES = ["random", "balanced", "similar", "similar-embedding", "first"]
QUERY = Example("q", {"text": "A gene of paper data"})


def some(n: int, seed: int = 0, n_texts: int = 10**9) -> list[Example]:
    """Labelled examples of random words; no more than n_texts of their texts differ."""
    draw = random.Random(seed)
    texts = [
        " ".join(draw.choices("cell gene model paper data result the of and".split(), k=9)) + f" {i}"
        for i in range(min(n, n_texts))
    ]
    return [Example(f"p{i}", {"text": texts[i % len(texts)]}, LABELS[i % 3]) for i in range(n)]


class Letters:
    """Texts as vectors of length one: how often each letter stands in them."""

    sha256 = "letters"
    n_cut = 0

    def __call__(self, texts: list[str]) -> np.ndarray:
        """The vectors of texts."""
        counts = np.array([[text.lower().count(letter) for letter in string.ascii_lowercase] for text in texts])
        return (counts / np.linalg.norm(counts, axis=1, keepdims=True)).astype(np.float32)


def names(shots: list[Example]) -> list[str]:
    """The ids of shots."""
    return [shot.id for shot in shots]


@pytest.fixture
def fixed_task(task: Task) -> Task:
    """A task that names its shots."""
    return Task.model_validate({**task.model_dump(by_alias=True), "shots": {"ids": ["p4", "p1", "p7", "p0"]}})


@given(
    st.sampled_from(RULES), st.integers(1, 9), st.integers(0, 5), st.tuples(st.integers(12, 40), st.integers(10, 40)),
    st.data(),
)  # fmt: skip
def test_shots_never_show_the_query_nor_a_text_twice(
    rule: str, k: int, seed: int, sizes: tuple[int, int], data: st.DataObject
) -> None:
    """Exactly k shots, none with the query's id or text, no text twice, however often the pool repeats itself."""
    pool = some(sizes[0], n_texts=sizes[1])
    query = data.draw(st.sampled_from([*pool, QUERY, Example("p3", {"text": "another text"})]))
    shouted = Example("other", {"text": "  ".join(query.text.upper().split(" "))})
    try:
        chosen = chooser(rule, Pool(pool, LABELS, Letters()), k, seed, None)
        for asked in (query, shouted):
            chosen.check(asked)
            shots = chosen.shots(asked)
            assert len(shots) == k
            assert asked.id not in names(shots)
            assert text_key(asked) not in map(text_key, shots)
            assert len(set(map(text_key, shots))) == k
    except PromptError:
        assert len(set(map(text_key, pool))) <= k + 2 or rule == "balanced"


@given(st.sampled_from(["random", "balanced"]), st.integers(1, 9), st.integers(0, 99), st.randoms())
def test_the_choice_is_a_function_of_seed_and_ids(rule: str, k: int, seed: int, order: random.Random) -> None:
    """Neither the order of the pool nor the order of the queries matters; the seed does."""
    pool = some(30)
    mixed = order.sample(pool, len(pool))
    queries = [*pool[:6], QUERY]
    first = chooser(rule, Pool(pool, LABELS, Letters()), k, seed, None)
    second = chooser(rule, Pool(mixed, LABELS), k, seed, None)
    expected = {query.id: names(first.shots(query)) for query in queries}

    assert {query.id: names(second.shots(query)) for query in reversed(queries)} == expected


@pytest.mark.parametrize("rule", ["random", "balanced"])
def test_seeds_give_other_shots(rule: str) -> None:
    """Ten seeds give ten different sets of shots in different orders."""
    chosen = {tuple(names(chooser(rule, Pool(some(60), LABELS), 6, seed, None).shots(QUERY))) for seed in range(10)}

    assert len(chosen) == 10


@pytest.mark.parametrize("k", range(1, 13))
def test_balanced_gives_each_label_its_share(k: int) -> None:
    """Each label has k // 3 shots, and k mod 3 labels one more; which ones, the seed draws, for all labels alike."""
    lucky = Counter[str]()
    for seed in range(40):
        shots = chooser("balanced", Pool(some(30), LABELS), k, seed, None).shots(QUERY)
        counts = Counter(shot.gold for shot in shots)
        assert sorted((counts[label] - k // 3 for label in LABELS), reverse=True) == [1] * (k % 3) + [0] * (3 - k % 3)
        lucky.update(label for label in LABELS if counts[label] > k // 3)

    assert set(lucky) == (set(LABELS) if k % 3 else set())


def test_queries_share_their_shots_but_where_they_are_shown() -> None:
    """A query that stands among the usual shots loses that one, and another takes its very place."""
    pool = some(30)
    chosen = chooser("balanced", Pool(pool, LABELS, Letters()), 6, 0, None)
    usual = chosen.shots(QUERY)
    changed = chosen.shots(usual[2])

    assert chosen.shots(Example("r", {"text": "x"})) == usual
    assert [a == b for a, b in zip(usual, changed, strict=True)] == [True, True, False, True, True, True]
    assert changed[2].gold == usual[2].gold


def words_and_pairs(text: str) -> list[str]:
    """Words that are no numbers, and each with its neighbour."""
    words = [word for word in re.findall(r"\w+", text.lower()) if not word.isdigit()]
    return words + [f"{words[i]} {words[i + 1]}" for i in range(len(words) - 1)]


def bm25(query: str, texts: list[str], k1: float = 0.9, b: float = 0.4) -> list[float]:
    """Scores by the formula of BM25 with Lucene's idf, written out."""
    documents = [Counter(words_and_pairs(text)) for text in texts]
    mean = sum(map(Counter.total, documents)) / len(documents)
    scores = [0.0] * len(documents)
    for word in words_and_pairs(query):
        df = sum(word in document for document in documents)
        idf = math.log(1 + (len(documents) - df + 0.5) / (df + 0.5))
        for i, document in enumerate(documents):
            length = 1 - b + b * document.total() / mean
            scores[i] += idf * document[word] / (document[word] + k1 * length)
    return scores


@pytest.mark.parametrize("seed", range(5))
def test_similar_is_bm25_with_the_nearest_last(seed: int) -> None:
    """The shots are the k best by the formula, in rising order of score."""
    pool = some(60, seed)
    query = Example("q", {"text": "gene gene paper 7 of CELL unheard-of 12"})
    shots = chooser("similar", Pool(pool, LABELS, Letters()), 7, 0, None).shots(query)
    scores = dict(zip(names(pool), bm25(query.text, [example.text for example in pool]), strict=True))
    mine = [scores[name] for name in names(shots)]

    assert mine == pytest.approx(sorted(mine))
    assert mine == pytest.approx(sorted(scores.values())[-7:])


@pytest.mark.parametrize("text", ["", "???", "unheard"])
def test_similar_to_nothing_follows_the_pool(text: str) -> None:
    """A query that shares no word with the pool has its first examples, the first one last."""
    shots = chooser("similar", Pool(some(20), LABELS), 3, 0, None).shots(Example("q", {"text": text}))

    assert names(shots) == ["p2", "p1", "p0"]


def test_a_pool_without_words_can_be_asked() -> None:
    """Texts of signs alone are all equally near."""
    pool = [Example(f"p{i}", {"text": "?" * (i + 1)}, "a") for i in range(5)]

    assert names(chooser("similar", Pool(pool, LABELS, Letters()), 2, 0, None).shots(QUERY)) == ["p1", "p0"]


def test_similar_keeps_up_with_a_benchmark() -> None:
    """A pool of 1,700 is indexed and asked 1,000 times within two seconds of work."""
    draw = random.Random(0)
    words = [f"w{i}" for i in range(3000)]
    texts = [" ".join(draw.choices(words, k=30)) for _ in range(2700)]
    pool = Pool([Example(f"p{i}", {"text": text}, "a") for i, text in enumerate(texts[:1700])], LABELS)
    start = time.process_time()
    chosen = chooser("similar", pool, 8, 0, None)
    for i, text in enumerate(texts[1700:]):
        chosen.shots(Example(f"q{i}", {"text": text}))

    assert time.process_time() - start < 2


def test_fixed_shots_stand_as_they_are_named(fixed_task: Task) -> None:
    """The task's ids in their order; the next one steps in for one that is the query."""
    chosen = chooser("fixed", Pool(some(9), LABELS), 3, 0, fixed_task)

    assert names(chosen.shots(QUERY)) == ["p4", "p1", "p7"]
    assert names(chosen.shots(some(9)[1])) == ["p4", "p0", "p7"]


def test_unlabelled_rows_are_no_shots() -> None:
    """The pool holds labelled rows only."""
    pool = Pool([*some(3), Example("u", {"text": "new"})], LABELS)

    assert "u" not in names(chooser("first", pool, 3, 0, None).shots(QUERY))


@pytest.mark.parametrize(
    ("rule", "k", "message"),
    [
        ("similiar", 1, r"no way to choose shots called 'similiar'\n  Did you mean 'similar'"),
        ("random", 31, r"31 shots are asked for, but the pool has 30 labelled .*\n  Use --shots 30 or fewer"),
        ("random", -1, r"-1 shots cannot be shown"),
        ("fixed", 5, r"task.yaml names 4 fixed shots, 5 are asked for"),
    ],
)
def test_what_cannot_be_chosen_is_told(fixed_task: Task, rule: str, k: int, message: str) -> None:
    """Unknown rules and too many shots are errors before anything is scored."""
    with pytest.raises(PromptError, match=message):
        chooser(rule, Pool(some(30), LABELS), k, 0, fixed_task)


def test_a_label_with_too_few_examples_is_told() -> None:
    """Balanced shots need enough examples of each label, and enough texts that differ."""
    with pytest.raises(PromptError, match=r"the pool has 1 examples of 'b', 2 are needed\n  Use fewer --shots"):
        chooser("balanced", Pool([*some(30)[::3], some(30)[1], *some(30)[2::3]], LABELS), 6, 0, None)
    same = [Example(f"s{i}", {"text": "same"}, "b") for i in range(5)]
    with pytest.raises(PromptError, match="2 shots are to come from 5 examples, of which 1 differ in text"):
        chooser("balanced", Pool([*some(30)[::3], *same, *some(30)[2::3]], LABELS), 6, 0, None)


def test_a_fixed_shot_that_is_not_there_is_told(task: Task) -> None:
    """An id that the pool does not have is named."""
    named = Task.model_validate({**task.model_dump(by_alias=True), "shots": {"ids": ["p1", "x9"]}})
    with pytest.raises(PromptError, match="fixed shot 'x9' is not in the pool"):
        chooser("fixed", Pool(some(9), LABELS), 2, 0, named)


@pytest.mark.parametrize("rule", RULES)
def test_too_few_shots_for_one_query_are_told(rule: str) -> None:
    """A pool of exactly k serves all queries but those that stand in it."""
    pool = some(3)
    chosen = chooser(rule, Pool(pool, LABELS, Letters()), 3, 0, None)

    assert len(chosen.shots(QUERY)) == 3
    for method in (chosen.shots, chosen.check):
        with pytest.raises(
            PromptError, match=r"too few shots are left for example p1: its own text stands in the pool"
        ):
            method(pool[1])


def test_nearest_shots_without_an_encoder_are_told(task: Task) -> None:
    """Where no model is read, as in ``show``, nothing can be near; it is said and not a fault."""
    pool = [Example(f"train-{n}", {"text": f"text {n}"}, "a") for n in range(3)]
    with pytest.raises(PromptError, match="no model is read here"):
        chooser("similar-embedding", Pool(pool, ("a",)), 2, 0, task)


def test_no_shots_need_no_pool(task: Task) -> None:
    """Zero-shot asks nothing of the pool."""
    assert chooser("fixed", Pool([], LABELS), 0, 0, task).shots(QUERY) == []


def test_nearest_shots_are_those_of_the_largest_cosine_nearest_last() -> None:
    """A loop over the pool finds the same order; of equally near texts the first in the pool is nearer."""
    pool = some(60)
    embed = Letters()
    asked = embed([QUERY.text])[0].astype(float)
    cosines = [round(float(np.float32(embed([example.text])[0] @ asked)), 5) for example in pool]
    chosen = chooser("similar-embedding", Pool(pool, LABELS, embed), 12, 0, None).shots(QUERY)
    found = [cosines[pool.index(shot)] for shot in chosen]

    assert found == sorted(cosines)[-12:]

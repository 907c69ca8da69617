from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from promptsci.errors import ModelError, Problems, PromptError
from promptsci.lm import Generation, Scoring, TransformersLM, shared
from promptsci.lm.plain import PlainScorer
from promptsci.lm.protocol import TokenCount
from promptsci.lm.transformers_lm import default_pack_tokens, probe_queries, verified
from promptsci.prompt import Query

SHARE = ["gpt2", "llama", "gemma3_text", "gemma2"]
ALONE = {
    "falcon:alibi": "it takes no positions",
    "bloom": "it takes no positions",
    "mpt": "it takes no positions",
    "rwkv": "it takes no positions",
    "gpt_neo": "local attention",
    "mamba": "",
    "mamba2": "",
    "recurrent_gemma": "",
    "jamba": "",
    "falcon_h1": "",
    "bamba": "",
    "granitemoehybrid": "",
    "lfm2": "",
    "qwen3_next": "",
}
FEW = ("falcon:alibi", "bloom", "mamba", "jamba", "gpt_neo")


def flat(scored: Any) -> list[float]:
    """All log-likelihoods, by number of the query."""
    return [value for _, nats in sorted(scored) for choice in nats for value in choice]


@pytest.mark.parametrize("family", SHARE)
def test_models_that_can_share_do(family: str, tiny: Callable, make_queries: Callable) -> None:
    """The probe passes, some prompts are checked, and the description says all of it."""
    lm = TransformersLM(tiny(family), Scoring(pack_tokens=24))
    queries = make_queries()
    expected = flat(PlainScorer(tiny(family), 1, TokenCount()).score(queries))

    assert flat(lm.score(queries)) == pytest.approx(expected, abs=1e-3)
    described = lm.describe().to_json()
    assert described["sharing"] == "packs of 24 tokens"
    assert described["notes"] == []
    assert described["self_check"]["rows"] == 4
    assert described["self_check"]["passed"]
    assert 0 < described["self_check"]["max_difference_nats"] < 1e-3
    assert lm.check_seconds > 0


@pytest.mark.parametrize(
    "family", [name if name in FEW else pytest.param(name, marks=pytest.mark.slow) for name in ALONE]
)
def test_models_that_cannot_share_are_scored_alone(family: str, tiny: Callable, make_queries: Callable) -> None:
    """Recurrent states and positions that no argument reaches: one by one, and the result says so and why."""
    loaded, queries = tiny(family), make_queries(3)
    lm = TransformersLM(loaded)
    expected = flat(PlainScorer(loaded, 1, TokenCount()).score(queries))

    assert flat(lm.score(queries)) == pytest.approx(expected, abs=1e-3)
    (warning,) = lm.warnings
    assert warning.startswith("prefixes are not shared: ")
    assert ALONE[family] in warning
    assert warning.endswith("; every pair is scored alone")
    assert lm.describe().sharing == "none"
    assert lm.describe().notes == (warning,)


@pytest.mark.parametrize("family", ["mamba2", "recurrent_gemma"])
def test_a_state_of_its_own_is_found_without_knowing_the_family(
    family: str, tiny: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Were its layers taken for attention, a recurrent model still would not pass: it leaves the cache empty."""
    monkeypatch.setattr(shared, "layer_kinds", lambda _: {"full_attention": 0})
    monkeypatch.setattr(shared, "check_can_share", lambda *_: None)

    (warning,) = TransformersLM(tiny(family)).warnings
    assert "keep keys and values" in warning or "does not take packs" in warning


def test_sharing_can_be_turned_off(tiny: Callable, make_queries: Callable) -> None:
    """Then every pair is read alone, without a probe and without a warning."""
    lm = TransformersLM(tiny("llama"), Scoring(sharing=False))
    list(lm.score(make_queries()))

    assert lm.describe().sharing == "none"
    assert lm.warnings == []
    assert lm.tokens.computed > 3 * lm.tokens.distinct


def test_a_failed_check_ends_sharing(tiny: Callable, make_queries: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    """Packs that go wrong only in long prompts are caught before anything is yielded; the values are right."""
    loaded, queries = tiny("mistral"), make_queries(6, longest=80)
    lm = TransformersLM(loaded, Scoring(pack_tokens=64))
    expected = flat(PlainScorer(loaded, 1, TokenCount()).score(queries))
    monkeypatch.setattr("promptsci.lm.masks._near", lambda *_: True)

    assert flat(lm.score(queries)) == pytest.approx(expected, abs=1e-3)
    assert not lm.check.passed
    assert lm.check.max_difference_nats > 0.1
    assert "the self-check failed" in lm.warnings[-1]
    assert lm.describe().sharing == "none"


def test_the_check_compares_the_very_packs_of_the_run(tiny: Callable, make_queries: Callable) -> None:
    """What the check saw is what the run yields, to the bit, and its tokens are not counted."""
    lm = TransformersLM(tiny("llama"), Scoring(pack_tokens=24))
    queries = make_queries(8)
    seen: list[Any] = []
    compare = lm._difference
    lm._difference = lambda queries, shared: seen.extend(zip(queries, shared, strict=True)) or compare(queries, shared)  # type: ignore[method-assign]
    scored = {queries[index].text: nats for index, nats in lm.score(queries)}

    assert len(seen) == 4
    for query, one in seen:
        longest = max(scored[query.text], key=len)
        assert len(one.nats[0]) == len(longest)
        assert one.nats[0] in scored[query.text]
    assert lm.tokens.computed <= lm.tokens.distinct


@pytest.mark.parametrize("known", [set(), {0, 1}, {2, 5, 6}])
def test_what_is_checked_depends_on_the_queries_alone(known: set[int], tiny: Callable, make_queries: Callable) -> None:
    """A run that goes on checks what the whole run checked, and yields the same bits."""
    queries = make_queries(8)
    whole = TransformersLM(tiny("gpt2"), Scoring(pack_tokens=24))
    rest = TransformersLM(tiny("gpt2"), Scoring(pack_tokens=24))
    scored = dict(whole.score(queries))

    assert dict(rest.score(queries, known)) == {i: nats for i, nats in scored.items() if i not in known}
    assert rest.check.max_difference_nats == whole.check.max_difference_nats


def _of_length(*lengths: int) -> list[Query]:
    return [Query("", np.arange(n, dtype=np.int32) + i, ("x",), ((1,),)) for i, n in enumerate(lengths)]


def test_long_distinct_prompts_are_verified() -> None:
    """Drawn from the longer half, never the same prompt twice, the same each time, spread over the queries."""
    queries = _of_length(*([800, 5, 6, 790, 4] * 20))
    chosen = verified(queries, 4)

    assert len(chosen) == 4
    assert chosen == verified(queries, 4)
    assert min(len(queries[index].ids) for index in chosen) >= 6
    assert sum(len(queries[index].ids) >= 790 for index in chosen) >= 3
    assert max(chosen) - min(chosen) > 20
    assert len(verified([queries[0]] * 10, 4)) == 1
    assert len(verified(queries[:2], 4)) == 2
    assert verified(queries, 0) == set()


def test_verify_zero_checks_nothing(tiny: Callable, make_queries: Callable) -> None:
    """No rows, and it is not said that they passed anything."""
    lm = TransformersLM(tiny("llama"), Scoring(verify=0))
    list(lm.score(make_queries()))

    assert (lm.check.rows, lm.check.seconds) == (0, 0.0)


def test_nothing_asked_nothing_said(tiny: Callable) -> None:
    """An empty call yields nothing and checks nothing."""
    lm = TransformersLM(tiny("llama"))

    assert list(lm.score([])) == []
    assert lm.check.rows == 0


def test_reset_starts_the_counts_of_another_run(tiny: Callable, make_queries: Callable) -> None:
    """Counts and check are those of one run; the next checks again."""
    lm = TransformersLM(tiny("llama"), Scoring(pack_tokens=24))
    list(lm.score(make_queries()))
    first = lm.tokens.to_json()
    lm.reset()
    assert lm.tokens == TokenCount()
    assert lm.check.rows == 0
    list(lm.score(make_queries()))

    assert lm.tokens.to_json() == first
    assert lm.check.rows == 4


def test_prompts_that_cannot_be_read_are_refused(tiny: Callable, make_queries: Callable) -> None:
    """Empty and over-long prompts are told apart from the model's own failures, all at once."""
    lm = TransformersLM(tiny("gpt2"))
    good = make_queries(1)[0]
    empty, fits, long = (replace(good, ids=np.ones(n, dtype=np.int32)) for n in (0, 254, 255))

    assert len(list(lm.score([fits]))) == 1
    with pytest.raises(PromptError, match="257 tokens does not fit the model \\(1 to 256\\)"):
        list(lm.score([good, long]))
    with pytest.raises(Problems):
        list(lm.score([empty, long]))


def test_out_of_memory_in_the_check_is_said_and_kept(
    tiny: Callable, make_queries: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Packs halved in the check stay halved in the run, and a result says it once."""
    lm = TransformersLM(tiny("llama"), Scoring(pack_tokens=64))
    read = shared.PackReader.read

    def fail(self: Any, pack: Any) -> Any:
        if pack.stop - pack.start > 40:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return read(self, pack)

    monkeypatch.setattr(shared.PackReader, "read", fail)
    list(lm.score(make_queries()))

    assert lm.describe().sharing == "packs of 32 tokens"
    assert lm.describe().notes == ("memory ran out in packs of 64 tokens; packs of 32 were read instead",)


def test_out_of_memory_in_the_probe_is_no_reason_not_to_share(tiny: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without memory is an error, not a model that cannot share."""

    def fail(self: Any, pack: Any) -> Any:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(shared.PackReader, "read", fail)

    with pytest.raises(ModelError, match="memory ran out"):
        TransformersLM(tiny("llama"))


def test_the_probe_reads_prompts_that_share_and_choices_that_stem(tiny: Callable) -> None:
    """Short enough to cost nothing, with several prefixes and choices of one to three tokens."""
    queries = probe_queries(tiny("llama"))

    assert sum(len(query.ids) for query in queries) < 150
    assert {len(ids) for query in queries for ids in query.choice_ids} == {1, 2, 3}


def test_packs_on_a_cpu_have_one_size(tiny: Callable) -> None:
    """So that runs on CPUs have the same bits whatever the memory."""
    assert default_pack_tokens(tiny("llama")) == 256


@pytest.mark.parametrize("sharing", [True, False])
def test_answers_are_written_and_counted(sharing: bool, tiny_lm_folder: Path, make_queries: Callable) -> None:
    """A model folder writes the text that its tokenizer reads from the ids, shared or alone the same."""
    lm = TransformersLM.load(tiny_lm_folder, dtype="float32", scoring=Scoring(sharing=sharing, verify=0))
    prompts = [replace(query, choices=(), choice_ids=()) for query in make_queries(3)]
    answers = dict(lm.generate(prompts, Generation(6)))

    assert sorted(answers) == list(range(len(prompts)))
    for answer in answers.values():
        ended = answer.finished_by == "end"
        assert answer.text == lm._tokenizer.decode(answer.ids[:-1] if ended else answer.ids)
        assert len(answer.ids) == 6 or ended
    assert lm.tokens.distinct <= lm.tokens.computed <= lm.tokens.unshared
    assert (lm.tokens.computed < lm.tokens.unshared) is sharing


def test_a_folder_without_a_tokenizer_cannot_write(
    tiny_lm_folder: Path, tmp_path: Path, make_queries: Callable
) -> None:
    """Scoring needs ids only; writing needs to read them, and says what is missing."""
    folder = tmp_path / "model"
    shutil.copytree(tiny_lm_folder, folder)
    (folder / "tokenizer.json").unlink()
    lm = TransformersLM.load(folder, dtype="float32")
    list(lm.score(make_queries()))

    with pytest.raises(ModelError, match="no tokenizer"):
        list(lm.generate(make_queries(), Generation(3)))

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
import torch
from transformers import GenerationConfig

from promptsci.errors import ModelError
from promptsci.lm import answers, generate, shared
from promptsci.lm.answers import Batch, Rules, end_ids
from promptsci.lm.generate import Generator, LoneGenerator
from promptsci.lm.head import HEAD_ROWS
from promptsci.lm.load import LoadedModel
from promptsci.lm.protocol import Generated, Generation, TokenCount
from promptsci.lm.trie import Ints

SHARING = """
    llama gpt2 gemma3_text mistral llama4_text gemma2 granite cohere qwen2:window opt
""".split()
RARE = "gemma3n_text deepseek_v3 gpt_oss xglm gptj phi3".split()
FAMILIES = [*SHARING, *(pytest.param(name, marks=pytest.mark.slow) for name in RARE)]


def spell(ids: Sequence[int]) -> str:
    """Text in which token 7 is ``[7]``: what a stop text may cut anywhere."""
    return "".join(f"[{token}]" for token in ids)


def prompts_of(queries: Sequence[Any]) -> list[Ints]:
    """Prompts that share beginnings, one of them asked twice."""
    return [*(query.ids for query in queries), queries[0].ids]


def own(loaded: LoadedModel, prompts: Sequence[Ints], max_tokens: int) -> list[tuple[int, ...]]:
    """What the model's own ``generate`` writes greedily, one prompt at a time."""
    found = []
    for ids in prompts:
        prompt = torch.tensor(ids.tolist())[None]
        config = GenerationConfig(do_sample=False, max_new_tokens=max_tokens, eos_token_id=sorted(end_ids(loaded)))
        whole = loaded.model.generate(prompt, attention_mask=torch.ones_like(prompt), generation_config=config)
        found.append(tuple(whole[0, len(ids) :].tolist()))
    return found


def written(generator: Any, prompts: Sequence[Ints], how: Generation) -> list[Generated]:
    """The answers in the order of the prompts, each there once."""
    pairs = list(generator.generate(prompts, how))
    assert sorted(index for index, _ in pairs) == list(range(len(prompts)))
    return [answer for _, answer in sorted(pairs)]


@pytest.mark.parametrize("family", FAMILIES)
def test_answers_side_by_side_are_those_of_the_model_alone(family: str, tiny: Callable, make_queries: Callable) -> None:
    """Greedy, in float32: the token ids of ``model.generate`` one by one, for packs and batches of several sizes."""
    loaded, prompts = tiny(family), prompts_of(make_queries(6))
    expected = own(loaded, prompts, 20)
    assert len(set(expected)) > 3  # else they would show little
    for pack_tokens, most_rows in ((24, 64), (64, 3), (512, 1)):
        generator = Generator(loaded, spell, pack_tokens)
        generator.most_rows = most_rows
        assert [answer.ids for answer in written(generator, prompts, Generation(20))] == expected


@pytest.mark.parametrize("family", ["llama", "mamba", "bloom", "falcon_h1"])
def test_answers_one_by_one_are_those_of_the_model(family: str, tiny: Callable, make_queries: Callable) -> None:
    """The way for models that cannot share writes what ``model.generate`` writes."""
    loaded, prompts = tiny(family), prompts_of(make_queries(2))
    found = written(LoneGenerator(loaded, spell, TokenCount()), prompts, Generation(8))

    assert [answer.ids for answer in found] == own(loaded, prompts, 8)


def test_the_models_own_penalties_play_no_part(
    tiny: Callable, make_queries: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Shared or alone, an answer is the model's likeliest tokens, whatever its folder says about repetition."""
    loaded, prompts = tiny("llama"), prompts_of(make_queries(3))
    expected = own(loaded, prompts, 12)
    settings = GenerationConfig(repetition_penalty=5.0, do_sample=True, top_k=2, eos_token_id=1)
    monkeypatch.setattr(loaded.model, "generation_config", settings)

    for generator in (Generator(loaded, spell), LoneGenerator(loaded, spell, TokenCount())):
        assert [answer.ids for answer in written(generator, prompts, Generation(12))] == expected
    assert loaded.model.generation_config is settings


def both(loaded: LoadedModel) -> list[Any]:
    """The two ways to write."""
    return [Generator(loaded, spell, 24), LoneGenerator(loaded, spell, TokenCount())]


def test_end_tokens_end_an_answer(tiny: Callable, make_queries: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of several end tokens ends it; the token is among the ids and not in the text."""
    loaded, prompts = tiny("llama"), prompts_of(make_queries(6))
    free = own(loaded, prompts, 12)
    ends = sorted({free[0][3], free[1][5]})
    monkeypatch.setattr(loaded.model, "generation_config", GenerationConfig(eos_token_id=ends))
    for generator in both(loaded):
        for answer, whole in zip(written(generator, prompts, Generation(12)), free, strict=True):
            at = next((place for place, token in enumerate(whole) if token in ends), None)
            if at is None:
                assert answer == Generated(whole, spell(whole), "length")
            else:
                assert answer == Generated(whole[: at + 1], spell(whole[:at]), "end")


def test_stop_texts_end_an_answer_across_tokens(tiny: Callable, make_queries: Callable) -> None:
    """A stop that begins in one token and ends in the next ends the answer before it; the earliest stop counts."""
    loaded, prompts = tiny("gpt2"), prompts_of(make_queries(6))
    free = own(loaded, prompts, 12)
    across = f"{free[0][4]}][{free[0][5]}"[1:]  # from within the fifth token into the sixth
    for generator in both(loaded):
        for answer, whole in zip(
            written(generator, prompts, Generation(12, stop=(across, "never"))), free, strict=True
        ):
            n = next((n for n in range(1, 13) if across in spell(whole[:n])), None)
            if n is None:
                assert answer.ids == whole
                assert answer.finished_by in {"length", "end"}
            else:
                text = spell(whole[:n])
                assert answer == Generated(whole[:n], text[: text.index(across)], "stop")
        assert answer.finished_by == "stop"  # the first prompt, asked again


def test_the_earliest_of_several_stops_cuts(tiny: Callable) -> None:
    """Two stops in the same token: the text ends before the first of them."""
    rules = Rules(tiny("llama"), lambda _: "one. two\nthree", Generation(5, stop=("\n", ". ")))
    row = rules.row([0], np.asarray([3], dtype=np.int32))
    row.ids = [9]

    assert rules.finished(row) == Generated((9,), "one", "stop")


@pytest.mark.parametrize(("n_prompt", "n_answer"), [(250, 7), (255, 2), (256, 1)])
def test_the_context_ends_an_answer(n_prompt: int, n_answer: int, tiny: Callable) -> None:
    """Absolute positions run out: the last token is predicted at the last position, and it is said why it ended."""
    loaded = tiny("gpt2")
    ids = np.random.default_rng(0).integers(3, 97, n_prompt).astype(np.int32)
    for generator in both(loaded):
        (answer,) = written(generator, [ids], Generation(20))
        assert (len(answer.ids), answer.finished_by) == (n_answer, "context")


def test_temperature_draws_by_seed_and_prompt_not_by_order(tiny: Callable, make_queries: Callable) -> None:
    """The same draws in any order and batch, alone or side by side; other draws for another seed."""
    loaded, prompts = tiny("llama"), prompts_of(make_queries(6))
    how = Generation(10, temperature=1.5, seed=3)
    found = written(Generator(loaded, spell), prompts, how)
    turned = written(Generator(loaded, spell, 16), prompts[::-1], how)

    assert found == turned[::-1]
    assert found == written(LoneGenerator(loaded, spell, TokenCount()), prompts, how)
    assert found != written(Generator(loaded, spell), prompts, Generation(10, temperature=1.5, seed=4))
    assert found != written(Generator(loaded, spell), prompts, Generation(10))


def test_draws_follow_the_probabilities(tiny: Callable) -> None:
    """Over many prompts' generators a token comes as often as the softmax at that temperature says."""
    rules = Rules(tiny("llama"), spell, Generation(1, temperature=2.0))
    rows = [rules.row([i], np.asarray([i], dtype=np.int32)) for i in range(3000)]
    logits = torch.tensor([[2.0, 0.0, -2.0]]).expand(3000, 3)
    drawn = np.bincount(rules.pick(logits, rows), minlength=3) / 3000

    assert drawn == pytest.approx((logits[0] / 2).softmax(0).numpy(), abs=0.03)


def test_prefixes_are_read_once_and_finished_rows_leave(
    tiny: Callable, make_queries: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Computed tokens are the prompts' trie and each answer's tokens but the last; equal prompts are written once."""
    loaded, prompts = tiny("llama"), prompts_of(make_queries(6))
    ends = [ids[5] for ids in own(loaded, prompts, 12)][:3]
    monkeypatch.setattr(loaded.model, "generation_config", GenerationConfig(eos_token_id=ends))
    generator = Generator(loaded, spell, 24)
    found = written(generator, prompts, Generation(20))
    distinct = {tuple(ids.tolist()): answer for ids, answer in zip(prompts, found, strict=True)}
    beginnings = {ids[:n] for ids in distinct for n in range(1, len(ids) + 1)}
    n_steps = sum(len(answer.ids) - 1 for answer in distinct.values())

    assert len({len(answer.ids) for answer in found}) > 1
    assert generator.tokens.computed == generator.tokens.distinct == len(beginnings) + n_steps
    assert generator.tokens.unshared == sum(
        len(ids) + len(answer.ids) - 1 for ids, answer in zip(prompts, found, strict=True)
    )


def test_rows_are_bounded_by_memory(tiny: Callable, make_queries: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    """A batch's keys and values keep to their bytes: rows times tokens times layers."""
    loaded, prompts = tiny("llama"), prompts_of(make_queries(20))
    sizes = []
    init = Batch.__init__

    def watched(self: Batch, *args: Any) -> None:
        init(self, *args)
        sizes.append((self.n_rows, sum(layer.keys.nbytes + layer.values.nbytes for layer in self.layers)))

    monkeypatch.setattr(Batch, "__init__", watched)
    slot_bytes = 2 * 2 * 2 * 16 * 4  # layers, keys and values, heads, width, float32
    generator = Generator(loaded, spell)
    generator.cache_bytes = 5 * 60 * slot_bytes
    found = written(generator, prompts, Generation(20))

    assert [answer.ids for answer in found] == own(loaded, prompts, 20)
    assert max(size for _, size in sizes) <= generator.cache_bytes
    assert max(n for n, _ in sizes) >= 5
    assert sum(n for n, _ in sizes) == len({tuple(ids.tolist()) for ids in prompts})


class Failing:
    """A model's body whose memory runs out above a number of rows, or of tokens in a pack."""

    def __init__(self, inner: Any, rows: int, tokens: int) -> None:
        self.inner, self.rows, self.tokens = inner, rows, tokens
        self.forward = inner.forward

    def __call__(self, **inputs: Any) -> Any:
        rows, tokens = inputs["input_ids"].shape
        if rows > self.rows or tokens > self.tokens:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return self.inner(**inputs)


@pytest.mark.parametrize(("rows", "tokens"), [(2, 10**6), (10**6, 20), (1, 20)])
def test_when_memory_runs_out_less_is_done_at_once(
    rows: int, tokens: int, *, tiny: Callable, make_queries: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same answers come, each once, from smaller batches and packs, and it is said."""
    loaded, prompts = tiny("llama"), prompts_of(make_queries(8))
    expected = own(loaded, prompts, 10)
    failing = Failing(shared.body(loaded), rows, tokens)
    for module in (shared, answers):
        monkeypatch.setattr(module, "body", lambda _: failing)
    generator = Generator(loaded, spell, 64)

    assert [answer.ids for answer in written(generator, prompts, Generation(10))] == expected
    assert generator.most_rows <= max(rows, 1) or generator.pack_tokens <= tokens
    assert "memory ran out while answers were written" in generator.warnings[0]


def test_memory_that_never_suffices_is_an_error(
    tiny: Callable, make_queries: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One answer at a time and the smallest packs: there is nothing left to halve."""
    monkeypatch.setattr(shared, "body", lambda loaded: Failing(answers.body(loaded), 0, 0))

    with pytest.raises(ModelError, match="one answer at a time"):
        written(Generator(tiny("llama"), spell), prompts_of(make_queries(2)), Generation(3))


def test_nothing_asked_nothing_written(tiny: Callable) -> None:
    """No prompts, no answers, no cost."""
    generator = Generator(tiny("llama"), spell)

    assert list(generator.generate([], Generation(3))) == []
    assert generator.tokens == TokenCount()


def test_batches_are_no_larger_than_the_head_takes() -> None:
    """Logits of a batch are held at once: no more rows than scoring holds positions."""
    assert generate.MOST_ROWS <= HEAD_ROWS

"""Tokenizers of the kinds that models have, trained on the spot; a task, its template and examples for them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import tokenizers
from tokenizers import Regex, decoders, models, normalizers, pre_tokenizers, processors, trainers

from promptsci.data import Example
from promptsci.prompt import Tokenizer
from promptsci.spec import Task, Template, read_template

TEXTS = [
    "Sentence: The citing sentence says why the authors cite another paper in 2019.\nReason: background",
    "Sentence: We follow the method of [12] and extend its results.\n\nReason: method of others",
    "Why does each sentence cite the other paper?\nAnswer with one of: background, motivation, use, extension.",
    "Their model was trained on 1234 abstracts of papers; see (Smith, 2001).  It's fine.\n\n\nfuture work",
    "In contrast to earlier results, our experiments show a smaller effect of the treatment: 3.14 < 10.",
] * 3
LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|"
    r"\s+(?!\S)|\s+"
)
SPECIAL = ["<unk>", "<s>", "</s>", "<|turn|>"]


def _bytes(pre_tokenizer: object, **post: object) -> tokenizers.Tokenizer:
    made = tokenizers.Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizer
    made.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=600, special_tokens=SPECIAL, initial_alphabet=alphabet, show_progress=False
    )
    made.train_from_iterator(TEXTS, trainer)
    if post:
        made.post_processor = processors.ByteLevel(**post)
    return made


def _pieces(normalizer: object, pre_tokenizer: object, *, unigram: bool = False) -> tokenizers.Tokenizer:
    settings = {"vocab_size": 400, "special_tokens": SPECIAL, "show_progress": False}
    if unigram:
        made = tokenizers.Tokenizer(models.Unigram())
        trainer = trainers.UnigramTrainer(unk_token="<unk>", **settings)
    else:
        made = tokenizers.Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True))
        trainer = trainers.BpeTrainer(**settings)
    if normalizer:
        made.normalizer = normalizer
    if pre_tokenizer:
        made.pre_tokenizer = pre_tokenizer
    made.train_from_iterator(TEXTS, trainer)
    return made


def _gpt2() -> tokenizers.Tokenizer:
    return _bytes(pre_tokenizers.ByteLevel(add_prefix_space=False), trim_offsets=False)


def _bos() -> tokenizers.Tokenizer:
    made = _gpt2()
    number = made.token_to_id("<s>")
    made.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", number), ("</s>", made.token_to_id("</s>"))]
    )
    return made


_space = normalizers.Replace(" ", "▁")
KINDS: dict[str, Callable[[], tokenizers.Tokenizer]] = {
    "gpt2": _gpt2,
    "bos": _bos,
    "roberta": lambda: _bytes(pre_tokenizers.ByteLevel(add_prefix_space=True), trim_offsets=True),
    "digits": lambda: _bytes(
        pre_tokenizers.Sequence(
            [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
        )
    ),
    "llama3": lambda: _bytes(
        pre_tokenizers.Sequence(
            [
                pre_tokenizers.Split(Regex(LLAMA3), "isolated"),
                pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
            ]
        )
    ),
    "many-words": lambda: _bytes(pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)),
    "metaspace": lambda: _pieces(None, pre_tokenizers.Metaspace(prepend_scheme="never")),
    "metaspace-prefix": lambda: _pieces(None, pre_tokenizers.Metaspace(prepend_scheme="always")),
    "metaspace-first": lambda: _pieces(None, pre_tokenizers.Metaspace(prepend_scheme="first")),
    "llama2": lambda: _pieces(normalizers.Sequence([normalizers.Prepend("▁"), _space]), None),
    "unigram": lambda: _pieces(None, pre_tokenizers.Metaspace(), unigram=True),
    "unigram-many-words": lambda: _pieces(None, pre_tokenizers.Metaspace(split=False), unigram=True),
}


@pytest.fixture(scope="session")
def make_tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Tokenizer]:
    """The tokenizer of a kind, made once."""
    made: dict[str, Tokenizer] = {}

    def make(kind: str) -> Tokenizer:
        if kind not in made:
            folder = tmp_path_factory.mktemp(kind)
            KINDS[kind]().save(str(folder / "tokenizer.json"))
            made[kind] = Tokenizer(folder)
        return made[kind]

    return make


@pytest.fixture
def task() -> Task:
    """A task with three labels."""
    return Task.model_validate(
        {
            "name": "tiny",
            "title": "Tiny",
            "kind": "classification",
            "data": {"bundled": {"files": {"test": "test.jsonl"}}},
            "fields": {"text": "text"},
            "label": {"column": "label", "values": ["a", "b", "c"]},
        }
    )


@pytest.fixture
def template(tmp_path: Path) -> Callable[..., Template]:
    """A template with this input block, and others where they are given."""

    def make(
        input_: str = "Text: {{ text }}\nLabel:", instruction: str = "Say it.", target: str = "{{ choice }}"
    ) -> Template:
        path = tmp_path / "plain.jinja"
        blocks = {"instruction": instruction, "input": input_, "target": target}
        body = "".join(f"{{% block {name} %}}{text}{{% endblock %}}\n" for name, text in blocks.items())
        path.write_text(f"---\nchoices: {{a: alpha, b: beta, c: gamma ray}}\n---\n{body}")
        return read_template(path)

    return make


def example(name: str, text: str, gold: str | None = None) -> Example:
    """An Example with one text field."""
    return Example(name, {"text": text}, gold)


@pytest.fixture
def pool() -> list[Example]:
    """Thirty labelled examples, ten of each label, whose texts differ."""
    words = "cell gene model paper data result effect theory method test".split()
    return [
        example(f"p{i}", f"The {words[i % 10]} of {words[(i * 3) % 10]} number {i} is shown", "abc"[i % 3])
        for i in range(30)
    ]


@pytest.fixture
def tiny_chat(tiny_tokenizer_folder: Path) -> Tokenizer:
    """The tiny tokenizer, which has a chat template."""
    return Tokenizer(tiny_tokenizer_folder)

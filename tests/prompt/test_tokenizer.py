from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptsci.errors import ModelError
from promptsci.prompt import Tokenizer

TURNS = [("system", "Be {{ kind }}."), ("user", "Text: <a> & 'b'\nLabel:"), ("assistant", "alpha"), ("user", "Q 🧪")]
# Read before conftest points the variable at an empty folder.
CATALOGUE = Path(os.environ.get("PROMPTSCI_HOME", "nowhere")) / "models"


def as_messages(turns: list[tuple[str, str]]) -> list[dict[str, str]]:
    """Turns as transformers takes them."""
    return [{"role": role, "content": content} for role, content in turns]


def with_template(folder: Path, to: Path, template: str) -> Tokenizer:
    """The tokenizer of a folder with another chat template."""
    shutil.copytree(folder, to)
    (to / "chat_template.jinja").write_text(template)
    return Tokenizer(to)


def test_ids_are_those_of_transformers(tiny_tokenizer_folder: Path) -> None:
    """For any text the ids and the decoded text are AutoTokenizer's."""
    from transformers import AutoTokenizer

    oracle = AutoTokenizer.from_pretrained(tiny_tokenizer_folder)
    tokenizer = Tokenizer(tiny_tokenizer_folder)

    @given(st.text())
    def compare(text: str) -> None:
        ids = tokenizer.encode([text])[0].ids
        assert ids == oracle(text, add_special_tokens=False)["input_ids"]
        assert tokenizer.decode(ids) == oracle.decode(ids, skip_special_tokens=True)

    compare()


@pytest.mark.parametrize(
    "template",
    [
        None,
        "{% for m in messages %}{{ bos_token }}{{ m.role | upper }}: {{ m['content'] | trim }}{{ eos_token }}\n"
        "{% endfor %}",
        "{%- if tools is not none %}T{% endif %}{%- for m in messages -%}{{ m | tojson }}\n{%- endfor %}"
        "{% if documents %}D{% endif %}",
        "{% for m in messages %}{% if m.role == 'assistant' %}{% generation %}{{ m.content }}{% endgeneration %}"
        "{% else %}{{ m.content }}{% if loop.index > 3 %}{% break %}{% endif %}{% endif %}|{% endfor %}",
    ],
    ids=["own", "special-tokens", "tools-and-json", "generation-and-break"],
)
def test_chats_are_those_of_transformers(tiny_tokenizer_folder: Path, tmp_path: Path, template: str | None) -> None:
    """Templates are run as apply_chat_template runs them: the same dialect, tokens and functions."""
    from transformers import AutoTokenizer

    folder = tmp_path / "t"
    own = (tiny_tokenizer_folder / "chat_template.jinja").read_text()
    tokenizer = with_template(tiny_tokenizer_folder, folder, template or own)
    oracle = AutoTokenizer.from_pretrained(folder)
    text = oracle.apply_chat_template(as_messages(TURNS), tokenize=False, add_generation_prompt=True)

    assert tokenizer.chat(TURNS) == text
    assert tokenizer.encode([text])[0].ids == oracle(text, add_special_tokens=False)["input_ids"]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["smollm2-135m", "gemma-3-270m"])
def test_catalogue_models_read_as_transformers_reads_them(name: str) -> None:
    """The models that need no Hub have AutoTokenizer's ids, start tokens and chats; needs them in PROMPTSCI_HOME."""
    from transformers import AutoTokenizer

    folder = CATALOGUE / name
    if not (folder / "tokenizer.json").is_file():
        pytest.skip(f"{name} has not been fetched")
    tokenizer, oracle = Tokenizer(folder), AutoTokenizer.from_pretrained(folder)
    texts = [
        "Why?\n\nSentence: deep-learning (2019) β→γ\nReason: use",
        "  two  spaces\n\n\n",
        "深い学習 🧪",
        "3.14159 1234567",
        "",
    ]
    for text in texts:
        assert tokenizer.encode([text])[0].ids == oracle(text, add_special_tokens=False)["input_ids"]
    assert list(tokenizer.start_ids) == oracle("")["input_ids"][: len(tokenizer.start_ids)]
    assert len(tokenizer.start_ids) == len(oracle("a")["input_ids"]) - len(tokenizer.encode(["a"])[0].ids)
    if tokenizer.has_chat_template:
        for turns in (TURNS, TURNS[1:]):
            text = oracle.apply_chat_template(as_messages(turns), tokenize=False, add_generation_prompt=True)
            assert tokenizer.chat(turns) == text


def test_start_ids_are_what_stands_before_a_text(make_tokenizer: Callable[[str], Tokenizer]) -> None:
    """What a tokenizer puts before a text is known; what it puts behind is left out."""
    bos = make_tokenizer("bos")

    assert [bos.token(number) for number in bos.start_ids] == ["<s>"]
    assert make_tokenizer("gpt2").start_ids == ()


def test_special_tokens_are_known(make_tokenizer: Callable[[str], Tokenizer]) -> None:
    """Control tokens are told apart from words."""
    tokenizer = make_tokenizer("gpt2")

    assert {tokenizer.token(number) for number in tokenizer.special_ids} == {"<unk>", "<s>", "</s>", "<|turn|>"}


def test_a_template_without_system_turn_gets_its_text_in_the_first(tiny_tokenizer_folder: Path, tmp_path: Path) -> None:
    """Models that refuse or silently drop a system turn read the instruction at the head of the first user turn."""
    body = "{{ m.role }}={{ m.content }};"
    refusing = (
        "{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('no') }}{% endif %}"
        + body
        + "{% endfor %}"
    )
    dropping = "{% for m in messages if m.role != 'system' %}" + body + "{% endfor %}"
    for name, template in {"refusing": refusing, "dropping": dropping}.items():
        tokenizer = with_template(tiny_tokenizer_folder, tmp_path / name, template)

        assert tokenizer.chat([("system", "S"), ("user", "U"), ("assistant", "A")]) == "user=S\n\nU;assistant=A;"


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("{{ raise_exception('only one turn') }}", "refuses these turns: only one turn"),
        ("{{ messages[0].content }}", "leaves the assistant turn out"),
        ("{{ messages[0].content + 1 }}", "refuses these turns"),
        ("{% if %}", "refuses these turns"),
        ("{{ messages.__class__.__mro__ }}", "refuses these turns"),
    ],
)
def test_a_template_that_cannot_say_these_turns_is_told(
    tiny_tokenizer_folder: Path, tmp_path: Path, template: str, message: str
) -> None:
    """A refusal, a turn left out, and a broken template are errors that name the way out."""
    tokenizer = with_template(tiny_tokenizer_folder, tmp_path / "t", template)
    with pytest.raises(ModelError, match=rf"(?s){message}.*--format plain"):
        tokenizer.chat([("user", "U"), ("assistant", "A"), ("user", "V")])


def test_a_prompt_does_not_change_overnight(tiny_tokenizer_folder: Path, tmp_path: Path) -> None:
    """Templates that ask for the date always get the same one."""
    template = "{{ strftime_now('%d %b %Y') }}{{ messages[0].content }}"
    tokenizer = with_template(tiny_tokenizer_folder, tmp_path / "t", template)

    assert tokenizer.chat([("user", "U")]) == "26 Jul 2024U"


def test_older_places_of_chat_templates_are_known(make_tokenizer: Callable[[str], Tokenizer], tmp_path: Path) -> None:
    """A template may stand in tokenizer_config.json, alone or by name; without one there is no chat."""
    source = make_tokenizer("gpt2").folder / "tokenizer.json"
    for config in ({"chat_template": "X{{ messages[0].content }}"},
                   {"chat_template": [{"name": "tool", "template": "T"},
                                      {"name": "default", "template": "X{{ messages[0].content }}"}]}):  # fmt: skip
        shutil.copy(source, tmp_path)
        (tmp_path / "tokenizer_config.json").write_text(json.dumps(config))
        assert Tokenizer(tmp_path).chat([("user", "U")]) == "XU"
    with pytest.raises(ModelError, match=r"(?s)has no chat template.*--format plain"):
        make_tokenizer("gpt2").chat([("user", "U")])


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("tokenizer.json", None, "the model has no tokenizer.json"),
        ("tokenizer.json", "{", "cannot read the tokenizer"),
        ("tokenizer_config.json", "{", "cannot read the file"),
        ("tokenizer_config.json", "[]", "expected a JSON object"),
    ],
)
def test_files_that_cannot_be_read_are_named(
    make_tokenizer: Callable[[str], Tokenizer], tmp_path: Path, name: str, content: str | None, message: str
) -> None:
    """A missing or broken file is an error with its path."""
    shutil.copy(make_tokenizer("gpt2").folder / "tokenizer.json", tmp_path)
    if content is None:
        (tmp_path / name).unlink()
    else:
        (tmp_path / name).write_text(content)
    with pytest.raises(ModelError, match=message):
        Tokenizer(tmp_path)

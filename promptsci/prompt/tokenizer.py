"""A model's tokenizer without torch or transformers: ``tokenizer.json`` and the chat template beside it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from promptsci.errors import ModelError

if TYPE_CHECKING:
    import jinja2
    from tokenizers import Encoding


class Tokenizer:
    """Text to token ids, as the model's own files define it.

    Args:
        folder: a model folder with ``tokenizer.json``.

    Raises:
        ModelError: the folder has no readable ``tokenizer.json``.
    """

    def __init__(self, folder: Path) -> None:
        import tokenizers

        self.folder = folder
        path = folder / "tokenizer.json"
        if not path.is_file():
            raise ModelError("the model has no tokenizer.json", where=str(folder),
                             fix="Save its tokenizer with transformers (AutoTokenizer...save_pretrained) and try again.")  # fmt: skip
        try:
            self._backend = tokenizers.Tokenizer.from_file(str(path))
        except Exception as error:  # noqa: BLE001 - the Rust library raises the bare class
            raise ModelError(f"cannot read the tokenizer: {error}", where=str(path)) from error
        self._backend.no_truncation()
        self._backend.no_padding()
        self._config = _read_json(folder / "tokenizer_config.json")
        self.start_ids = self._start_ids()

    def _start_ids(self) -> tuple[int, ...]:
        """Ids that the tokenizer puts before every text (``<bos>`` in many models). What it puts behind is never wanted."""
        with_special = self._backend.encode("a", add_special_tokens=True)
        without = self._backend.encode("a", add_special_tokens=False).ids
        ids: list[int] = with_special.ids
        for start in range(len(ids) - len(without) + 1):
            if ids[start : start + len(without)] == without:
                return tuple(ids[:start])
        return ()

    @property
    def has_chat_template(self) -> bool:
        """Whether the model's files say how chat turns are written."""
        return self._chat_source is not None

    def encode(self, texts: Sequence[str]) -> list[Encoding]:
        """Encodings (ids, offsets in characters) of each text, without special tokens around them."""
        encodings: list[Encoding] = self._backend.encode_batch(list(texts), add_special_tokens=False)
        return encodings

    def decode(self, ids: Sequence[int]) -> str:
        """The text of token ids, special tokens left out."""
        text: str = self._backend.decode(list(ids), skip_special_tokens=True)
        return text

    def token(self, token_id: int) -> str:
        """A token as the vocabulary spells it."""
        return str(self._backend.id_to_token(token_id))

    @cached_property
    def _chat_source(self) -> str | None:
        file = self.folder / "chat_template.jinja"
        if file.is_file():
            return file.read_text(encoding="utf-8")
        source = self._config.get("chat_template")
        if isinstance(source, list):
            source = next((entry["template"] for entry in source if entry["name"] == "default"), None)
        return source

    @cached_property
    def _chat_template(self) -> jinja2.Template:
        from jinja2.ext import loopcontrols
        from jinja2.sandbox import ImmutableSandboxedEnvironment

        assert self._chat_source is not None
        env = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[loopcontrols])
        env.filters["tojson"] = lambda value, **kwargs: json.dumps(value, ensure_ascii=False, **kwargs)
        env.globals["raise_exception"] = _refuse
        env.globals["strftime_now"] = lambda form: datetime.now().astimezone().strftime(form)
        return env.from_string(self._chat_source)

    def chat(self, turns: Sequence[tuple[str, str]]) -> str:
        """Chat turns as the model's own template writes them, up to where the assistant answers.

        Raises:
            ModelError: the model has no chat template, or it refuses these turns.
        """
        if self._chat_source is None:
            raise ModelError("the model has no chat template", where=str(self.folder), fix="Use --format plain.")
        messages = [{"role": role, "content": content} for role, content in turns]
        try:
            return self._render(messages)
        except ModelError:
            if not messages or messages[0]["role"] != "system" or len(messages) < 2:  # noqa: PLR2004
                raise
        # Some chat models know no system turn; their makers put its text at the head of the first user turn.
        first = {"role": "user", "content": f"{messages[0]['content']}\n\n{messages[1]['content']}"}
        return self._render([first, *messages[2:]])

    def _render(self, messages: list[dict[str, str]]) -> str:
        import jinja2

        try:
            return self._chat_template.render(messages=messages, add_generation_prompt=True, **self._special_tokens)
        except jinja2.TemplateError as error:
            raise ModelError(f"the model's chat template refuses these turns: {error}", where=str(self.folder),
                             fix="Use --format plain or chat-one-turn.") from error  # fmt: skip

    @cached_property
    def _special_tokens(self) -> dict[str, str]:
        special = {**_read_json(self.folder / "special_tokens_map.json"), **self._config}
        tokens = {name: special.get(name) for name in ("bos_token", "eos_token", "pad_token", "unk_token")}
        return {name: token["content"] if isinstance(token, dict) else token for name, token in tokens.items() if token}


def _refuse(message: str) -> None:
    import jinja2

    raise jinja2.TemplateError(message)


def _read_json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise ModelError(f"cannot read the file: {error}", where=str(path)) from error
    assert isinstance(value, dict)
    return value

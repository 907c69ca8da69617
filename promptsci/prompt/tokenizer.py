"""A model's tokenizer without torch or transformers: ``tokenizer.json`` and the chat template beside it."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from datetime import datetime, timezone
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from promptsci.errors import ModelError

if TYPE_CHECKING:
    import jinja2
    from tokenizers import Encoding

SPECIAL_TOKENS = [f"{kind}_token" for kind in ("bos", "eos", "unk", "sep", "pad", "cls", "mask")]
TODAY = datetime(2024, 7, 26, tzinfo=timezone.utc)
"""The day that chat templates are told it is, as a prompt must not change overnight: the one Llama 3 falls back to."""
_OTHER_FORMAT = "Use --format plain or chat-one-turn."
_ANSWER = "answer"

# What a chat template raises when it cannot write these turns, itself or through the values it computes with.
_FAULTS = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)


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
            raise ModelError(
                "the model has no tokenizer.json",
                where=str(folder),
                fix="Save its tokenizer with transformers (AutoTokenizer...save_pretrained) and try again.",
            )
        try:
            self._backend = tokenizers.Tokenizer.from_file(str(path))
        except Exception as error:  # the Rust library raises the bare class
            raise ModelError(f"cannot read the tokenizer: {error}", where=str(path)) from error
        self._backend.no_truncation()
        self._backend.no_padding()
        self._config = _read_json(folder / "tokenizer_config.json")
        self.start_ids = self._start_ids()

    def _start_ids(self) -> tuple[int, ...]:
        """Ids that the tokenizer puts before every text (``<bos>`` in many models).

        What it puts behind a text is never wanted: the answer stands there.
        """
        framed = self._backend.encode("a", add_special_tokens=True)
        first = framed.special_tokens_mask.index(0) if 0 in framed.special_tokens_mask else 0
        return tuple(framed.ids[:first])

    @property
    def has_chat_template(self) -> bool:
        """Whether the model's files say how chat turns are written."""
        return self._chat_source is not None

    @cached_property
    def special_ids(self) -> frozenset[int]:
        """Ids of the control tokens, which are looked for in a text before anything else."""
        return frozenset(number for number, token in self._backend.get_added_tokens_decoder().items() if token.special)

    @cached_property
    def control_tokens(self) -> tuple[str, ...]:
        """The control tokens as they would stand in a text, longest first."""
        found = {token.content for token in self._backend.get_added_tokens_decoder().values() if token.special}
        return tuple(sorted(found, key=lambda token: (-len(token), token)))

    def vocabulary(self) -> Collection[str]:
        """The tokens as the vocabulary spells them, without those that were added to it."""
        return self._backend.get_vocab(with_added_tokens=False).keys()

    @cached_property
    def end_ids(self) -> tuple[int, ...]:
        """The token that ends a text, as a tuple of it alone; nothing where the tokenizer names none."""
        token = self._special_tokens.get("eos_token")
        found = None if token is None else self._backend.token_to_id(token)
        return () if found is None else (found,)

    @cached_property
    def turn_end_ids(self) -> tuple[int, ...]:
        """The control token that the chat template puts behind an assistant's answer; where it puts none, `end_ids`."""
        messages = [{"role": "user", "content": "a"}, {"role": "assistant", "content": _ANSWER}]
        text = self._write(messages, add_generation_prompt=False)
        behind = self._backend.encode(text.rpartition(_ANSWER)[2], add_special_tokens=False).ids
        return tuple(behind[:1]) if behind and behind[0] in self.special_ids else self.end_ids

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
        from promptsci.prompt.chat_template import compile_chat_template

        assert self._chat_source is not None
        return compile_chat_template(self._chat_source, TODAY)

    def chat(self, turns: Sequence[tuple[str, str]]) -> str:
        """Chat turns as the model's own template writes them, up to where the assistant answers.

        Raises:
            ModelError: the model has no chat template, or it refuses these turns or leaves one of them out.
        """
        if self._chat_source is None:
            raise ModelError("the model has no chat template", where=str(self.folder), fix="Use --format plain.")
        messages = [{"role": role, "content": content} for role, content in turns]
        try:
            return self._render(messages)
        except ModelError:
            if len(messages) < 2 or messages[0]["role"] != "system":
                raise
        # Some chat models know no system turn; their makers put its text at the head of the first user turn.
        first = {"role": "user", "content": f"{messages[0]['content']}\n\n{messages[1]['content']}"}
        return self._render([first, *messages[2:]])

    def _render(self, messages: list[dict[str, str]]) -> str:
        text = self._write(messages, add_generation_prompt=True)
        for message in messages:
            content = message["content"].strip()
            if content not in text and json.dumps(content, ensure_ascii=False) not in text:
                what = f"the model's chat template leaves the {message['role']} turn out"
                raise ModelError(what, where=str(self.folder), fix=_OTHER_FORMAT)
        return text

    def _write(self, messages: list[dict[str, str]], *, add_generation_prompt: bool) -> str:
        import jinja2

        try:
            return self._chat_template.render(
                messages=messages,
                tools=None,
                documents=None,
                add_generation_prompt=add_generation_prompt,
                **self._special_tokens,
            )
        except (jinja2.TemplateError, *_FAULTS) as error:
            what = f"the model's chat template refuses these turns: {error}"
            raise ModelError(what, where=str(self.folder), fix=_OTHER_FORMAT) from error

    @cached_property
    def _special_tokens(self) -> dict[str, str]:
        special = {**_read_json(self.folder / "special_tokens_map.json"), **self._config}
        tokens = {name: special.get(name) for name in SPECIAL_TOKENS}
        return {name: token["content"] if isinstance(token, dict) else token for name, token in tokens.items() if token}


def _read_json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise ModelError(f"cannot read the file: {error}", where=str(path)) from error
    if not isinstance(value, dict):
        raise ModelError("expected a JSON object", where=str(path))
    return value

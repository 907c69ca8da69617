"""Chat templates as transformers runs them, without transformers: the same Jinja dialect, filters and functions."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any, NoReturn

import jinja2
from jinja2 import nodes
from jinja2.ext import Extension, loopcontrols
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment


class _Generation(Extension):
    """``{% generation %}...{% endgeneration %}`` marks what to train on; it writes what stands in it."""

    tags = {"generation"}  # noqa: RUF012 - Jinja's own attribute

    def parse(self, parser: Parser) -> nodes.Node:
        """The body in a scope of its own."""
        line = next(parser.stream).lineno
        return nodes.Scope(parser.parse_statements(("name:endgeneration",), drop_needle=True), lineno=line)


def compile_chat_template(source: str, today: datetime) -> jinja2.Template:
    """The chat template, ready to render.

    Args:
        source: its Jinja text.
        today: the day that it is told when it asks for the date.

    Raises:
        jinja2.TemplateSyntaxError: it is not Jinja.
    """
    env = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[loopcontrols, _Generation], autoescape=False
    )
    env.filters["tojson"] = _tojson
    env.globals["raise_exception"] = _refuse
    env.globals["strftime_now"] = today.strftime
    return env.from_string(source)


def _tojson(value: Any, **settings: Any) -> str:
    """JSON without Jinja's escapes for web pages."""
    return json.dumps(value, **{"ensure_ascii": False, **settings})


def _refuse(message: str) -> NoReturn:
    raise jinja2.TemplateError(message)

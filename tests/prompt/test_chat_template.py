from __future__ import annotations

from datetime import datetime, timezone

import jinja2
import pytest

from promptsci.prompt.chat_template import compile_chat_template

DAY = datetime(2024, 7, 26, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("{{ {'b': '<é>', 'a': 1} | tojson }}", '{"b": "<é>", "a": 1}'),
        ("{{ [1] | tojson(indent=1) }}", "[\n 1\n]"),
        ("{{ strftime_now('%d %b %Y') }}", "26 Jul 2024"),
        ("{% for i in [1, 2, 3] %}{% if i == 2 %}{% continue %}{% endif %}{{ i }}{% endfor %}", "13"),
        ("{% set x = 1 %}{% generation %}{{ x }}{% set x = 2 %}{% endgeneration %}{{ x }}", "11"),
        ("{% if undefined_name %}a{% endif %}b", "b"),
        ("  {% if true %}\n  x\n  {% endif %}\ny", "  x\ny"),
    ],
)
def test_the_dialect_is_that_of_chat_templates(source: str, text: str) -> None:
    """JSON without web escapes, loop controls, generation marks, lines without statements, and a day that stays."""
    assert compile_chat_template(source, DAY).render() == text


def test_templates_may_refuse() -> None:
    """raise_exception carries the template's own words."""
    with pytest.raises(jinja2.TemplateError, match="roles must alternate"):
        compile_chat_template("{{ raise_exception('roles must alternate') }}", DAY).render()


def test_the_program_is_out_of_reach() -> None:
    """Chat templates come with models and run in Jinja's sandbox."""
    with pytest.raises(jinja2.exceptions.SecurityError):
        compile_chat_template("{{ ''.__class__.__mro__ }}", DAY).render()

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from promptsci.errors import PromptError, PromptsciError, SpecError
from promptsci.spec import read_template

Shown = Callable[..., str]
NESTED = "".join("{% set a = [a, a, a, a, a, a, a, a] %}" for _ in range(20))
TUPLES = NESTED.replace("[", "(").replace("]", ")")
BIG = "{% set t = text * 10000 %}{% for i in range(99999) %}"
LONG = "{% set t = ['a'] * 90000 %}{% for i in range(99999) %}"

# Each of them would run for minutes, fill the memory, or both.
ENDLESS = {
    "loops": "{% for i in range(99999) %}{% for j in range(99999) %}{% set x = 1 %}{% endfor %}{% endfor %}",
    "silent-loops": "{% for i in range(99999) %}{% for j in range(99999) if false %}{% endfor %}{% endfor %}",
    "output": "{% for i in range(99999) %}{{ text * 100 }}{% endfor %}",
    "product": "{{ 'a' * 10**9 }}",
    "list-product": "{{ (['a' * 900000] * 1000) | join }}",
    "doubling-text": "{% set n = namespace(s='a') %}{% for i in range(60) %}{% set n.s = n.s ~ n.s %}{% endfor %}",
    "doubling-sum": "{% set n = namespace(s='a') %}{% for i in range(60) %}{% set n.s = n.s + n.s %}{% endfor %}",
    "doubling-list": "{% set n = namespace(s=[1]) %}{% for i in range(60) %}{% set n.s = n.s + n.s %}{% endfor %}",
    "doubling-block": "{% set n = namespace(s='a') %}{% for i in range(60) %}"
    "{% set n.s %}{{ n.s }}{{ n.s }}{% endset %}{% endfor %}",
    "doubling-tree": "{% set n = namespace(s='a') %}{% for i in range(60) %}{% set n.s = [n.s, n.s] %}{% endfor %}"
    "{{ n.s | tojson }}",
    "macro-tree": "{% macro m(x) %}{% if x %}{{ m(x - 1) }}{{ m(x - 1) }}{% endif %}{% endmacro %}{{ m(90) }}",
    "macro-body": "{% macro f() %}" + "{% set x = 1 %}" * 2000 + "{% endmacro %}{% for i in range(9999) %}{{ f() }}"
    "{% endfor %}",
    "loop-body": "{% for i in range(99999) %}" + "{% set x = 1 %}" * 2000 + "{% endfor %}",
    "sums": "{% for i in range(99999) %}" + "{% if 1 - 1 - 1 %}{% endif %}" * 500 + "{% endfor %}",
    "nested-text": "{% set a = [1] %}" + NESTED + "{{ a }}",
    "nested-compare": "{% set a = [1] %}" + NESTED + "{{ a == [a] }}",
    "nested-filter": "{% set a = [1] %}" + NESTED + "{{ a | lower }}",
    "nested-hash": "{% set a = (1,) %}" + TUPLES + "{{ {a: 1} }}",
    "nested-key": "{% set a = (1,) %}" + TUPLES + "{{ {'x': 1}[a] }}",
    "maps": "{{ range(99999) | map('string') | map('upper') | map('lower') | list | length }}",
    "map-chain": "{{ range(99999)" + " | map('string')" * 80 + " | list | length }}",
    "list-chain": "{{ range(99999)" + " | list" * 80 + " | length }}",
    "sorts": "{% for i in range(99999) %}{% set x = range(99999) | list | sort %}{% endfor %}",
    "sort-unique": "{{ range(99999) | list | unique | list | sort(reverse=true) | max }}",
    "tests": "{{ range(99999) | select('divisibleby', 7) | reject('odd') | list | length }}",
    "find": "{% for i in range(99999) %}{{ 'b' in text * 1000 }}{% endfor %}",
    "find-method": BIG + "{{ t.find('zz') }}{% endfor %}",
    "upper": BIG + "{{ t.upper() | length }}{% endfor %}",
    "slices": BIG + "{% set u = t[1:] %}{% endfor %}",
    "count": LONG + "{{ t.count('zz') }}{% endfor %}",
    "in-list": LONG + "{{ 'b' in t }}{% endfor %}",
    "first": LONG + "{{ t | first }}{% endfor %}",
    "split": "{{ ('a,' * 1000000).split(',') | length }}",
    "replace": "{{ ('a' * 100000) | replace('a', 'b' * 100000) }}",
    "replace-empty": "{{ ('a' * 1000000) | replace('', 'b' * 1000) }}",
    "join": "{{ (['a'] * 100000) | join('x' * 10000) }}",
    "filter-block": "{% for i in range(99999) %}{% filter upper %}" + "abcdefgh" * 9000 + "{% endfilter %}{% endfor %}",
    "call-block": "{% macro m() %}{{ caller() }}{% endmacro %}{% for i in range(99999) %}{% call m() %}"
    + "abcdefgh" * 9000 + "{% endcall %}{% endfor %}",
    "number": "{{ ('f' * 1000000) | int(0, 16) }}",
    "round": "{{ 5 | round(-1000000000) }}",
    "ceil": "{{ 5.5 | round(1000000000, 'ceil') }}",
    "power": "{{ 10 ** 10 ** 10 }}",
    "powers": "{{ 2 ** 10 ** 10 }}",
    "indent": "{{ [1] | tojson(indent=1000000000) }}",
    "range": "{{ range(100000000) | list | length }}",
    "list-sum": "{{ ([[1]] * 50000) | sum(start=[]) }}",
    "recursion": "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
    "recursive-loop": "{% for x in [[1, 2]] recursive %}{{ loop(x) }}{% endfor %}",
    "format": "{{ '%09999999999d' % 3 }}",
    "center": "{{ 'a'.center(10**10) }}",
}  # fmt: skip

# Each of them is refused before a value is seen.
DEEP = {
    "brackets": "{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}",
    "lists": "{{ " + "[" * 150 + "]" * 150 + " }}",
    "minus": "{{ " + "-" * 5000 + "1 }}",
    "not": "{{ " + "not " * 5000 + "1 }}",
    "and": "{% if " + " and ".join(["1"] * 5000) + " %}{% endif %}",
    "plus": "{{ 1" + " + 1" * 5000 + " }}",
    "filters": "{{ text" + " | upper" * 5000 + " }}",
    "attributes": "{{ text" + ".a" * 5000 + " }}",
    "ifs": "{% if 1 %}" * 300 + "{% endif %}" * 300,
    "fors": "{% for i in [1] %}" * 30 + "{% endfor %}" * 30,
    "wide": "{{ text }}" * 15000,
    "digits": "{{ " + "9" * 5000 + " }}",
    "hex": "{{ 0x" + "f" * 5000 + " }}",
    "infinite": "{{ 1e999999 }}",
}

# Ways that once led, or might lead, from a template to the program or the machine.
ESCAPES = [
    "{{ text.__class__ }}",
    "{{ text['__class__'] }}",
    "{{ text | attr('__class__') }}",
    "{{ [text] | map('attr', '__class__') | list }}",
    "{{ [text] | map(attribute='__class__') | list }}",
    "{{ [text] | sort(attribute='__class__.__mro__') }}",
    "{{ [text] | sum(attribute='__class__') }}",
    "{{ [text] | join(attribute='__class__') }}",
    "{{ ().__class__.__base__.__subclasses__() }}",
    "{{ '{0.__class__}'.format(1) }}",
    "{{ '{a.__class__}'.format_map({'a': 1}) }}",
    "{{ range.__init__.__globals__ }}",
    "{{ namespace.__init__ }}",
    "{{ namespace(x=1)._Namespace__attrs }}",
    "{{ (range(3) | map('string')).gi_frame.f_globals }}",
    "{% macro f() %}{% endmacro %}{{ f._func }}",
    "{% macro f() %}{% endmacro %}{{ f.__globals__ }}",
    "{% for i in [1] %}{{ loop._current }}{% endfor %}",
    "{{ self._TemplateReference__context }}",
    "{{ self.input() }}",
    "{{ super() }}",
    "{{ lipsum.__globals__ }}",
    "{{ cycler('a') }}",
    "{{ joiner() }}",
    "{{ _each }}",
    "{% set _each = 3 %}",
    "{{ choices.append('x') }}",
    "{{ choices.__setitem__(0, 'x') }}",
    "{{ text.encode() }}",
    "{% include '/etc/passwd' %}",
    "{% import '/etc/passwd' as x %}",
    "{% do 1 %}",
    "{% autoescape true %}{{ text }}{% endautoescape %}",
    "{% block other %}{% endblock %}",
]

# What Python would show of these holds addresses in memory, or is not what the author meant.
NO_TEXT = {
    "{{ range(3) | map('string') }}": r"put '\| list' or '\| join' behind it",
    "{{ text.upper }}": "cannot be shown as text",
    "{% macro f() %}{% endmacro %}{{ f }}": r"a macro without \(\)",
    "{{ namespace(a=1) }}": "a namespace",
    "{% set n = namespace() %}{% set n.me = n %}{{ [n] }}": "a namespace",
    "{% for i in [1] %}{{ loop }}{% endfor %}": "the loop",
    "{{ [text.nope] }}": "has no attribute 'nope'",
    "{{ {'a': 1}.items() }}": "cannot be shown as text",
    "{{ '\\ud800' }}": "half of a character",
    "{{ (-8) ** 0.5 }}": "a complex",
    "{{ 1 / 0 }}": "division by zero",
    "{{ text | truncate(1) }}": "expected length",
}


@pytest.mark.parametrize("body", ENDLESS.values(), ids=ENDLESS.keys())
def test_endless_work_ends_in_an_error_at_once(shown: Shown, body: str) -> None:
    """Whatever a block asks for, a render ends within two seconds of this process, with the line."""
    start = time.process_time()
    with pytest.raises(PromptError, match=r"the input block cannot be rendered|a macro calls itself"):
        shown(body)

    assert time.process_time() - start < 2


@pytest.mark.parametrize("body", DEEP.values(), ids=DEEP.keys())
def test_absurd_templates_are_refused_at_once(shown: Shown, body: str) -> None:
    """Depth, width and numbers that no one writes by hand are refused when the file is read."""
    start = time.process_time()
    with pytest.raises(SpecError, match=r"nested too deeply|parts of Jinja|a number is too large"):
        shown(body)

    assert time.process_time() - start < 2


def test_a_large_file_is_refused(tmp_path: Path) -> None:
    """Ten megabytes of template are not read."""
    path = tmp_path / "large.jinja"
    path.write_text("---\n---\n" + "x" * 10_000_000)
    with pytest.raises(SpecError, match="larger than 200 kB"):
        read_template(path)


@pytest.mark.parametrize("body", ESCAPES)
def test_no_way_leads_out(shown: Shown, body: str) -> None:
    """Attributes, functions and files of the program are out of a template's reach, and lists cannot be changed."""
    with pytest.raises(PromptsciError):
        shown(body)


@pytest.mark.parametrize(("body", "message"), NO_TEXT.items(), ids=NO_TEXT.keys())
def test_what_is_no_text_is_not_shown(shown: Shown, body: str, message: str) -> None:
    """A prompt is the same on every run: values without a spelling of their own are errors."""
    with pytest.raises(PromptError, match=message):
        shown(body)


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("{% for c in choices %}{{ loop.index }}{{ loop.cycle('x', 'y') }} {{ c ~ '!' }}{% if not loop.last %}, "
         "{% endif %}{% endfor %}", "1x a!, 2y b!"),
        ("{{ choices | join(', ') }} {{ choices | map('upper') | join }}", "a, b AB"),
        ("{{ text.upper().lower().split('b') | join('-') }} {{ text[::-1] }} {{ text[:2] }}", "a-c cba ab"),
        ("{{ [3, 1, 2] | sort | join }}{{ [1, 1] | unique | list }}{{ [1, 2] | sum }}{{ [1, 2] | max }}", "123[1]32"),
        ("{{ '<&>' | tojson }} {{ 'é\"' | tojson }} {{ {'b': [1, none]} | tojson }}", '"<&>" "é\\"" {"b": [1, null]}'),
        ("{{ 2.5 | round }} {{ 2.55 | round(1, 'floor') }} {{ 2.41 | round(1, 'ceil') }} {{ 7 // 2 }} {{ 2 ** 8 }}",
         "2.0 2.5 2.5 3 256"),
        ("{{ text | replace('b', '{{') }} {{ text | replace('', '.', 2) }} {{ 'a b' | title | wordcount }}",
         "a{{c .a.bc 2"),
        ("{% set n = namespace(i=0) %}{% for c in choices %}{% set n.i = n.i + 1 %}{% endfor %}{{ n.i }}", "2"),
        ("{{ items[0].name }}{{ items[0]['name'] }}{{ items | map(attribute='name') | join }}"
         "{{ items | join('', attribute='name') }}", "xxxx"),
        ("{% if 'a' in text and text is not none and 3 is odd %}yes{% endif %}", "yes"),
        ("{% macro m(x) %}<{{ caller(x) }}>{% endmacro %}{% call(y) m(1) %}{{ y }}{% endcall %}", "<1>"),
        ("{% filter upper %}{{ text }}{% endfilter %}{% raw %}{{ text }}{% endraw %}{# gone #}", "ABC{{ text }}"),
        ("{{ (text * 200000) | length }} {{ (text * 1000).split('b') | length }}", "600000 1001"),
        ("{{ '%d' | string }}{{ none }}{{ true }}{{ 0.1 }}", "%dNoneTrue0.1"),
    ],
)  # fmt: skip
def test_ordinary_work_is_done(shown: Shown, body: str, text: str) -> None:
    """What prompts are made of works as in Jinja, but that JSON is not escaped for web pages."""
    assert shown(body, items=[{"name": "x"}]) == text


def test_a_page_of_text_is_cheap(shown: Shown) -> None:
    """A field of a hundred thousand characters can be shown, cut, split and folded."""
    text = "word " * 20_000

    assert len(shown("{{ text }}", text=text)) == 99_999
    assert (
        shown("{{ text[:4] }}{{ text.split()[:2] | join }}{{ text | lower | length }}", text=text)
        == "wordwordword100000"
    )

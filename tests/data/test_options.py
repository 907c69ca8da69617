from __future__ import annotations

import pytest

from promptsci.data.example import Example
from promptsci.data.options import shuffled

OPTIONS = ["carbon dioxide", "helium", "neon", "argon"]


@pytest.mark.parametrize("gold", ["A", "C", None])
def test_the_right_option_stays_right(gold: str | None) -> None:
    """Its letter moves with it, ``order`` gives each option's old letter, and no option is lost."""
    row = Example("r1", {"question": "What?", "choices": OPTIONS}, gold, {"known": 1})
    seen = set()
    for order in range(1, 20):
        found = shuffled(row, order)
        options, old = found.fields["choices"], found.known["order"]
        seen.add(tuple(options))
        assert [OPTIONS["ABCD".index(letter)] for letter in old] == options
        assert found.known["known"] == 1
        if gold is None:
            assert found.gold is None
        else:
            assert options["ABCD".index(found.gold)] == OPTIONS["ABCD".index(gold)]

    assert len(seen) > 8
    assert shuffled(row, 3) == shuffled(row, 3)
    assert shuffled(row, 3) != shuffled(Example("r2", row.fields, gold, row.known), 3)

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest

from promptsci.lm import Generation, TransformersLM
from promptsci.lm.transformers_lm import Scoring
from promptsci.prompt import Query

xgrammar = pytest.importorskip("xgrammar", reason="needs promptsci[schema]")
LISTS = {"type": "array", "items": {"type": "string", "minLength": 1}}
SCHEMAS: dict[str, dict[str, Any]] = {
    "spans": {"type": "object", "properties": {"Task": LISTS, "Method": LISTS}, "additionalProperties": False},
    "record": {
        "type": "object",
        "properties": {"name": {"type": "string"}, "year": {"type": "integer"}, "kind": {"enum": ["a", "b"]}},
        "required": ["name", "year", "kind"],
        "additionalProperties": False,
    },
}


def prompts(n: int) -> list[Query]:
    """Random prompts of the tiny vocabulary."""
    rng = np.random.default_rng(0)
    return [Query("", rng.integers(3, 400, 6).astype(np.int32), (), ()) for _ in range(n)]


def invalid(lm: TransformersLM, how: Generation, schema: dict[str, Any], n: int) -> list[str]:
    """The answers that do not follow the schema."""
    found = []
    for _, answer in lm.generate(prompts(n), how):
        try:
            jsonschema.validate(json.loads(answer.text), schema)
        except (ValueError, jsonschema.ValidationError):
            found.append(answer.text)
    return found


@pytest.mark.parametrize("sharing", [True, False], ids=["packs", "alone"])
@pytest.mark.parametrize("schema", SCHEMAS)
def test_every_answer_follows_the_schema(tiny_lm_folder: Path, schema: str, sharing: bool) -> None:
    """A model with random weights, drawn hot, writes nothing but JSON of the schema, whole at the limit of tokens."""
    lm = TransformersLM.load(tiny_lm_folder, scoring=Scoring(sharing=sharing))
    how = Generation(80, temperature=2.0, schema=json.dumps(SCHEMAS[schema]))

    assert invalid(lm, how, SCHEMAS[schema], 60 if sharing else 5) == []
    assert len(invalid(lm, Generation(80, temperature=2.0), SCHEMAS[schema], 5)) == 5


@pytest.mark.slow
@pytest.mark.parametrize("schema", SCHEMAS)
def test_five_hundred_answers_follow_the_schema(tiny_lm_folder: Path, schema: str) -> None:
    """All of 500 answers of a random model are valid."""
    how = Generation(96, temperature=1.0, schema=json.dumps(SCHEMAS[schema]))

    assert invalid(TransformersLM.load(tiny_lm_folder), how, SCHEMAS[schema], 500) == []

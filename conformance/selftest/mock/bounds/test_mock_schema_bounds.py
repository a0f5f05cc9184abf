"""Schemas in requests that would take exponential time or space: answered or refused in bounded work."""

import random
from typing import Any

import pytest
from aurous_mock.generation.schema_faker import Unsatisfiable, fake_value


def nested_unions(levels: int) -> dict[str, Any]:
    """`oneOf` within `allOf`, a few hundred bytes that stand for millions of schemas."""
    schema: dict[str, Any] = {"type": "object"}
    for _ in range(levels):
        schema = {"allOf": [{"oneOf": [schema] * 3}, {"oneOf": [schema] * 3}]}
    return schema


REFUSED: dict[str, dict[str, Any]] = {
    "nested oneOf in allOf": nested_unions(5),
    "many contradicting unions": {"allOf": [{"oneOf": [{"const": n}, {"const": -n}]} for n in range(1, 30)]},
    "reference to itself": {"$defs": {"a": {"anyOf": [{"$ref": "#/$defs/a"}] * 3}}, "$ref": "#/$defs/a"},
    "too many items": {"type": "array", "minItems": 10**9},
    "too many members": {"type": "object", "minProperties": 10**9},
    "too long text": {"type": "string", "minLength": 10**9},
    "nested quantifiers": {"type": "string", "pattern": "((a{1,99}){1,99}){1,99}"},
}


@pytest.mark.parametrize("schema", REFUSED.values(), ids=REFUSED.keys())
def test_schema_of_immense_values_is_refused(schema: dict[str, Any]) -> None:
    with pytest.raises(Unsatisfiable):
        fake_value(schema, random.Random(1))


def test_pattern_that_backtracks_for_ever_is_matched_in_bounded_time() -> None:
    name = "a" * 60 + "!"
    schema = {"type": "object", "properties": {name: {"type": "null"}}, "patternProperties": {"^(a+)+$": False}}
    assert fake_value(schema, random.Random(1)) == {name: None}

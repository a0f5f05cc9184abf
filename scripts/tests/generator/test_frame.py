"""Nodes of a wrong kind, wherever they stand, are refused with their place; no fault of the spec is a traceback."""

from __future__ import annotations

import copy
import random
import re
from pathlib import Path
from typing import Any

import pytest
import regenerate
import small_specs
from generator import metaschema
from generator.spec import walk
from generator.yaml_loader import Pointer, load

ROOT = Path(__file__).resolve().parents[3]
PLACED = re.compile(r"spec\.yaml:\d+(: | #/?)")
WRONG: tuple[Any, ...] = (
    *(None, 7, -1, 2.5, True, False, "x", "", [], ["x"], [None], [[]], {}, {"x": 1}),
    *({"$ref": 5}, {"$ref": "#/info"}, {"$ref": "#/components/schemas/Thing"}, {"type": None}),
)
ABSENT = object()
# The last ones only in the long run: each looks through a whole document.
SEEDS = [seed if seed < 3 else pytest.param(seed, marks=pytest.mark.slow) for seed in range(24)]
DO = "paths /v1/things get"
THING = "components schemas Thing"
# Where, what instead, and what is said of it.
DIRECTED: dict[str, tuple[str, Any, str]] = {
    "responses": (f"{DO} responses", [], "get/responses: [] is not of type 'object'"),
    "a response": (f"{DO} responses 200", None, "responses/200: None is not of type 'object'"),
    "content": (f"{DO} responses 200 content", ["x"], "200/content: ['x'] is not of type 'object'"),
    "a media type": (f"{DO} responses 200 content application/json", 1, "application~1json: 1 is not of type 'object'"),
    "parameters": (f"{DO} parameters", {"x": 1}, "get/parameters: {'x': 1} is not of type 'array'"),
    "a parameter": (f"{DO} parameters 0", "id", "parameters/0: 'id' is not of type 'object'"),
    "tags": (f"{DO} tags", "things", "get/tags: 'things' is not of type 'array'"),
    "no paths": ("paths", ABSENT, "'paths' is a required property"),
    "x-errors": (f"{DO} x-errors", {"a": 1}, "get/x-errors: {'a': 1} is not of type 'array'"),
    "an x-error": (f"{DO} x-errors", [None], "x-errors/0: None is not of type 'string'"),
    "x-sdk-method": (f"{DO} x-sdk-method", ["x"], "get/x-sdk-method: ['x'] is not of type 'string'"),
    "error codes": ("components x-error-codes", [], "x-error-codes: [] is not of type 'object'"),
    "an error code": ("components x-error-codes", {"bad": None}, "x-error-codes/bad: None is not of type 'object'"),
    "a status": ("components x-error-codes", {"bad": {"status": "soon"}}, "x-error-codes/bad/status: 'soon' is not"),
    "type": (f"{THING} type", None, "schemas/Thing/type: None is not"),
    "anyOf": (f"{THING} properties id", {"anyOf": None}, "properties/id/anyOf: None is not of type 'array'"),
    "properties": (f"{THING} properties", ["id"], "schemas/Thing/properties: ['id'] is not of type 'object'"),
    "required": (f"{THING} required", "id", "schemas/Thing/required: 'id' is not of type 'array'"),
    "enum": ("components schemas Mood enum", "glad", "schemas/Mood/enum: 'glad' is not of type 'array'"),
    "a pattern": (f"{THING} properties id", {"type": "string", "pattern": "("}, "id/pattern: '(' is not a 'regex'"),
    "a discriminator": (f"{THING} discriminator", 5, "schemas/Thing/discriminator: 5 is not of type 'object'"),
    "a reference": (f"{THING} properties id", {"$ref": 5}, "id/$ref: 5 is not of type 'string'"),
    "a schema for a parameter": (
        f"{DO} parameters 0",
        small_specs.ref("Thing"),
        "a $ref here must lead to #/components/parameters/NAME",
    ),
    "a schema for a response": (
        f"{DO} responses 4XX",
        small_specs.ref("Thing"),
        "a $ref here must lead to #/components/responses/NAME",
    ),
}


def generate(document: Any, folder: Path, capsys: pytest.CaptureFixture[str]) -> tuple[bool, list[str]]:
    """Whether a document can be generated from, and what is said of it."""
    spec = small_specs.write(folder / "spec.yaml", document)
    succeeded = regenerate.generate(spec, folder / "aurous_client")
    return succeeded, capsys.readouterr().err.splitlines()


@pytest.mark.parametrize("name", DIRECTED)
def test_node_of_a_wrong_type_is_reported_with_its_place(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, value, message = DIRECTED[name]
    document = small_specs.document(at={path: small_specs.DROP if value is ABSENT else value})
    succeeded, (head, *faults) = generate(document, tmp_path, capsys)
    assert not succeeded
    assert head == f"regenerate: the spec has {len(faults)} fault(s); nothing was written"
    assert any(message in fault for fault in faults), faults
    assert all(PLACED.match(fault) for fault in faults), faults


@pytest.mark.parametrize("seed", SEEDS)
def test_any_value_anywhere_is_accepted_or_reported_with_its_place(
    seed: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rng = random.Random(seed)  # noqa: S311
    document = small_specs.document()
    pointer, value = rng.choice([place for place, _ in walk(document) if place]), rng.choice(WRONG)
    put(document, pointer, value)
    succeeded, messages = generate(document, tmp_path, capsys)
    assert succeeded is (not messages)
    assert all(PLACED.match(fault) for fault in messages[1:]), (pointer, value, messages)


@pytest.fixture(scope="module")
def ours() -> dict[str, Any]:
    """Our own spec. For reading; copy it to change it."""
    document: dict[str, Any] = load(ROOT / "openapi.yaml")
    return document


def test_committed_spec_has_no_faults(ours: dict[str, Any]) -> None:
    assert metaschema.faults(ours) == []


@pytest.mark.parametrize("seed", SEEDS)
def test_any_value_in_the_committed_spec_is_checked_without_a_crash(seed: int, ours: dict[str, Any]) -> None:
    rng = random.Random(seed)  # noqa: S311
    document = copy.deepcopy(ours)
    pointer = rng.choice([place for place, node in walk(document) if isinstance(node, (dict, list)) and place])
    put(document, pointer, 7)
    is_value = {"example", "examples", "default", "links"} & set(pointer)
    places = [place for place, _ in metaschema.faults(document)]
    assert is_value or any(place == pointer[: len(place)] for place in places), (pointer, places)


def put(document: Any, pointer: Pointer, value: Any) -> None:
    for step in pointer[:-1]:
        document = document[step]
    document[pointer[-1]] = value

"""What a spec says in another order, or in another place of a path, is no change for a client."""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from specdiff import comparison, ordering, sources

PATH = "/v1/imaginary_things/{id}"
ID = {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}
LIMIT = {"name": "limit", "in": "query", "schema": {"type": "integer"}}
UNION = {"oneOf": [{"$ref": "#/components/schemas/Cat"}, {"$ref": "#/components/schemas/Dog"}]}
Edit = Callable[[dict[str, Any]], Any]


def animal(name: str) -> dict[str, Any]:
    members = {"kind": {"type": "string", "const": name}, "age": {"type": ["integer", "null"]}}
    return {"type": "object", "required": ["kind", "age"], "properties": members}


def document() -> dict[str, Any]:
    answer = {"description": "Fine.", "content": {"application/json": {"schema": UNION}}}
    operation = {
        "operationId": "retrieveThing",
        "tags": ["things"],
        "security": [{"Key": []}, {"Bearer": []}],
        "parameters": [LIMIT, {"name": "order", "in": "query", "schema": {"$ref": "#/components/schemas/Order"}}],
        "responses": {"200": answer},
    }
    return deepcopy(
        {
            "openapi": "3.1.0",
            "info": {"title": "Things", "version": "1"},
            "tags": [{"name": "things"}, {"name": "others"}],
            "paths": {PATH: {"parameters": [ID], "get": operation}},
            "components": {
                "schemas": {
                    "Cat": animal("cat"),
                    "Dog": animal("dog"),
                    "Order": {"type": "string", "enum": ["asc", "desc"]},
                },
                "securitySchemes": {
                    "Key": {"type": "apiKey", "in": "header", "name": "X-Api-Key"},
                    "Bearer": {"type": "http", "scheme": "bearer"},
                },
            },
        }
    )


def operation(of: dict[str, Any]) -> Any:
    return of["paths"][PATH]["get"]


def schemas(of: dict[str, Any]) -> Any:
    return of["components"]["schemas"]


def move_parameter(of: dict[str, Any]) -> None:
    operation(of)["parameters"] += of["paths"][PATH].pop("parameters")


REORDERED: dict[str, Edit] = {
    "parameters": lambda of: operation(of)["parameters"].reverse(),
    "security": lambda of: operation(of)["security"].reverse(),
    "tags": lambda of: of["tags"].reverse(),
    "required": lambda of: schemas(of)["Cat"]["required"].reverse(),
    "alternatives": lambda of: operation(of)["responses"]["200"]["content"]["application/json"]["schema"][
        "oneOf"
    ].reverse(),
    "types": lambda of: schemas(of)["Cat"]["properties"]["age"]["type"].reverse(),
    "enum": lambda of: schemas(of)["Order"]["enum"].reverse(),
    "parameter of a path": move_parameter,
}
CHANGED: dict[str, Edit] = {
    "tags of an operation": lambda of: operation(of)["tags"].insert(0, "others"),
    "required": lambda of: schemas(of)["Cat"]["required"].pop(),
    "enum": lambda of: schemas(of)["Order"]["enum"].append("none"),
    "parameter of a path": lambda of: operation(of)["parameters"].append({**ID, "schema": {"type": "integer"}}),
}


def edited(edit: Edit) -> dict[str, Any]:
    new = document()
    edit(new)
    return new


@pytest.mark.parametrize("edit", REORDERED.values(), ids=REORDERED)
def test_documents_that_differ_in_order_alone_are_the_same(edit: Edit) -> None:
    assert edited(edit) != document()
    assert ordering.is_same(document(), edited(edit))


@pytest.mark.parametrize("edit", CHANGED.values(), ids=CHANGED)
def test_documents_that_differ_otherwise_are_not_the_same(edit: Edit) -> None:
    assert not ordering.is_same(document(), edited(edit))


def effects(new: dict[str, Any], folder: Path) -> set[tuple[str, str]]:
    old, other = (
        sources.Source(name, json.dumps(each).encode(), folder)
        for name, each in zip("ab", (document(), new), strict=True)
    )
    return {(change.kind, change.effect.value) for change in comparison.compare(old, other, folder).changes}


@pytest.mark.parametrize("name", ["required", "types", "parameter of a path"])
def test_another_order_breaks_no_client(name: str, tmp_path: Path) -> None:
    assert effects(edited(REORDERED[name]), tmp_path) == {("rephrased", "documentation")}


@pytest.mark.slow
@pytest.mark.parametrize("edit", REORDERED.values(), ids=REORDERED)
def test_no_other_order_breaks_a_client(edit: Edit, tmp_path: Path) -> None:
    assert effects(edited(edit), tmp_path) == {("rephrased", "documentation")}


@pytest.mark.slow
def test_parameter_that_moved_and_changed_is_found(tmp_path: Path) -> None:
    def edit(of: dict[str, Any]) -> None:
        move_parameter(of)
        operation(of)["parameters"][-1]["schema"] = {"type": "integer"}

    found = effects(edited(edit), tmp_path)
    assert ("parameter-removed", "breaking") in found
    assert ("parameter-added-required", "breaking") in found

"""A list with pages is read to its end by iterating over its first page, with nothing but `x-paging` in the spec.

A copy of openapi.yaml gets lists of every phrasing, with names that the API will never have; both clients read them
from a server of pages.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import program_runs
import pytest
import regenerate
import small_specs
from generator.yaml_loader import load

ROOT = Path(__file__).parents[3]
PROGRAM = Path(__file__).with_name("programs") / "read_paged_lists.py"
TEXT = {"type": "string"}
NULLABLE = {"type": ["string", "null"]}


def operation(name: str, page: dict[str, Any], paging: dict[str, str], *parameters: dict[str, Any]) -> dict[str, Any]:
    return {
        "get": {
            "operationId": name,
            "tags": ["imaginary"],
            "summary": f"Does {name}",
            "security": [{"ApiKey": []}],
            "x-paging": paging,
            "parameters": [*parameters, {"name": paging["parameter"], "in": "query", "schema": TEXT}],
            "responses": {
                "200": small_specs.response(page),
                "4XX": {"$ref": "#/components/responses/ClientFault"},
            },
        }
    }


def page(*required: str, **members: Any) -> dict[str, Any]:
    return {"type": "object", "required": list(required), "properties": members}


LIMIT = {"name": "limit", "in": "query", "schema": {"type": "integer"}}
STAR = small_specs.ref("ImaginaryStar")
PATHS = {
    # As lists of images: the cursor is an id, and has_more says the same.
    "/v1/imaginary_stars": operation(
        "listImaginaryStars",
        small_specs.ref("ImaginaryStarList"),
        {"items": "data", "cursor": "next_cursor", "parameter": "starting_after", "has_more": "has_more"}
        | {"backward": "ending_before"},
        LIMIT,
        {"name": "ending_before", "in": "query", "schema": TEXT},
    ),
    # The same page with another parameter, and an inline page whose items are texts.
    "/v1/imaginary_stars/{id}/moons": operation(
        "listImaginaryMoons",
        small_specs.ref("ImaginaryStarList"),
        {"items": "data", "cursor": "next_cursor", "parameter": "cursor"},
        {"name": "id", "in": "path", "required": True, "schema": TEXT},
    ),
    "/v1/imaginary_names": operation(
        "listImaginaryNames",
        page("list", list={"type": "array", "items": TEXT}, next=TEXT, iter_pages={"type": "integer"}),
        {"items": "list", "cursor": "next", "parameter": "page_token"},
        {"name": "group_by", "in": "query", "schema": {"type": "array", "items": TEXT}},
        {"name": "X-Sky", "in": "header", "schema": TEXT},
    ),
}
SCHEMAS = {
    "ImaginaryStar": page("id", id=TEXT),
    "ImaginaryStarList": page(
        "data", "has_more", data={"type": "array", "items": STAR}, has_more={"type": "boolean"}, next_cursor=NULLABLE
    ),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    document = load(ROOT / "openapi.yaml")
    document["paths"] |= PATHS
    document["components"]["schemas"] |= SCHEMAS
    document["tags"].append({"name": "imaginary", "description": "What nobody will ever offer."})
    generated = tmp_path_factory.mktemp("paged")
    assert regenerate.generate(small_specs.write(generated / "paged.yaml", document), generated / "aurous_client")
    return generated


@pytest.mark.slow
def test_pages_and_their_items_are_typed(folder: Path) -> None:
    program_runs.check_types(folder, "aurous_client", PROGRAM)


@pytest.mark.slow
def test_lists_are_read_to_their_end_by_both_clients(folder: Path) -> None:
    program_runs.check_program(folder, "-W", "error", "-P", PROGRAM)


@pytest.mark.slow
def test_pages_are_loaded_when_a_list_is_requested(folder: Path) -> None:
    program = "import sys; from aurous_client import resources; print(*sys.modules)"
    loaded = program_runs.run_python(folder, "-c", program).stdout.split()
    assert "aurous_client.encoding" in loaded
    assert not {"aurous_client.operations", "aurous_client.paging"} & {*loaded}

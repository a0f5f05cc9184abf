"""Pages of other families than chat are compared as well: lists with queries, binary responses, empty ones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from audit import comparison, pages
from specdiff import sources

PAGES = Path(__file__).resolve().parent / "platform_pages"
KEY = [{"ApiKey": []}]


def json_response(schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": "Fine.", "content": {"application/json": {"schema": schema}}}


STATUS = {"type": "string", "enum": ["pending", "processing", "succeeded", "failed"]}
DRAWING = {
    "type": "object",
    "required": ["id", "status"],
    "properties": {
        "id": {"type": "string"},
        "status": STATUS,
        "caption": {"type": ["string", "null"]},
        "created_at": {"type": "string", "format": "date-time"},
        "urls": {"type": "array", "items": {"type": "string", "format": "uri"}},
    },
}
PATHS: dict[str, Any] = {
    "/v1/imaginary_drawings": {
        "get": {
            "security": KEY,
            "parameters": [
                {"name": "status", "in": "query", "schema": {"type": "array", "items": STATUS}},
                {
                    "name": "limit",
                    "in": "query",
                    "schema": {"type": "integer", "minimum": 1, "maximum": 100, "default": 24},
                },
                {"name": "before", "in": "query", "deprecated": True, "schema": {"type": "string"}},
            ],
            "responses": {
                "200": json_response(
                    {
                        "type": "object",
                        "required": ["data", "next_cursor"],
                        "properties": {
                            "data": {"type": "array", "items": DRAWING, "maxItems": 100},
                            "next_cursor": {"type": ["string", "null"]},
                        },
                    }
                )
            },
        },
    },
    "/v1/imaginary_drawings/{id}/output/{n}": {
        "get": {
            "deprecated": True,
            "security": KEY,
            "parameters": [
                {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}},
                {"name": "n", "in": "path", "required": True, "schema": {"type": "integer", "minimum": 0}},
            ],
            "responses": {"200": {"description": "Fine.", "content": {"image/png": {}}}},
        }
    },
    "/v1/imaginary_drawings/uploads": {
        "post": {
            "requestBody": {
                "required": True,
                "content": {
                    "multipart/form-data": {
                        "schema": {
                            "type": "object",
                            "required": ["file", "purpose"],
                            "properties": {
                                "file": {"type": "string", "format": "binary"},
                                "purpose": {"type": "string", "enum": ["reference", "first_frame"]},
                                "metadata": {"type": "string"},
                            },
                        }
                    }
                },
            },
            "responses": {"201": json_response(DRAWING)},
        }
    },
    "/v1/imaginary_drawings/{id}": {
        "delete": {
            "security": KEY,
            "parameters": [{"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}],
            "responses": {"204": {"description": "Gone."}},
        }
    },
}


@pytest.fixture(scope="module")
def spec(tmp_path_factory: pytest.TempPathFactory) -> sources.Source:
    document = {
        "openapi": "3.1.0",
        "info": {"title": "Drawings", "version": "1"},
        "servers": [{"url": "https://api.aurous-labs.com"}],
        "security": KEY,
        "paths": PATHS,
        "components": {
            "securitySchemes": {"ApiKey": {"type": "apiKey", "in": "header", "name": "X-Api-Key"}},
            "x-error-codes": {"drawing_expired": {"status": 410}},
        },
    }
    folder = tmp_path_factory.mktemp("spec")
    (folder / "spec.yaml").write_text(json.dumps(document))
    return sources.read(str(folder / "spec.yaml"), folder)


def differences(spec: sources.Source, name: str, old: str = "", new: str = "") -> set[tuple[str, str]]:
    text = (PAGES / f"{name}.txt").read_text(encoding="utf-8")
    assert old in text
    page = pages.parse(name, text.replace(old, new, 1) if old else text)
    return {(difference.kind.value, difference.about) for difference in comparison.compare(page, spec)}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        # Pages print "number" for integers.
        ("list", {("different", "type")}),
        ("output", {("different", "type")}),
        ("delete", set()),
        ("upload", set()),
    ],
)
def test_platform_page_matches_its_operation(spec: sources.Source, name: str, expected: set[tuple[str, str]]) -> None:
    assert differences(spec, name) == expected


@pytest.mark.parametrize(
    ("name", "old", "new", "expected"),
    [
        ("list", "default:24", "default:20", ("different", "default")),
        ("list", "1 <= x <= 100", "1 <= x <= 50", ("different", "maximum")),
        ("list", "before\nstring\nquery\ndeprecated", "before\nstring\nquery", ("missing in the page", "deprecated")),
        ("list", "At most 100 items.", "At most 50 items.", ("different", "maxItems")),
        ("list", '"caption"', '"palette": 1,\n      "caption"', ("missing in the spec", "sample member")),
        ("list", "data.status\n", "data.palette\nstring\n\ndata.status\n", ("missing in the spec", "field")),
        ("output", "image/png", "image/webp", ("missing in the spec", "response")),
        ("output", "410 drawing_expired", "404 drawing_expired", ("different", "error code")),
        ("output", "deprecated\n", "", ("missing in the page", "deprecated")),
        ("upload", "file\nfile\n", "file\nstring\n", ("missing in the page", "format")),
        ("upload", "Body\nmultipart/form-data", "Body\napplication/json", ("missing in the spec", "body")),
        ("upload", "first_frame ", "last_frame ", ("different", "enum")),
        ("upload", "metadata\nstring\n", "metadata\nobject\n", ("different", "type")),
        ("delete", "204", "202", ("missing in the spec", "status")),
        ("delete", "id\nstring\nrequired", "id\nstring", ("different", "required")),
    ],
)
def test_difference_of_a_platform_page_is_found(
    spec: sources.Source, name: str, old: str, new: str, expected: tuple[str, str]
) -> None:
    assert expected in differences(spec, name, old, new)

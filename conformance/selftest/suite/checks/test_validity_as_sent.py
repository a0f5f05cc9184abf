"""A request counts as invalid only if it is still invalid as text."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import Any

import pytest
from harness import contract
from harness.client.exchange import Exchange
from harness.generation.as_sent import is_valid_as_sent

DRAWINGS = {
    "/v1/imaginary_drawings/{number}": {
        "parameters": [{"name": "number", "in": "path", "required": True, "schema": {"type": "integer", "minimum": 7}}],
        "get": {
            "operationId": "listImaginaryDrawings",
            "parameters": [
                {"name": "X-Mood", "in": "header", "schema": {"enum": ["calm"]}},
                {"name": "size", "in": "query", "required": True, "schema": {"type": "integer", "maximum": 4}},
                {"name": "tags", "in": "query", "schema": {"type": "array", "items": {"type": "string"}}},
            ],
            "responses": {"200": {"description": "Fine."}},
        },
        "put": {
            "operationId": "replaceImaginaryDrawing",
            "requestBody": {
                "required": True,
                "content": {
                    "application/json": {"schema": {"type": "object", "required": ["title"]}},
                    "multipart/form-data": {"schema": {"type": "object", "required": ["title"]}},
                    "image/png": {},
                },
            },
            "responses": {"200": {"description": "Fine."}},
        },
    }
}


@pytest.fixture(autouse=True)
def drawings(monkeypatch: pytest.MonkeyPatch) -> None:
    """The contract with operations that no version will ever have."""
    document = deepcopy(contract.document())
    document["paths"] |= DRAWINGS
    monkeypatch.setattr(contract, "document", lambda: document)


@pytest.mark.parametrize(
    ("target", "headers", "is_valid"),
    [
        ("7?size=4", {}, True),
        ("7?size=4&tags=false", {}, True),
        ("7?size=4&unknown=1", {"X-Mood": "calm"}, True),
        ("7?size=4", {"x-mood": "wild"}, False),
        ("7?size=false&tags=false", {}, False),
        ("7?tags=false", {}, False),
        ("6?size=4", {}, False),
        ("seven?size=4", {}, False),
        ("7/8?size=4", {}, False),
    ],
)
def test_parameters_are_judged_as_text(target: str, headers: dict[str, str], is_valid: bool) -> None:
    url = f"http://server/base/v1/imaginary_drawings/{target}"
    assert is_valid_as_sent(Exchange("GET", url, sent_headers=headers, base_path="/base")) is is_valid


@pytest.mark.parametrize(
    ("content_type", "body", "is_valid"),
    [
        ("application/json; charset=utf-8", b'{"title": 1}', True),
        ("application/json", b"{}", False),
        ("multipart/form-data; boundary=b", b"--b--", True),
        ("image/png", b"{}", True),
        ("text/plain", b"title", False),
        ("", b"", False),
    ],
)
def test_body_is_judged_by_its_schema_if_it_is_json(content_type: str, body: bytes, is_valid: bool) -> None:
    url = "http://server/v1/imaginary_drawings/7"
    assert is_valid_as_sent(Exchange("PUT", url, sent_headers={"Content-Type": content_type}, sent=body)) is is_valid


def test_body_that_an_operation_does_not_take_is_no_part_of_its_validity() -> None:
    url = "http://server/v1/imaginary_drawings/7?size=1"
    sent: dict[str, Any] = {"sent_headers": {"Content-Type": "application/json"}, "sent": json.dumps([]).encode()}
    assert is_valid_as_sent(Exchange("GET", url, **sent))

"""The suite follows the spec of the version under test: its operations, enums, prices and the rules of its range."""

from __future__ import annotations

import random
from copy import deepcopy
from typing import Any

import pytest
from harness import contract
from harness.client.charges import charged_credits
from harness.client.exchange import Exchange
from harness.contract import Operation
from harness.generation.valid_requests import valid_body, valid_request
from harness.rules import Rule

TEXT = {"type": "string", "pattern": "^[a-z]{3,5}$"}
IMAGINARY = {
    "/v1/imaginary_drawings/{number}": {
        "parameters": [{"name": "number", "in": "path", "required": True, "schema": {"type": "integer", "minimum": 7}}],
        "put": {
            "operationId": "replaceImaginaryDrawing",
            "x-charge": {"amount": "cost.amount"},
            "parameters": [
                {"name": "X-Mood", "in": "header", "required": True, "schema": {"type": "string", "enum": ["calm"]}},
                {"name": "size", "in": "query", "required": True, "schema": {"type": "integer", "example": 4}},
                {"name": "page", "in": "query", "schema": {"type": "integer"}},
            ],
            "requestBody": {
                "content": {"application/json": {"schema": {"$ref": "#/components/schemas/ImaginaryDrawing"}}}
            },
            "responses": {"200": {"description": "Fine."}},
        },
    }
}
DRAWING = {
    "type": "object",
    "required": ["title", "tags"],
    "properties": {"title": TEXT, "tags": {"type": "array", "minItems": 2, "items": TEXT}, "note": TEXT},
}
PUT = Operation("replaceImaginaryDrawing", "PUT", "/v1/imaginary_drawings/{number}")


@pytest.fixture
def extended(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The contract with an operation that no version will ever have."""
    document = deepcopy(contract.document())
    document["paths"] |= deepcopy(IMAGINARY)
    document["components"]["schemas"]["ImaginaryDrawing"] = DRAWING
    monkeypatch.setattr(contract, "document", lambda: document)
    return document


@pytest.mark.parametrize(
    ("since", "until", "version", "applies"),
    [
        (None, None, "2026-05-15", True),
        ("2026-09-01", None, "2026-05-15", False),
        ("2026-09-01", None, "2026-09-01", True),
        (None, "2026-09-01", "2026-05-15", True),
        (None, "2026-09-01", "2026-09-01", False),
        ("2026-05-15", "2026-09-01", "2026-08-31", True),
    ],
)
def test_rule_applies_to_the_versions_of_its_range(
    since: str | None, until: str | None, version: str, applies: bool
) -> None:
    assert Rule("imaginary.rule", "page", "A sentence.", since=since, until=until).applies_to(version) is applies


def test_valid_request_of_an_operation_has_what_its_spec_requires(extended: dict[str, Any]) -> None:
    request = valid_request(PUT)
    path, _, query = request.path.partition("?")
    assert int(path.rpartition("/")[2]) >= 7
    assert query == "size=4"
    assert request.headers == {"X-Mood": "calm", "Content-Type": "application/json"}
    schema = {**DRAWING, "components": extended["components"]}
    for seed in range(20):
        assert contract.instance_errors(schema, valid_body(PUT, random.Random(seed))) == []


@pytest.mark.parametrize(
    ("media_type", "body"),
    [
        ("application/vnd.imaginary+json", b'{"size": 4}'),
        ("application/x-www-form-urlencoded", b"size=4"),
        ("multipart/form-data", b'name="size"\r\n\r\n4\r\n'),
        ("text/plain", None),
        ("image/*", None),
    ],
)
def test_valid_body_has_the_media_type_that_its_operation_takes(
    extended: dict[str, Any], media_type: str, body: bytes | None
) -> None:
    members = {"size": {"type": "integer", "const": 4}}
    schema = {"type": "object", "required": ["size"], "properties": members} if body else {"type": "string"}
    put = extended["paths"][PUT.path]["put"]
    put["requestBody"] = {"content": {media_type: {"schema": schema}}}
    request = valid_request(PUT)
    assert request.headers["Content-Type"].startswith(media_type.partition("*")[0])
    assert "*" not in request.headers["Content-Type"]
    assert request.content
    assert body is None or body in request.content


def test_operation_without_security_is_public(extended: dict[str, Any]) -> None:
    assert not any(operation.is_public for operation in contract.operations())
    extended["paths"][PUT.path]["put"]["security"] = []
    assert [operation.id for operation in contract.operations() if operation.is_public] == [PUT.id]


@pytest.mark.parametrize("operation", contract.operations(), ids=lambda operation: operation.id)
def test_every_operation_has_a_valid_request(operation: Operation) -> None:
    request = valid_request(operation)
    assert "{" not in request.path
    assert (request.content is None) == (
        "requestBody" not in contract.document()["paths"][operation.path][operation.method.lower()]
    )


@pytest.mark.parametrize(
    ("method", "body", "credits"),
    [
        ("PUT", b'{"cost": {"amount": 2.5}}', 2.5),
        ("PUT", b'{"cost": {}}', None),
        ("GET", b'{"cost": {"amount": 2.5}}', 0.0),
    ],
)
@pytest.mark.usefixtures("extended")
def test_price_stands_where_the_spec_says(method: str, body: bytes, credits: float | None) -> None:
    exchange = Exchange(method, "http://127.0.0.1/v1/imaginary_drawings/7", {}, b"")
    exchange.status, exchange.body, exchange.headers = 200, body, {"content-type": "application/json"}
    assert charged_credits(exchange) == credits

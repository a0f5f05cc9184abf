"""A request counts as invalid only if it is still invalid as text."""

from __future__ import annotations

import json
from contextlib import nullcontext
from copy import deepcopy
from typing import Any

import pytest
import requests
from harness import contract
from harness.client.exchange import Exchange
from harness.generation import schemathesis_adapter
from harness.generation.as_sent import is_valid_as_sent
from harness.settings import Profile
from harness.violations import RuleViolation
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode

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
            "responses": {"200": {"description": "Fine."}, "400": {"description": "No."}},
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


@pytest.mark.parametrize(("size", "is_refused_rightly"), [(5, True), (3, False)])
def test_refusal_of_a_generated_request_is_right_if_it_is_invalid_as_sent(size: int, is_refused_rightly: bool) -> None:
    """As of a request that follows a link, whose value the parameter that it goes to need not allow."""
    operation = schemathesis_adapter.load(Profile.QUICK, 0)["/v1/imaginary_drawings/{number}"]["GET"]
    url = f"http://server/v1/imaginary_drawings/7?size={size}"
    error = {"type": "invalid_request", "code": "invalid_format", "message": "No.", "request_id": "req_1"}
    error["doc_url"] = "https://docs.aurous-labs.com/errors#invalid_format"
    headers = {"content-type": "application/json", "aurous-request-id": "req_1"}
    refused = Exchange("GET", url, status=400, headers=headers, body=json.dumps({"error": error}).encode())
    sent = requests.Request("GET", url).prepare()

    @settings(max_examples=1, phases=[Phase.generate], database=None, suppress_health_check=list(HealthCheck))
    @given(case=operation.as_strategy(generation_mode=GenerationMode.POSITIVE))
    def judge(case: Any) -> None:
        with nullcontext() if is_refused_rightly else pytest.raises(RuleViolation, match="valid request rejected"):
            schemathesis_adapter.validate(case, schemathesis_adapter.as_schemathesis_response(refused, sent), refused)

    judge()

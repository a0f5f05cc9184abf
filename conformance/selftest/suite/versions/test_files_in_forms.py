"""A file in a form is generated as one, however the spec says that it is a file."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
from harness import contract
from harness.file_members import with_file_types
from harness.generation.valid_requests import valid_request

PATH = "/v1/imaginary_uploads"
FILE = {"type": "string", "format": "binary"}


def spec_of(member: dict[str, Any]) -> dict[str, Any]:
    form = {"type": "object", "required": ["upload"], "properties": {"upload": member, "note": {"type": "string"}}}
    body = {"content": {"multipart/form-data": {"schema": {"$ref": "#/components/schemas/ImaginaryForm"}}}}
    post = {"operationId": "uploadImaginary", "requestBody": body, "responses": {"201": {"description": "Stored."}}}
    return {"paths": {PATH: {"post": post}}, "components": {"schemas": {"ImaginaryForm": form}}}


def members(spec: dict[str, Any]) -> Any:
    return spec["components"]["schemas"]["ImaginaryForm"]["properties"]


PHRASES: list[dict[str, Any]] = [
    {},
    {"contentMediaType": "application/octet-stream"},
    {"type": "string", "contentMediaType": "image/png"},
    {"contentEncoding": "binary"},
]


@pytest.mark.parametrize("member", PHRASES, ids=str)
def test_every_phrase_of_a_file_becomes_one(member: dict[str, Any]) -> None:
    spec = spec_of(deepcopy(member))
    assert members(with_file_types(spec))["upload"] == {**member, **FILE}
    assert members(with_file_types(spec))["note"] == {"type": "string"}
    assert members(spec)["upload"] == member


@pytest.mark.parametrize("member", PHRASES, ids=str)
def test_every_file_of_a_list_becomes_one(member: dict[str, Any]) -> None:
    spec = with_file_types(spec_of({"type": "array", "items": deepcopy(member)}))
    assert members(spec)["upload"] == {"type": "array", "items": {**member, **FILE}}


@pytest.mark.parametrize(
    "member",
    [FILE, {"type": "string"}, {"type": "string", "contentMediaType": "application/json"}, {"type": "integer"}],
)
def test_what_is_no_file_or_says_so_is_left_alone(member: dict[str, Any]) -> None:
    spec = spec_of(member)
    assert with_file_types(spec) is spec


def test_file_is_sent_as_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    document = deepcopy(contract.document())
    uploads = with_file_types(spec_of({"contentMediaType": "image/png"}))
    document["paths"] |= uploads["paths"]
    document["components"]["schemas"] |= uploads["components"]["schemas"]
    monkeypatch.setattr(contract, "document", lambda: document)
    operation = next(each for each in contract.operations() if each.path == PATH)
    assert b'name="upload"; filename="upload.bin"' in (valid_request(operation).content or b"")


def test_spec_of_the_version_under_test_has_its_files() -> None:
    assert with_file_types(contract.document()) is contract.document()

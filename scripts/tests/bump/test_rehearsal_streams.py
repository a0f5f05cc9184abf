"""Streams and lists too go out without what the version asked for does not have, and otherwise byte for byte."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from aurous_mock.contract import operations
from aurous_mock.contract.document import Document
from aurous_mock.contract.operations import Operation
from aurous_mock.contract.versioning import ResponseFilter
from generator.yaml_loader import load
from starlette.types import Message

ROOT = Path(__file__).resolve().parents[3]
CREATE = "/v1/chat/completions"
JSON = [(b"content-type", b"application/json"), (b"content-length", b"0")]
EVENTS = [(b"content-type", b"text/event-stream; charset=utf-8")]


@cache
def older() -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """The contract, and one that lacks three members of its answers."""
    newer, lesser = load(ROOT / "openapi.yaml"), load(ROOT / "openapi.yaml")
    schemas = lesser["components"]["schemas"]
    del schemas["UsageBreakdown"]["properties"]["pricing_version"]
    del schemas["ChunkDelta"]["properties"]["role"]
    del schemas["Model"]["properties"]["kind"]
    return newer, lesser


@cache
def served() -> list[Operation]:
    newer, lesser = older()
    return list(operations.read(Document(lesser), [Document(newer)]))


def operation(method: str, path: str) -> Operation:
    return next(candidate for candidate in served() if candidate.match(method, path) is not None)


def sent(operation: Operation, *messages: Message) -> list[Message]:
    out: list[Message] = []

    async def keep(message: Message) -> None:
        out.append(dict(message))

    async def send() -> None:
        response_filter = ResponseFilter(operation, keep)
        for message in messages:
            await response_filter.send(message)

    asyncio.run(send())
    return out


def start(headers: list[tuple[bytes, bytes]], status: int = 200) -> Message:
    return {"type": "http.response.start", "status": status, "headers": headers}


def body(payload: bytes, *, more: bool = False) -> Message:
    return {"type": "http.response.body", "body": payload, "more_body": more}


def test_response_filter_hides_members_of_newer_versions() -> None:
    create = operation("POST", CREATE)
    assert create.hidden == {"usage": {"breakdown": {"pricing_version": None}}}
    assert create.hidden_in_events == {
        "choices": {"delta": {"role": None}},
        "usage": {"breakdown": {"pricing_version": None}},
    }
    assert operation("GET", "/v1/models").hidden == {"data": {"kind": None}}


def test_filtered_document_has_the_right_content_length() -> None:
    payload = json.dumps({"usage": {"breakdown": {"pricing_version": 7, "model": "m"}}, "other": 1}).encode()
    head, tail = sent(operation("POST", CREATE), start(JSON), body(payload[:9], more=True), body(payload[9:]))
    assert json.loads(tail["body"]) == {"usage": {"breakdown": {"model": "m"}}, "other": 1}
    assert dict(head["headers"])[b"content-length"] == b"%d" % len(tail["body"])


def test_filter_applies_to_items_of_lists() -> None:
    payload = json.dumps({"data": [{"id": "a", "kind": "chat"}, {"id": "b"}]}).encode()
    _, tail = sent(operation("GET", "/v1/models"), start(JSON), body(payload))
    assert json.loads(tail["body"]) == {"data": [{"id": "a"}, {"id": "b"}]}


def test_filter_applies_to_events_and_changes_nothing_else() -> None:
    frames = [b'data: {"choices":[{"delta":{"role":"a","content":"b"}}]}\n\n', b": keep-alive\n\n", b"data: [DONE]\n\n"]
    _, *out = sent(operation("POST", CREATE), start(EVENTS), *(body(frame, more=True) for frame in frames))
    assert [message["body"] for message in out] == [
        b'data: {"choices":[{"delta":{"content":"b"}}]}\n\n', *frames[1:]
    ]  # fmt: skip


def imaginary(media_type: str, schema: dict[str, Any]) -> Document:
    content = {media_type: {"schema": schema}}
    responses = {"200": {"description": "Fine.", "content": content}}
    return Document({"paths": {"/v1/imaginary": {"get": {"responses": responses}}}})


@pytest.mark.parametrize(
    ("media_type", "sent_bytes", "filtered"),
    [
        ("text/event-stream", b'event: a\ndata: {"new":1,"old":2}\n\n', b'event: a\ndata: {"old":2}\n\n'),
        ("application/x-ndjson", b'{"new":1}\n{"old":2}\n', b'{}\n{"old":2}\n'),
    ],
)
def test_filter_applies_to_streams_of_any_operation(media_type: str, sent_bytes: bytes, filtered: bytes) -> None:
    older, newer = (
        imaginary(media_type, {"type": "object", "properties": {key: {"type": "integer"} for key in names}})
        for names in (("old",), ("old", "new"))
    )
    [watch] = operations.read(older, [newer])
    _head, tail = sent(
        watch, start([(b"content-type", media_type.encode()), (b"content-length", b"9")]), body(sent_bytes)
    )
    assert tail["body"] == filtered


def test_error_responses_are_not_filtered() -> None:
    payload = b'{"error": {"usage": {"breakdown": {"pricing_version": 1}}}}'
    _, tail = sent(operation("POST", CREATE), start(JSON, 400), body(payload))
    assert tail["body"] == payload


def test_versions_with_equal_responses_hide_nothing() -> None:
    document = Document(older()[0])
    assert all(
        not candidate.hidden and not candidate.hidden_in_events for candidate in operations.read(document, [document])
    )

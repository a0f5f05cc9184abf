"""Rules on malformed and hostile input: refused with the envelope, never a 5xx, never a hang."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from harness import contract
from harness.client.api_client import COMPLETIONS, ApiClient
from harness.client.exchange import Exchange
from harness.generation.request_normalizer import FRUGAL, LEAST_DETAIL
from harness.rules import CREATE, ERRORS, expensive, rule
from harness.violations import inform, require

from .scenarios import each_mode

MEBIBYTE = 1024 * 1024
ANSWERED_WITHIN = 20.0
BRIEF: dict[str, Any] = {"max_tokens": 2}

OPTIONAL = [
    name
    for name in contract.schema("ChatCompletionRequest")["properties"]
    if name not in contract.schema("ChatCompletionRequest")["required"]
]

NOT_JSON = {
    "empty": b"",
    "white space": b" \n\t ",
    "half a document": b'{"model": "aurous-grow-2.0-pro", "messages": [',
    "single quotes": b"{'model': 'm'}",
    "trailing comma": b'{"model": "m", "messages": [],}',
    "two documents": b"{}{}",
    "comment": b'{} // "model"',
    "bare word": b"model",
    "NaN": b'{"model": "m", "messages": [{"role": "user", "content": "x"}], "temperature": NaN}',
    "Infinity": b'{"model": "m", "messages": [{"role": "user", "content": "x"}], "temperature": Infinity}',
    "invalid UTF-8": b'{"model": "\xff\xfe", "messages": []}',
    "UTF-16": '{"model": "m", "messages": []}'.encode("utf-16"),
    "raw NUL": b'{"model": "m\x00", "messages": []}',
    "raw newline in a string": b'{"model": "a\nb", "messages": []}',
    "unescaped control": b'{"model": "a\x01b", "messages": []}',
    "XML": b"<?xml version='1.0'?><model/>",
    "a form": b"model=m&messages=x",
}
NOT_AN_OBJECT = {"null": b"null", "number": b"7", "text": b'"model"', "array": b"[]", "true": b"true"}
# The statuses with which most servers refuse hostile input.
USUAL = (400, 413, 415, 422)
OTHER_TYPES = ["text/plain", "application/xml", "application/x-www-form-urlencoded", "multipart/form-data", "image/png"]


@pytest.fixture
def still_alive(api: ApiClient) -> Iterator[None]:
    """After hostile input the server still serves other requests."""
    before = api.models().outcome
    yield
    after = api.models()
    require(after.outcome == before, f"after it, the list of models is answered {after.outcome}, not {before}", after)


def require_refused(exchange: Exchange) -> None:
    """Require a 4xx with the envelope, in good time.

    No page says which 4xx hostile input gets, and a proxy may refuse it first: what differs from the usual refusal
    ends the test as informational.
    """
    require(400 <= exchange.status < 500, f"it is answered {exchange.outcome}; expected a 4xx", exchange)
    require(exchange.seconds < ANSWERED_WITHIN, f"the answer took {exchange.seconds:.1f} s", exchange)
    if exchange.is_from_proxy:
        inform(
            f"refused by something in front of the API: {exchange.outcome} {exchange.media_type or 'without a type'}"
        )
    schema_errors = contract.schema_errors("ErrorEnvelope", exchange.json)
    require(not schema_errors, f"the error's envelope: {'; '.join(schema_errors)}", exchange)
    kind = exchange.at("error", "type")
    if exchange.status not in USUAL or kind != "invalid_request":
        inform(f"refused with {exchange.outcome}, type {kind}")


def require_handled(exchange: Exchange) -> None:
    """Require a response that is not a 5xx."""
    require(exchange.status, f"there is no answer ({exchange.transport_error})", exchange)
    require(exchange.status < 500, f"it is answered {exchange.outcome}", exchange)
    require(exchange.seconds < ANSWERED_WITHIN, f"the answer took {exchange.seconds:.1f} s", exchange)


@rule("hostile.not_json", page=ERRORS, sentence="A body that is not JSON is a 4xx with the envelope.")
@pytest.mark.parametrize("name", NOT_JSON)
@pytest.mark.usefixtures("still_alive")
def test_body_that_is_not_json_is_refused(api: ApiClient, name: str) -> None:
    require_refused(api.create(None, content=NOT_JSON[name], expect_error=True))


@rule("hostile.not_an_object", page=ERRORS, sentence="A JSON body that is not an object is a 4xx with the envelope.")
@pytest.mark.parametrize("name", NOT_AN_OBJECT)
def test_json_body_that_is_not_an_object_is_refused(api: ApiClient, name: str) -> None:
    require_refused(api.create(None, content=NOT_AN_OBJECT[name], expect_error=True))


@rule("hostile.media_type", page=CREATE, sentence="A body of another content type is a 4xx with the envelope.")
@pytest.mark.parametrize("value", OTHER_TYPES)
@each_mode
def test_body_of_another_media_type_is_refused(api: ApiClient, value: str, stream: bool) -> None:
    require_refused(api.create(api.chat_body(stream=stream), headers={"Content-Type": value}, expect_error=True))


@rule(
    "hostile.no_media_type",
    page=CREATE,
    sentence="How a JSON body without a content type is answered (not documented).",
    informational=True,
)
def test_body_without_a_media_type(api: ApiClient) -> None:
    inform(f"it is answered {api.create(api.chat_body(), headers={'Content-Type': None}).outcome}")


@rule("hostile.deep", page=ERRORS, sentence="An extremely nested body is a 4xx with the envelope.")
@pytest.mark.parametrize("depth", [1_000, 100_000])
@pytest.mark.parametrize("brackets", [(b"[", b"]"), (b'{"a":', b"}")], ids=["arrays", "objects"])
@pytest.mark.usefixtures("still_alive")
def test_deeply_nested_body_is_refused(api: ApiClient, depth: int, brackets: tuple[bytes, bytes]) -> None:
    before, after = brackets
    middle = b"1" if before != b"[" else b""
    content = b'{"model": "m", "messages": ' + before * depth + middle + after * depth + b"}"
    require_refused(api.create(None, content=content, expect_error=True))


@rule("hostile.huge", page=ERRORS, sentence="A body of more than 10 MiB is a 4xx with the envelope.")
@pytest.mark.parametrize("place", ["content", "an unknown member", "white space"])
@pytest.mark.usefixtures("still_alive")
def test_body_over_10_mib_is_refused(api: ApiClient, place: str) -> None:
    body = api.chat_body()
    if place == "content":
        body["messages"][0]["content"] = "x" * (11 * MEBIBYTE)
    if place == "an unknown member":
        body["padding"] = "x" * (11 * MEBIBYTE)
    content = json.dumps(body).encode() + (b" " * (11 * MEBIBYTE) if place == "white space" else b"")
    require_refused(api.create(None, content=content, expect_error=True))


@rule("hostile.many_members", page=ERRORS, sentence="A body of very many members is not answered with a 5xx.")
@pytest.mark.usefixtures("still_alive")
@each_mode
def test_body_of_many_members_is_handled(api: ApiClient, stream: bool) -> None:
    members = {f"member_{number}": number for number in range(2000)}
    require_handled(api.create({**api.chat_body(stream=stream, **BRIEF), **members}))


@rule("hostile.nul", page=ERRORS, sentence="A NUL in a text is a 4xx with the envelope.")
@each_mode
def test_nul_character_in_a_message_is_refused(api: ApiClient, stream: bool) -> None:
    require_refused(api.create(api.chat_body("a\x00b", stream=stream), expect_error=True))


@rule("hostile.null_members", page=CREATE, sentence="A null for an optional member is not answered with a 5xx.")
@each_mode
def test_null_for_an_optional_member_is_handled(api: ApiClient, stream: bool) -> None:
    body = {**api.chat_body(**BRIEF), "stream": stream}
    members = [name for name in OPTIONAL if name not in body]
    together = api.create({**body, **dict.fromkeys(members)})
    require_handled(together)
    # A refusal because of one member says nothing about the others.
    for member in members if together.status >= 400 else ("stream", "max_tokens"):
        require_handled(api.create({**body, member: None}))


@rule("hostile.unknown_members", page=CREATE, sentence="A member that no page lists is not answered with a 5xx.")
@pytest.mark.parametrize("value", [1, "x", None, {"a": 1}, []], ids=str)
@each_mode
def test_unknown_request_member_is_handled(api: ApiClient, value: object, stream: bool) -> None:
    members = {"user": value, "n": 1, "parallel_tool_calls": value, "x_unknown": value}
    require_handled(api.create({**api.chat_body(stream=stream, **BRIEF), **members}))


@rule("hostile.odd_text", page=CREATE, sentence="Unusual text in a message is not answered with a 5xx.")
@pytest.mark.parametrize(
    "text",
    [
        pytest.param('"\\ud800"', id="lone high surrogate"),
        pytest.param('"\\udc00\\ud800"', id="swapped surrogates"),
        pytest.param('"\\u202e\\u200b\\ufeff"', id="invisible"),
        pytest.param('"\\u001b[2J\\b\\f"', id="control characters"),
        pytest.param('"{{7*7}} ${7*7} <script> \'; DROP TABLE--"', id="injection"),
        pytest.param('"data: [DONE]\\n\\ndata: x\\r\\n"', id="event stream"),
        pytest.param('""', id="empty"),
        pytest.param('"' + "a\\u0301" * 50 + '"', id="combining"),
    ],
)
@pytest.mark.parametrize("stream", ["false", "true"], ids=["create", "stream"])
def test_unusual_text_in_a_message_is_handled(api: ApiClient, text: str, stream: str) -> None:
    head = json.dumps({"model": api.model, **FRUGAL, **BRIEF})[:-1]
    body = f'{head}, "stream": {stream}, "messages": [{{"role": "user", "content": {text}}}]}}'
    require_handled(api.create(json.loads(body), content=body.encode()))


@rule("hostile.odd_numbers", page=ERRORS, sentence="A number out of machine range is a 4xx with the envelope.")
@pytest.mark.parametrize("member", ["temperature", "max_tokens", "top_logprobs", "presence_penalty"])
@pytest.mark.parametrize("number", ["1e400", "-1e400", "9" * 400, "1e309"])
@each_mode
def test_number_out_of_machine_range_is_refused(api: ApiClient, member: str, number: str, stream: bool) -> None:
    body = json.dumps({**api.chat_body(stream=stream), member: 0}).replace(f'"{member}": 0', f'"{member}": {number}')
    require_refused(api.create(None, content=body.encode(), expect_error=True))


@rule(
    "hostile.duplicate_members",
    page=ERRORS,
    sentence="How a duplicate member is answered (not documented).",
    informational=True,
)
def test_duplicate_member_in_a_body(api: ApiClient) -> None:
    body = json.dumps(api.chat_body())[:-1] + ', "temperature": 0.5, "temperature": 3}'
    inform(
        f"the last one being wrong, it is answered {api.create(None, content=body.encode(), expect_error=True).outcome}"
    )


@rule("hostile.huge_integer_seed", page=CREATE, sentence="A seed beyond 64 bits is not answered with a 5xx.")
@pytest.mark.parametrize("seed", [2**63, 2**64, -(2**64), 10**30])
@each_mode
def test_seed_beyond_64_bits_is_handled(api: ApiClient, seed: int, stream: bool) -> None:
    require_handled(api.create(api.chat_body(seed=seed, stream=stream, **BRIEF)))


@rule("hostile.headers", page=ERRORS, sentence="Unusual headers are not answered with a 5xx.")
@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({"Idempotency-Key": "k" * 6000}, id="long key"),
        pytest.param({"X-Api-Key": "x" * 6000}, id="long credential"),
        pytest.param({"Aurous-Version": "2026-99-99"}, id="impossible date"),
        pytest.param({"Aurous-Version": "0000-00-00"}, id="no date"),
        pytest.param({"Accept": "text/html"}, id="accept html"),
        pytest.param({"Accept": "garbage"}, id="accept garbage"),
        pytest.param({"Authorization": "Bearer a b c", "X-Api-Key": None}, id="bearer of three words"),
        pytest.param({"X-Forwarded-For": "' OR 1=1 --"}, id="forwarded"),
    ],
)
def test_unusual_request_header_is_handled(api: ApiClient, headers: dict[str, str | None]) -> None:
    require_handled(api.send("GET", "/v1/models", headers=headers))
    for stream in (False, True):
        require_handled(api.create(api.chat_body(stream=stream, **BRIEF), headers=headers))


@rule("hostile.paths", page=ERRORS, sentence="An unusual path is a 4xx.")
@pytest.mark.parametrize(
    "path",
    [
        "/v1/chat/completions/%2e%2e%2fmodels",
        "/v1/chat/completions/%00",
        "/v1//models",
        "/v1/chat/completions/" + "a" * 4000,
    ],
)
def test_unusual_path_is_refused(api: ApiClient, path: str) -> None:
    response = api.send("GET", path)
    require_handled(response)
    require(response.status >= 300, f"it is answered {response.outcome}", response)


@rule(
    "hostile.compressed",
    page=CREATE,
    sentence="How a body with a wrong Content-Encoding is answered (not documented).",
    informational=True,
)
def test_body_in_another_encoding_than_declared(api: ApiClient) -> None:
    response = api.send(
        "POST", COMPLETIONS, headers={"Content-Type": "application/json", "Content-Encoding": "gzip"}, content=b"{}"
    )
    inform(f"it is answered {response.outcome}")


@expensive
@rule(
    "hostile.private_url",
    page="api-reference/embeddings/url-fetching",
    sentence="A picture on a private host is refused.",
    informational=True,
)
def test_image_on_a_private_host(api: ApiClient) -> None:
    url = "https://169.254.169.254/latest/meta-data"
    parts = [{"type": "image_url", "image_url": {"url": url, "detail": LEAST_DETAIL}}]
    response = api.create({**api.chat_body(), "messages": [{"role": "user", "content": parts}]})
    inform(f"it is answered {response.outcome}, param {response.get('error', 'param')!r}")

"""Input that means no good: always a 4xx with the whole envelope, never a 5xx, never a hang."""

import random
import socket
from typing import Any
from urllib.parse import urlsplit

import httpx
import orjson
import pytest
from aurous_mock.launcher import Mock
from mockkit import CREATE, PATIENCE, chat, error_of

JSON = {"Content-Type": "application/json"}
DEEP = b"[" * 100_000
BODIES = {
    "empty": b"",
    "truncated": b'{"model": ',
    "not utf-8": b'{"model": "\xff"}',
    "lone surrogate": b'{"model": "\\ud800", "messages": []}',
    "nan": b'{"temperature": NaN}',
    "byte order mark": b"\xef\xbb\xbf{}",
    "deep": DEEP,
    "deep and closed": b'{"a":' * 900 + b"1" + b"}" * 900,
    "deep in a schema": orjson.dumps(chat())[:-1] + b',"x":' + b"[" * 300 + b"]" * 300 + b"}",
    "array": b"[]",
    "string": b'"hello"',
    "null": b"null",
    "number": b"1e999",
    "raw nul": b'{"model": "a\0b"}',
    "escaped nul": b'{"model": "a\\u0000b", "messages": []}',
    "nul in a name": b'{"a\\u0000b": 1}',
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
def test_bodies_that_are_no_request(client: httpx.Client, body: bytes) -> None:
    response = client.post(CREATE, content=body, headers=JSON)
    assert response.status_code == 400
    assert error_of(response)["type"] == "invalid_request"


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "application/xml", ""])
def test_other_content_types(client: httpx.Client, content_type: str) -> None:
    response = client.post(CREATE, content=orjson.dumps(chat()), headers={"Content-Type": content_type})
    assert response.status_code == 400
    assert error_of(response)["param"] == "Content-Type"


def test_a_charset_is_no_other_content_type(client: httpx.Client) -> None:
    headers = {"Content-Type": "Application/JSON; charset=utf-8"}
    assert client.post(CREATE, content=orjson.dumps(chat()), headers=headers).status_code == 200


@pytest.mark.parametrize("chunked", [False, True])
def test_more_than_ten_mebibytes(client: httpx.Client, chunked: bool) -> None:
    body = b" " * (10 * 1024 * 1024 + 1)
    content: Any = (part for part in [body]) if chunked else body
    response = client.post(CREATE, content=content, headers=JSON)
    assert response.status_code == 413
    assert error_of(response)["code"] == "request_too_large"


def test_ten_mebibytes_are_read(client: httpx.Client) -> None:
    body = orjson.dumps(chat())
    response = client.post(CREATE, content=body + b" " * (10 * 1024 * 1024 - len(body)), headers=JSON)
    assert response.status_code == 200


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_other_methods(client: httpx.Client, method: str) -> None:
    response = client.request(method, "/v1/models")
    assert response.status_code == 405
    assert "GET" in response.headers["allow"]
    assert error_of(response)["code"] == "method_not_allowed"


@pytest.mark.parametrize("path", ["/", "/v1", "/v1/models/", "/v2/models", "/v1/chat/completions/", "/v1/%00", "/%ff"])
def test_other_paths(client: httpx.Client, path: str) -> None:
    response = client.get(path)
    assert response.status_code in (404, 405)
    assert error_of(response)["type"] in ("not_found", "invalid_request")


def exchange(mock: Mock, data: bytes) -> bytes:
    """What the server says to raw bytes, until it hangs up or falls silent after an answer."""
    address = urlsplit(mock.url)
    assert address.hostname is not None
    with socket.create_connection((address.hostname, address.port or 0), timeout=PATIENCE) as connection:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        while block := connection.recv(65536):
            answer += block
        return answer


@pytest.mark.parametrize(
    "data",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GARBAGE\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /\xff\xfe HTTP/1.1\r\nHost: a\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -5\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET / HTTP/1.1\r\nBad Header: x\r\n\r\n",
    ],
)
def test_bytes_that_are_no_http(mock: Mock, data: bytes) -> None:
    answer = exchange(mock, data)
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 4"), answer
    error = orjson.loads(body)["error"]
    assert error["request_id"].encode() in head


def mangle(rng: random.Random, value: Any, depth: int = 0) -> Any:
    """`value` with something about it changed."""
    strange = [None, True, -1, 0, 1e308, 2.5, "", "x" * 300, "\U0001f9ea", [], {}, [[]], {"": None}, "\u2028", 2**70]
    if depth > 4 or rng.random() < 0.15:
        return rng.choice(strange)
    if isinstance(value, dict) and value:
        name = rng.choice(list(value))
        changed = {**value, name: mangle(rng, value[name], depth + 1)}
        if rng.random() < 0.2:
            del changed[name]
        return changed
    if isinstance(value, list) and value:
        place = rng.randrange(len(value))
        return [*value[:place], mangle(rng, value[place], depth + 1), *value[place + 1 :]]
    return rng.choice(strange)


RICH = chat(
    max_tokens=20, temperature=1, top_p=0.5, seed=3, stop=["x"], presence_penalty=1, frequency_penalty=1, logprobs=True,
    top_logprobs=3, reasoning_effort="low", stream=False, stream_options={"include_usage": True}, tool_choice="auto",
    tools=[{"type": "function", "function": {"name": "f", "description": "d", "parameters": {
        "type": "object", "properties": {"a": {"type": "array", "items": {"type": "integer", "minimum": 1}}}}}}],
    response_format={"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object", "properties": {
        "s": {"type": "string", "pattern": "^a+$"}, "u": {"anyOf": [{"type": "null"}, {"enum": [1]}]}}}}},
)  # fmt: skip


@pytest.mark.parametrize("seed", range(10))
def test_mangled_requests(client: httpx.Client, seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(100):
        body = RICH
        for _ in range(rng.randint(1, 3)):
            body = mangle(rng, body)
        response = client.post(CREATE, json=body)
        assert response.status_code < 500, body
        if response.status_code != 200:
            error_of(response)

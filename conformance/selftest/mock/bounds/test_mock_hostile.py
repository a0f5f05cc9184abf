"""Input that means no good: always a 4xx with the whole envelope, never a 5xx, never a hang."""

import asyncio
import random
import socket
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import orjson
import pytest
import requesting
from aurous_mock.server.launcher import Mock
from mockkit import CREATE, chat, error_of
from testkit.conditions import PATIENCE

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
def test_bodies_that_are_no_json_object_are_refused(client: httpx.Client, body: bytes) -> None:
    response = client.post(CREATE, content=body, headers=JSON)
    assert response.status_code == 400
    assert error_of(response)["type"] == "invalid_request"


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "application/xml", ""])
def test_unsupported_content_type_is_refused(client: httpx.Client, content_type: str) -> None:
    response = client.post(CREATE, content=orjson.dumps(chat()), headers={"Content-Type": content_type})
    assert response.status_code == 400
    assert error_of(response)["param"] == "Content-Type"


def test_content_type_with_charset_is_accepted(client: httpx.Client) -> None:
    headers = {"Content-Type": "Application/JSON; charset=utf-8"}
    assert client.post(CREATE, content=orjson.dumps(chat()), headers=headers).status_code == 200


@pytest.mark.parametrize("chunked", [False, True])
def test_body_over_10_mib_is_refused(client: httpx.Client, chunked: bool) -> None:
    body = b" " * (10 * 1024 * 1024 + 1)
    content: Any = (part for part in [body]) if chunked else body
    response = client.post(CREATE, content=content, headers=JSON)
    assert response.status_code == 413
    assert error_of(response)["code"] == "request_too_large"


def test_body_of_10_mib_is_read(client: httpx.Client) -> None:
    body = orjson.dumps(chat())
    response = client.post(CREATE, content=body + b" " * (10 * 1024 * 1024 - len(body)), headers=JSON)
    assert response.status_code == 200


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_unsupported_method_is_refused(client: httpx.Client, method: str) -> None:
    response = client.request(method, "/v1/models")
    assert response.status_code == 405
    assert "GET" in response.headers["allow"]
    assert error_of(response)["code"] == "method_not_allowed"


@pytest.mark.parametrize("path", ["/", "/v1", "/v1/models/", "/v2/models", "/v1/chat/completions/", "/v1/%00", "/%ff"])
def test_unknown_path_is_not_found(client: httpx.Client, path: str) -> None:
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
def test_invalid_http_is_refused_with_400(mock: Mock, data: bytes) -> None:
    answer = exchange(mock, data)
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 4"), answer
    error = orjson.loads(body)["error"]
    assert error["request_id"].encode() in head


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_generated_requests_never_fail_the_server(seed: int) -> None:
    seen = asyncio.run(requesting.run(500, seed))
    assert seen[200] > 100
    assert sum(seen.values()) == 500


@pytest.mark.slow
def test_generated_requests_over_sockets_never_fail_the_server(client: httpx.Client) -> None:
    rng = random.Random(1)
    for _ in range(300):
        made = requesting.request(rng)
        if made.path == CREATE and "content-length" not in made.headers:
            assert client.post(CREATE, content=made.body, headers=list(_raw(made))).status_code < 500, made


def _raw(made: requesting.Request) -> Iterator[tuple[bytes, bytes]]:
    for name, value in made.headers.items():
        yield name.encode(), value.encode("latin-1")

"""What a connection may send, and how slowly, before anything of it is served."""

import contextlib
import socket
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx
import pytest
from aurous_mock.server import bounded_protocol
from aurous_mock.server.bounded_protocol import MAX_HEADERS, MAX_OVERHEAD, MAX_PIPELINED, BoundedProtocol
from aurous_mock.server.launcher import Mock, running
from mockkit import connect
from testkit.conditions import PATIENCE, eventually

HEAD = b"POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\n"
REQUEST = b"GET /v1/models HTTP/1.1\r\nHost: a\r\n\r\n"


@pytest.fixture
def hasty_mock(monkeypatch: pytest.MonkeyPatch) -> Iterator[Mock]:
    """A mock with short deadlines."""
    monkeypatch.setattr(BoundedProtocol, "head_seconds", 0.2)
    monkeypatch.setattr(BoundedProtocol, "body_seconds", 0.2)
    with running() as mock:
        yield mock


@contextlib.contextmanager
def connection(mock: Mock) -> Iterator[socket.socket]:
    address = urlsplit(mock.url)
    with socket.create_connection((address.hostname or "", address.port or 0), timeout=PATIENCE) as opened:
        yield opened


def send_until_closed(opened: socket.socket, piece: bytes, most: int) -> int:
    """How many bytes of repeated pieces the server takes before it closes the connection."""
    sent = 0
    with contextlib.suppress(ConnectionError):
        while sent < most:
            opened.sendall(piece)
            sent += len(piece)
            time.sleep(0)
    return sent


def read_all(opened: socket.socket) -> bytes:
    received = b""
    with contextlib.suppress(ConnectionError):
        while block := opened.recv(65536):
            received += block
    return received


def statuses(received: bytes) -> list[int]:
    return [int(part[:3]) for part in received.split(b"HTTP/1.1 ")[1:]]


@pytest.mark.parametrize(
    ("start", "piece"),
    [
        (HEAD + b"X-Endless: ", b"x" * 8192),
        (HEAD, b"X-Header: x\r\n" * 100),
        (b"GET /", b"x" * 8192),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nX-Trailer: ", b"x" * 8192),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n", b"X-Trailer: x\r\n" * 100),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n1;", b"x" * 8192),
    ],
    ids=["header value", "headers", "request line", "trailer value", "trailers", "chunk extension"],
)
def test_endless_head_or_trailer_is_cut_off(mock: Mock, start: bytes, piece: bytes) -> None:
    most = 64 * MAX_OVERHEAD
    with connection(mock) as opened:
        opened.sendall(start)
        assert send_until_closed(opened, piece, most) < most


def test_header_count_is_bounded(mock: Mock) -> None:
    with connection(mock) as opened:
        opened.sendall(b"GET /v1/models HTTP/1.1\r\n" + b"X: x\r\n" * (MAX_HEADERS + 1) + b"\r\n")
        assert read_all(opened).startswith(b"HTTP/1.1 400 ")


@pytest.mark.slow
def test_many_small_chunks_are_accepted(client: httpx.Client) -> None:
    response = client.post(
        "/v1/chat/completions", content=(b" " for _ in range(30_000)), headers={"Content-Type": "application/json"}
    )
    assert response.json()["error"]["code"] == "invalid_format"


def test_pipelined_requests_are_bounded(mock: Mock) -> None:
    with connection(mock) as opened:
        opened.sendall(REQUEST * 1000)
        answered = read_all(opened).count(b"HTTP/1.1 ")
    assert answered <= MAX_PIPELINED + 2


def test_few_pipelined_requests_are_answered(mock: Mock) -> None:
    with connection(mock) as opened:
        opened.sendall(REQUEST * 7 + REQUEST.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        assert read_all(opened).count(b"HTTP/1.1 401 ") == 8


@pytest.mark.parametrize(
    "invalid",
    [b"GARBAGE\r\n\r\n", HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", b"GET / HTTP/1.1\r\nBad Name: x\r\n\r\n"],
    ids=["no request", "bad chunk", "bad header"],
)
def test_requests_before_an_invalid_one_are_answered_first(mock: Mock, invalid: bytes) -> None:
    with connection(mock) as opened:
        opened.sendall(REQUEST * 2 + invalid)
        assert statuses(read_all(opened)) == [401, 401, 400]


def test_lost_connection_ends_the_response_before_a_pipelined_request(
    mock: Mock, caplog: pytest.LogCaptureFixture
) -> None:
    body = b'{"model":"aurous-grow-2.0-pro","messages":[{"role":"user","content":"a"}],"stream":true}'
    head = f"X-Api-Key: {mock.api_key}\r\nAurous-Mock-Fault: pace=50\r\nContent-Type: application/json\r\n".encode()
    with connection(mock) as opened:
        opened.sendall(HEAD + head + b"Content-Length: %d\r\n\r\n" % len(body) + body + REQUEST)
        received = b""
        while b'"id":"' not in received:
            received += opened.recv(65536)
    completion = received.partition(b'"id":"')[2].partition(b'"')[0].decode()
    with connect(mock) as client:
        path = f"/v1/chat/completions/{completion}"
        eventually(lambda: client.get(path).json()["status"] != "in_progress")
        assert client.get(path).json()["status"] == "cancelled"
    assert "Traceback" not in caplog.text


@pytest.mark.parametrize("start", [b"", b"GET /v1/mod", HEAD], ids=["nothing", "half a line", "half a head"])
def test_head_has_a_deadline(hasty_mock: Mock, start: bytes) -> None:
    with connection(hasty_mock) as opened:
        opened.sendall(start)
        received = read_all(opened)
    assert received.startswith(b"HTTP/1.1 400 ") if start else received == b""


def test_body_has_a_deadline(hasty_mock: Mock) -> None:
    with connection(hasty_mock) as opened:
        opened.sendall(HEAD + f"X-Api-Key: {hasty_mock.api_key}\r\nContent-Type: application/json\r\n".encode())
        opened.sendall(b"Content-Length: 1000000\r\n\r\n{")
        assert b" 400 " in read_all(opened)


def test_idle_connections_make_room_for_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounded_protocol, "most_connections", lambda: 8)
    monkeypatch.setattr("aurous_mock.server.bounded_protocol.most_connections", lambda: 8)
    with running() as mock, contextlib.ExitStack() as idle:
        for _ in range(50):
            idle.enter_context(connection(mock))
        with connect(mock) as client:
            assert client.get("/v1/models").status_code == 200

"""Downloads and uploads of some size, and redirects to where a file is stored, which is sent no key and no secret."""

from __future__ import annotations

from typing import Any

import aurous
import httpx
import pytest
from aurous import errors
from aurous._config.secret import Secret
from aurous._request.redirects import redirected
from aurous.transport.effects import RawResponse, SendRequest
from aurous_client.operations import Operation, Request
from aurous_client.parsing import anything, binary
from clientkit.callers import Caller, Make
from testkit.raw_server import RawServer, raw, run_raw_server
from testkit.responses import KEY, answer, envelope, response

FILE = bytes(range(256)) * 4096 * 3  # 3 MiB
STATUSES = (301, 302, 303, 307, 308)
DOWNLOAD: Operation[bytes] = Operation(
    id="download", method="GET", path="/v1/files/{id}", parse=binary, format="bytes", accept="*/*"
)
UPLOAD: Operation[Any] = Operation(
    id="upload", method="POST", path="/v1/files", parse=anything, idempotency_header="Idempotency-Key"
)
HEADERS = {"Range": "bytes=0-", "X-Tenant": "acme", "Authorization": "Bearer secret"}


def send(caller: Caller, operation: Operation[Any], **members: Any) -> Any:
    request = Request(method=operation.method, path="/v1/files/f", **members)
    if caller.kind == "sync":
        return caller.run(lambda client: client.call(operation, request)).parsed
    return caller.run(lambda client: client.acall(operation, request)).parsed


def stored(content: bytes = FILE) -> Any:
    return answer(200, content, kind="video/mp4")


def redirect(location: str, status: int = 302) -> Any:
    return answer(status, headers={"Location": location, "Aurous-Request-Id": "req_1"})


# ---------------------------------------------------------------- size


def test_large_download_is_whole(wire: RawServer, make: Make) -> None:
    wire.plays(stored())
    assert send(make(wire.url), DOWNLOAD) == FILE


def test_download_that_breaks_off_is_sent_again_as_a_whole(wire: RawServer, make: Make) -> None:
    wire.plays(raw(response(200, FILE, kind="video/mp4")[: len(FILE) // 2], then="reset"), stored())
    result = send(make(wire.url), DOWNLOAD)
    assert (result, len(aurous.response_info(result).attempts)) == (FILE, 2)


def test_large_upload_is_sent_again_with_the_same_bytes(wire: RawServer, make: Make) -> None:
    wire.plays(answer(503, envelope("chat_provider_unavailable", "server_error")), answer(200, {"id": "f"}))
    assert send(make(wire.url), UPLOAD, content=FILE) == {"id": "f"}
    assert [request.body == FILE for request in wire.requests] == [True, True]
    assert len(set(wire.keys)) == 1


# ---------------------------------------------------------------- redirects


@pytest.mark.parametrize("status", STATUSES)
def test_redirected_download_is_fetched_without_key_or_other_secrets(status: int, wire: RawServer, make: Make) -> None:
    path = "/a%2Fb/c?X-Signature=%2Babc%3D%3D&e=1"
    with run_raw_server(stored()) as store:
        wire.plays(redirect(f"{store.url}{path}#fragment", status))
        result = send(make(wire.url), DOWNLOAD, headers=HEADERS)
    assert result == FILE
    (sent,) = store.requests
    assert sent.line == f"GET {path} HTTP/1.1"
    names = {name.lower() for name, _ in sent.headers}
    assert names <= {"host", "accept", "accept-encoding", "connection", "user-agent", "range"}
    assert (sent.header("Range"), wire.requests[0].header("X-Api-Key")) == ("bytes=0-", KEY)
    info = aurous.response_info(result)
    assert (info.request_id, info.status_code, len(info.attempts)) == ("req_1", 200, 1)


def test_redirect_within_the_server_keeps_the_key(wire: RawServer, make: Make) -> None:
    wire.plays(redirect("/v1/elsewhere?page=2"), stored())
    assert send(make(wire.url), DOWNLOAD, headers=HEADERS, query=(("a", "b"),)) == FILE
    first, second = wire.requests
    assert (first.line, second.line) == ("GET /v1/files/f?a=b HTTP/1.1", "GET /v1/elsewhere?page=2 HTTP/1.1")
    assert (second.header("X-Api-Key"), second.header("X-Tenant")) == (KEY, "acme")


def test_redirect_from_a_store_back_to_the_server_has_no_key(wire: RawServer, make: Make) -> None:
    with run_raw_server() as store:
        store.plays(redirect(f"{wire.url}/again"))
        wire.plays(redirect(store.url), stored())
        assert send(make(wire.url), DOWNLOAD) == FILE
    assert [request.header("X-Api-Key") for request in wire.requests] == [KEY, None]


def test_failing_store_is_asked_again_by_a_new_redirect(wire: RawServer, make: Make) -> None:
    with run_raw_server(answer(503, b"slow down", kind="text/plain"), stored()) as store:
        wire.plays(redirect(f"{store.url}/?token=1"), redirect(f"{store.url}/?token=2"))
        result = send(make(wire.url), DOWNLOAD)
    assert result == FILE
    assert [request.line for request in store.requests] == ["GET /?token=1 HTTP/1.1", "GET /?token=2 HTTP/1.1"]
    assert [attempt.status_code for attempt in aurous.response_info(result).attempts] == [503, 200]


def test_endless_redirects_end(wire: RawServer, make: Make) -> None:
    wire.plays(redirect("/v1/files/f"))
    with pytest.raises(errors.APIStatusError, match="this redirect is not followed"):
        send(make(wire.url), DOWNLOAD)
    assert len(wire.requests) == 6


@pytest.mark.parametrize(
    "location",
    [
        "http://[",
        "//",
        "javascript:alert(1)",
        "ftp://example.com/",
        "http://a:99999/",
        "http://a..b/",
        f"http://{'a' * 64}/",
        "",
        f"http://127.0.0.2/{KEY}",
    ],
)
def test_download_is_not_redirected_to_what_is_no_place_for_it(location: str, wire: RawServer, make: Make) -> None:
    wire.plays(redirect(location))
    with pytest.raises(errors.APIStatusError) as caught:
        send(make(wire.url, max_retries=0), DOWNLOAD)
    assert (caught.value.status_code, KEY in str(caught.value)) == (302, False)


@pytest.mark.parametrize(
    ("base_url", "location"),
    [
        ("https://api.example.com", "http://store.example.com/f"),
        ("https://api.example.com", "http://api.example.com/v1/files/f"),
        ("http://api.example.com", "https://api.example.com/v1/files/f"),
    ],
    ids=["to another host without TLS", "to the server without TLS", "to the server with TLS, which wants a key"],
)
def test_download_is_not_redirected_to_another_scheme(base_url: str, location: str) -> None:
    request = SendRequest(
        *("GET", f"{base_url}/v1/files/f", (), {}, Secret(KEY), None),
        connect=1,
        pool=1,
        read=1,
        write=1,
        total=1,
        streams=False,
    )
    assert redirected(DOWNLOAD, request, RawResponse(302, {"location": location})) is None


def test_other_operations_are_not_redirected(wire: RawServer, make: Make) -> None:
    wire.plays(redirect("/v1/elsewhere"))
    with pytest.raises(errors.APIStatusError, match="this redirect is not followed"):
        send(make(wire.url), UPLOAD, content=b"{}")
    assert len(wire.requests) == 1


def test_credentials_of_an_http_client_stay_with_the_server(kind: str, wire: RawServer, make: Make) -> None:
    options: Any = {"auth": ("user", "secret"), "headers": {"Cookie": "a=b", "X-Api-Key": "another"}}
    http_client = httpx.Client(**options) if kind == "sync" else httpx.AsyncClient(**options)
    with run_raw_server(stored()) as store:
        wire.plays(redirect(store.url))
        caller = make(wire.url, http_client=http_client)
        assert send(caller, DOWNLOAD) == FILE
        caller.run(lambda _: http_client.close() if kind == "sync" else http_client.aclose())
    names = {name.lower() for name, _ in store.requests[0].headers}
    assert not names & {"authorization", "cookie", "x-api-key"}
    assert wire.requests[0].header("Authorization") is not None

"""Faults: the grammar, and each of them on a real socket."""

import json
import re
import socket
from typing import Any
from urllib.parse import urlsplit

import httpx
import orjson
import pytest
from aurous_mock.contract.spec import load
from aurous_mock.http.faults import Cut, Fault, parse
from aurous_mock.server.launcher import Mock
from mockkit import CREATE, chat, content_of, data_lines, error_of, first_id, frames, http, status_of
from testkit.conditions import PATIENCE, eventually

HEADER = "Aurous-Mock-Fault"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("status=502", {"status": 502}),
        (" code=internal_error ;times = 2; ", {"code": "internal_error", "times": 2}),
        ("reset=before", {"cut": Cut("reset", "before")}),
        ("truncate=12", {"cut": Cut("truncate", 12)}),
        ("malformed", {"cut": Cut("malformed", "body")}),
        ("malformed=2", {"cut": Cut("malformed", 2)}),
        ("latency=0.5; pace=20; keep-alive=1", {"latency": 0.5, "pace": 20, "keep_alive": 1}),
        ("error-frame=3; code=x; unnoticed", {"error_frame": 3, "code": "x", "unnoticed": True}),
        ("html; retry-after=7; when=after", {"html": True, "retry_after": "7", "when": "after"}),
        ("status=500; skip=1; times=1; id=a", {"status": 500, "skip": 1, "times": 1, "id": "a"}),
    ],
)
def test_fault_text_is_parsed(text: str, fault: dict[str, Any]) -> None:
    assert parse(text) == Fault(text=text.strip(), **fault)


@pytest.mark.parametrize(
    "text",
    ["", ";", "explode", "status=200", "status=abc", "times=-1", "reset", "reset=sometimes", "latency=-1", "html=1",
     "latency=nan", "latency=inf", "status=500; status=501", "reset=before; stall=head", "when=maybe", "code="],
)  # fmt: skip
def test_invalid_fault_text_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("times=2", "'times=2' says for which requests, and injects nothing: add code=, latency= or another fault"),
        ("skip=1; id=a", "'skip=1; id=a' says for which requests, and injects nothing"),
        ("status=500; times=0", "'times=0': 0 would never apply; the least is 1"),
        ("latency=x", "'latency=x': not a number from 0 to 999999"),
        ("status=503; retry-after=1\r\nX: y", "no header can carry this"),
        ("status=503; retry-after=\u4e16", "no header can carry this"),
        ("pace=", "'pace=': not a number from 0 to 999999"),
    ],
)
def test_refusal_of_a_fault_says_what_is_wrong(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        parse(text)


def test_fault_counts_skip_and_times() -> None:
    fault = parse("status=500; skip=1; times=2")
    assert [fault.applies(earlier) for earlier in range(5)] == [False, True, True, False, False]


def request_with_fault(
    client: httpx.Client, fault: str, headers: dict[str, str] | None = None, **fields: Any
) -> httpx.Response:
    return client.post(CREATE, json=chat(**fields), headers={HEADER: fault, **(headers or {})})


def test_invalid_fault_header_is_refused(client: httpx.Client) -> None:
    response = request_with_fault(client, "explode=now")
    assert response.status_code == 400
    assert error_of(response)["param"] == HEADER
    assert "reset" in error_of(response)["message"]


@pytest.mark.parametrize("code", sorted(load().current.codes))
def test_every_documented_code_can_be_injected(client: httpx.Client, code: str) -> None:
    response = request_with_fault(client, f"code={code}")
    expected = load().current.code(code)
    assert response.status_code == expected.status
    assert (error_of(response)["code"], error_of(response)["type"]) == (code, expected.type)


def test_status_with_unknown_code_can_be_injected(client: httpx.Client) -> None:
    response = request_with_fault(client, "status=418; code=short_and_stout; retry-after=9")
    assert (response.status_code, error_of(response)["code"]) == (418, "short_and_stout")
    assert response.headers["retry-after"] == "9"


@pytest.mark.parametrize(
    ("fault", "wait"),
    [("status=429", "1"), ("code=tpm_rate_limit_exceeded", "1"), ("status=429; retry-after=0.2", "0.2"),
     ("status=429; retry-after=none", None), ("status=503", None), ("html; status=429", "1"),
     ("html; status=429; retry-after=none", None), ("html; retry-after=7", "7"), ("html", None)],
)  # fmt: skip
def test_injected_429_has_retry_after(client: httpx.Client, fault: str, wait: str | None) -> None:
    assert request_with_fault(client, fault).headers.get("retry-after") == wait


def test_provider_fault_leaves_no_charge_and_no_hold(client: httpx.Client, mock: Mock) -> None:
    assert request_with_fault(client, "code=chat_provider_unavailable").status_code == 502
    assert request_with_fault(client, "code=chat_provider_unavailable", stream=True).status_code == 502
    assert mock.ledger() == []
    assert client.get("/v1/balance").json()["held_credits"] == 0


def test_html_fault_sends_html(client: httpx.Client) -> None:
    response = request_with_fault(client, "html")
    assert (response.status_code, response.headers["content-type"]) == (502, "text/html; charset=utf-8")
    assert response.headers["aurous-request-id"].startswith("req_")


def test_fault_applies_to_the_given_number_of_requests(client: httpx.Client) -> None:
    statuses = [request_with_fault(client, "status=503; times=2").status_code for _ in range(4)]
    assert statuses == [503, 503, 200, 200]


def test_fault_is_counted_for_each_idempotency_key(client: httpx.Client) -> None:
    for key in ("a", "b"):
        headers = {"Idempotency-Key": key}
        statuses = [request_with_fault(client, "status=503; times=1", headers).status_code for _ in range(2)]
        assert statuses == [503, 200]


def test_faults_with_one_id_share_a_count(client: httpx.Client) -> None:
    assert request_with_fault(client, "status=503; times=1; id=x").status_code == 503
    assert request_with_fault(client, "status=500; times=1; id=x").status_code == 200


def test_planted_faults_apply_in_order(client: httpx.Client, mock: Mock) -> None:
    mock.fault("status=503")
    mock.fault("status=500; times=2", method="post", path=CREATE)
    assert client.get("/v1/models").status_code == 503
    assert client.get("/v1/models").status_code == 200
    assert [client.post(CREATE, json=chat()).status_code for _ in range(3)] == [500, 500, 200]


@pytest.mark.parametrize("name", ["method", "path"])
def test_planted_fault_for_no_method_or_path_is_refused(mock: Mock, name: str) -> None:
    response = http.post(mock.url + "/_mock/faults", json={"fault": "status=503", name: ["POST"]})
    assert (response.status_code, response.json()["error"]["param"]) == (400, name)


def test_invalid_planted_fault_is_refused(mock: Mock) -> None:
    response = http.post(mock.url + "/_mock/faults", json={"fault": "explode"})
    assert (response.status_code, error_of(response)["param"]) == (400, "fault")
    with pytest.raises(ValueError, match="'explode' is not a fault; the faults are code, "):
        mock.fault("explode")


def talk(mock: Mock, fault: str, body: dict[str, Any]) -> tuple[bytes, bool]:
    """Everything a fresh connection receives, and whether it ended in a reset."""
    address = urlsplit(mock.url)
    assert address.hostname is not None
    content = orjson.dumps(body)
    head = (
        f"POST {CREATE} HTTP/1.1\r\nHost: mock\r\nX-Api-Key: {mock.api_key}\r\nConnection: close\r\n"
        f"{HEADER}: {fault}\r\nContent-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
    )
    received = b""
    with socket.create_connection((address.hostname, address.port or 0), timeout=PATIENCE) as connection:
        connection.sendall(head.encode() + content)
        try:
            while block := connection.recv(65536):
                received += block
        except ConnectionResetError:
            return received, True
    return received, False


@pytest.mark.parametrize(("how", "is_reset"), [("reset", True), ("truncate", False)])
def test_document_is_cut_where_the_fault_says(client: httpx.Client, mock: Mock, how: str, is_reset: bool) -> None:
    whole = client.post(CREATE, json=chat()).content
    mock.reset()
    before = talk(mock, f"{how}=before", chat())
    assert (before, mock.ledger()) == ((b"", is_reset), [])
    after = talk(mock, f"{how}=after", chat())
    assert (after, len(mock.ledger())) == ((b"", is_reset), 1)
    head, was_reset = talk(mock, f"{how}=head", chat())
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"\r\n\r\n" not in head
    assert was_reset == is_reset
    for place, length in (("body", len(whole) // 2), ("10", 10)):
        data, was_reset = talk(mock, f"{how}={place}", chat())
        assert len(data.partition(b"\r\n\r\n")[2]) == length
        assert was_reset == is_reset
    assert len(mock.ledger()) == 4


@pytest.mark.parametrize(("how", "is_reset"), [("reset", True), ("truncate", False)])
def test_stream_is_cut_where_the_fault_says(client: httpx.Client, mock: Mock, how: str, is_reset: bool) -> None:
    data, was_reset = talk(mock, f"{how}=3; pace=200", chat(stream=True))
    assert was_reset == is_reset
    assert not data.endswith(b"0\r\n\r\n")
    lines = data_lines(data.decode())
    assert len(lines) == 3
    completion_id = json.loads(lines[0])["id"]
    assert eventually(lambda: status_of(client, completion_id) == "cancelled")


@pytest.mark.parametrize("fault", ["reset=after", "truncate=after", "stall=after", "status=503; when=after"])
def test_fault_after_the_work_of_a_stream_leaves_a_whole_charge(client: httpx.Client, mock: Mock, fault: str) -> None:
    whole = frames(request_with_fault(client, "keep-alive=60", stream=True).text)[-1]["usage"]["credits_charged"]
    mock.reset()
    if "status" in fault:
        assert request_with_fault(client, fault, stream=True).status_code == 503
    else:
        with pytest.raises(httpx.TransportError):
            client.post(CREATE, json=chat(stream=True), headers={HEADER: fault}, timeout=1)
    (charge,) = mock.ledger()
    assert (charge["status"], charge["credits_charged"]) == ("completed", whole)


@pytest.mark.parametrize("place", ["head", "3", "after"])
def test_unnoticed_stall_of_a_stream_goes_on_after_its_work(client: httpx.Client, mock: Mock, place: str) -> None:
    with pytest.raises(httpx.ReadTimeout):
        client.post(CREATE, json=chat(stream=True), headers={HEADER: f"stall={place}; unnoticed"}, timeout=0.5)
    assert [charge["status"] for charge in mock.ledger()] == ["completed"]


def test_unnoticed_cut_leaves_a_completed_record(client: httpx.Client, mock: Mock) -> None:
    data, _ = talk(mock, "reset=3; unnoticed", chat(stream=True))
    lines = data_lines(data.decode())
    completion_id = json.loads(lines[0])["id"]
    assert eventually(lambda: status_of(client, completion_id) == "completed")
    record = client.get(f"{CREATE}/{completion_id}").json()
    delivered = content_of([json.loads(line) for line in lines])
    assert record["choices"][0]["message"]["content"].startswith(delivered)
    assert len(mock.ledger()) == 1


def test_end_fault_ends_a_stream_early(client: httpx.Client) -> None:
    ended = request_with_fault(client, "end=3", stream=True).text
    assert len(data_lines(ended)) == 3
    assert "[DONE]" not in ended
    done = data_lines(request_with_fault(client, "done=3", stream=True).text)
    assert len(done) == 4
    assert done[-1] == "[DONE]"
    assert all(json.loads(line)["choices"][0]["finish_reason"] is None for line in done[:-1])


def test_malformed_fault_breaks_the_json(client: httpx.Client) -> None:
    with pytest.raises(json.JSONDecodeError):
        request_with_fault(client, "malformed").json()
    lines = data_lines(request_with_fault(client, "malformed=2", stream=True).text)
    with pytest.raises(json.JSONDecodeError):
        json.loads(lines[1])
    assert json.loads(lines[2])
    assert lines[-1] == "[DONE]"


@pytest.mark.parametrize("place", ["before", "after", "head", "body"])
def test_stall_fault_stops_a_document(mock: Mock, client: httpx.Client, place: str) -> None:
    with pytest.raises(httpx.ReadTimeout):
        client.post(CREATE, json=chat(), headers={HEADER: f"stall={place}"}, timeout=0.2)
    if place == "before":
        assert mock.ledger() == []
    else:
        assert eventually(lambda: len(mock.ledger()) == 1)


@pytest.mark.slow
def test_stalled_stream_is_cancelled_when_the_client_disconnects(client: httpx.Client) -> None:
    headers = {HEADER: "stall=3"}
    with client.stream("POST", CREATE, json=chat(stream=True), headers=headers, timeout=2) as response:
        lines = response.iter_lines()
        completion_id = first_id(lines)
        with pytest.raises(httpx.ReadTimeout):
            list(lines)
    assert eventually(lambda: status_of(client, completion_id) == "cancelled")


def test_latency_fault_only_delays(client: httpx.Client) -> None:
    with pytest.raises(httpx.ReadTimeout):
        client.post(CREATE, json=chat(), headers={HEADER: "latency=5"}, timeout=0.2)
    response = request_with_fault(client, "latency=0.2")
    assert response.status_code == 200
    assert response.elapsed.total_seconds() >= 0.2

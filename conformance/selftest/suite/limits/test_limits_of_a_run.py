"""Bounds on each response and on the whole run: time, size, throttling and charges that cannot be believed."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest
from answering_server import Answer, AnsweringServer, answering, response
from harness import contract, options
from harness.client import api_client, deadlines, reachability, request_sender, stream, throttling
from harness.client.api_client import FAULT_HEADER, ApiClient
from harness.client.deadlines import TimeLimit
from harness.client.exchange import Exchange
from harness.client.reachability import Reachability
from harness.client.recorder import Recorder
from harness.client.spend_limit import SpendLimit
from harness.client.throttling import Throttle, is_throttled, parse_retry_after
from harness.settings import Settings
from harness.violations import NotTested, RuleViolation
from limited_client import BODY, EVENTS, JSON, KEY, client_of
from testkit.raw_server import raw, run_raw_server

# ---------------------------------------------------------------- time


@pytest.fixture
def brief(monkeypatch: pytest.MonkeyPatch) -> None:
    """Deadlines that are over soon: so soon that a busy server has not begun to answer."""
    monkeypatch.setattr(request_sender, "REQUEST_SECONDS", 0.2)
    monkeypatch.setattr(api_client, "STREAM_SECONDS", 0.2)


def dripping(start: bytes) -> Answer:
    def drip(server: AnsweringServer, head: str) -> Iterable[bytes]:
        yield start
        while not server.closing.wait(0.01):
            yield b": \n\n"

    return drip


@pytest.mark.usefixtures("brief")
def test_dripping_body_ends_at_the_deadline() -> None:
    with client_of(dripping(JSON)) as (api, _):
        exchange = api.models()
    assert exchange.status == 0
    assert exchange.transport_error == "no complete response within 0.2 s"


def test_dripping_stream_ends_at_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    # Long enough for the head to arrive.
    monkeypatch.setattr(api_client, "STREAM_SECONDS", 1.5)
    with client_of(dripping(EVENTS)) as (api, _), pytest.raises(RuleViolation, match=r"the stream broke: .* 1\.5 s"):
        api.stream(BODY)


def test_stream_has_the_time_that_is_left_when_it_is_open() -> None:
    with client_of(dripping(EVENTS)) as (api, server):
        api.time_limit = cast("TimeLimit", SimpleNamespace(remaining=lambda: 0.3 if server.heads else 60.0))
        with pytest.raises(RuleViolation, match=r"the stream broke: .* 0\.3 s"):
            api.stream(BODY)


@pytest.mark.usefixtures("brief")
def test_server_that_never_answers_ends_at_the_deadline() -> None:
    def hang(server: AnsweringServer, head: str) -> Iterable[bytes]:
        server.closing.wait()
        return []

    with client_of(hang) as (api, _):
        assert "no complete response" in api.models().transport_error
        with pytest.raises(RuleViolation, match="the stream did not open"):
            api.stream(BODY)


def test_deadline_of_a_block_is_the_nearest() -> None:
    with deadlines.deadline(1.0), deadlines.deadline(100.0):
        assert deadlines.remaining() <= 1.0
    assert math.isinf(deadlines.remaining())


def test_request_that_the_end_of_the_run_interrupts_is_not_tested(monkeypatch: pytest.MonkeyPatch) -> None:
    with client_of(dripping(JSON), seconds=0.1) as (api, _), pytest.raises(NotTested, match="time limit"):
        api.models()


def test_run_past_its_time_limit_sends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(deadlines, "time", SimpleNamespace(monotonic=lambda: now[0]))
    limit = TimeLimit(5.0)
    assert limit.remaining() == 5.0
    now[0] += 5.0
    with pytest.raises(NotTested, match="time limit: the run's 5 s were over; raise --max-seconds"):
        limit.remaining()
    assert math.isinf(TimeLimit().remaining())


def test_time_limit_of_a_live_run_grows_with_the_contract(monkeypatch: pytest.MonkeyPatch) -> None:
    def limit_of(paths: dict[str, Any]) -> float | None:
        monkeypatch.setattr(contract, "document", lambda: {"paths": paths})
        chosen = {"max_seconds": None, "base_url": "http://x", "rehearse": False, "profile": "default"}
        return options.max_seconds(SimpleNamespace(getoption=chosen.get))  # type: ignore[arg-type]

    few = {f"/v1/things{number}": {"get": {"operationId": f"get{number}"}} for number in range(5)}
    many = {f"/v1/things{number}": {"get": {"operationId": f"get{number}"}} for number in range(43)}
    assert (limit_of(few), limit_of(many)) == (240.0, 696.0)


# ---------------------------------------------------------------- servers that are gone


def test_server_that_is_gone_leaves_the_rest_not_tested(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(reachability, "time", SimpleNamespace(monotonic=lambda: now[0]))
    gone = Reachability()
    for _ in range(reachability.GONE_AFTER):
        gone.require()
        gone.refused("Connection refused")
    with pytest.raises(NotTested, match=r"^server gone: .*\(Connection refused\)"):
        gone.require()
    now[0] += reachability.RETRY_EVERY
    gone.require()
    with pytest.raises(NotTested, match="server gone"):
        gone.refused("Connection refused")
    now[0] += reachability.RETRY_EVERY
    gone.require()
    gone.accepted()
    gone.require()


def test_refused_connections_are_counted_by_all_clients_of_a_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ApiClient, "model", "m")
    with client_of(hang_up) as (_, server):
        url = server.url
    settings = Settings(url, KEY, "al_live_" + "8" * 64, "2026-05-15")
    client = ApiClient(settings, Recorder(), SpendLimit())
    try:
        assert "refused" in client.models().transport_error
        with pytest.raises(RuleViolation, match="the stream did not open"):
            client.stream(BODY)
        assert "refused" in client.as_other_team().models().transport_error
        with pytest.raises(NotTested, match="no longer accepts connections"):
            client.models()
    finally:
        client.close()


def hang_up(server: AnsweringServer, head: str) -> Iterable[bytes]:
    return []


@pytest.mark.parametrize(("idle", "connections"), [(60.0, 1), (0.0, 3)])
def test_connection_that_was_idle_is_not_used_again(
    idle: float, connections: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(request_sender, "IDLE_SECONDS", idle)
    with run_raw_server(raw(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", then="keep")) as server:
        api = ApiClient(Settings(server.url, KEY, None, "2026-05-15"), Recorder(), SpendLimit())
        with closing(api):
            assert [api.models().status for _ in range(3)] == [200] * 3
        assert server.connections == connections


# ---------------------------------------------------------------- size


@pytest.mark.parametrize("start", [JSON, EVENTS])
def test_endless_body_is_cut(start: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request_sender, "MAX_BODY_BYTES", 2**20)
    monkeypatch.setattr(stream, "MAX_BODY_BYTES", 2**20)

    def endless(server: AnsweringServer, head: str) -> Iterable[bytes]:
        yield start
        while not server.closing.is_set():
            yield b"x" * 65536

    with client_of(endless) as (api, _):
        exchange = api.models()
        assert exchange.transport_error == "the body is longer than 1 MiB"
        assert exchange.body == b""
        with pytest.raises(RuleViolation, match="longer than 1 MiB"):
            api.stream(BODY)


def test_largest_body_is_bounded() -> None:
    assert stream.MAX_BODY_BYTES <= 64 * 2**20


# ---------------------------------------------------------------- throttling


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("7", 7),
        (" 2 ", 2),
        ("0", 0),
        (None, None),
        ("", None),
        ("soon", None),
        ("-3", None),
        ("1.5", None),
        ("٣", None),
    ],
)
def test_retry_after_is_read_as_whole_seconds(value: str | None, seconds: float | None) -> None:
    assert parse_retry_after(value) == seconds


def test_retry_after_is_read_as_a_date() -> None:
    later = datetime.now(UTC) + timedelta(hours=1)
    assert parse_retry_after(format_datetime(later, usegmt=True)) == pytest.approx(3600, abs=30)
    assert parse_retry_after(format_datetime(later - timedelta(hours=2), usegmt=True)) == 0


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The waits, which take no time."""
    waits: list[float] = []
    monkeypatch.setattr(throttling, "time", SimpleNamespace(sleep=waits.append))
    return waits


def throttled(times: int, status: int = 429, kind: str = "rate_limit", retry_after: str | None = "3") -> Answer:
    """Refuses so many requests, and then answers an empty list."""

    def answer(server: AnsweringServer, head: str) -> Iterable[bytes]:
        if len(server.heads) > times:
            return [EVENTS + b"data: [DONE]\n\n" if "chat" in head else response(200, b"{}")]
        error = {"error": {"type": kind, "code": "c"}}
        headers = {} if retry_after is None else {"Retry_After": retry_after}
        return [response(status, json.dumps(error).encode(), **headers)]

    return answer


@pytest.mark.parametrize("status", [429, 503])
def test_throttled_request_is_sent_again_after_retry_after(status: int, slept: list[float]) -> None:
    with client_of(throttled(2, status)) as (api, server):
        assert api.models().status == 200
        assert len(server.heads) == 3
    assert slept == [3.0, 3.0]


def test_throttled_stream_is_opened_again(slept: list[float]) -> None:
    with client_of(throttled(1)) as (api, _):
        assert api.stream(BODY).done
    assert slept == [3.0]


@pytest.mark.parametrize(("fault", "waits"), [("pace=40", [3.0]), ("code=other", [3.0]), ("code=c; retry-after=0", [])])
def test_only_a_429_that_was_ordered_as_a_fault_is_not_waited_for(
    fault: str, waits: list[float], slept: list[float]
) -> None:
    with client_of(throttled(1)) as (api, _):
        api.send("GET", "/v1/models", headers={FAULT_HEADER: fault})
    assert slept == waits


def test_other_503_is_not_waited_for(slept: list[float]) -> None:
    with client_of(throttled(1, 503, kind="server_error")) as (api, _):
        assert api.models().status == 503
    assert slept == []


def test_error_of_a_stream_has_its_body() -> None:
    error = json.dumps({"error": {"type": "invalid_request", "code": "missing_field"}}).encode()
    with client_of(lambda server, head: [response(400, error)]) as (api, _), api.open_stream(BODY) as opened:
        assert opened.exchange.outcome == "400 missing_field"
        opened.drain()
        assert opened.exchange.body == error


def test_waiting_for_one_request_is_bounded(slept: list[float]) -> None:
    with client_of(throttled(1000)) as (api, _), pytest.raises(NotTested, match="rate limited: still throttled"):
        api.models()
    assert sum(slept) <= throttling.MAX_WAIT_SECONDS


@pytest.mark.parametrize("retry_after", [None, "soon"])
def test_throttled_request_is_not_waited_for_without_a_valid_retry_after(
    retry_after: str | None, slept: list[float]
) -> None:
    with (
        client_of(throttled(1000, retry_after=retry_after)) as (api, server),
        pytest.raises(NotTested, match="the server does not say when to send a request again"),
    ):
        api.models()
    assert slept == []
    assert len(server.heads) == 1


def test_wait_beyond_the_run_is_not_tested(slept: list[float]) -> None:
    with pytest.raises(NotTested, match="raise --max-seconds"):
        Throttle(TimeLimit(2.0)).wait("60")
    assert slept == []


def test_response_that_asks_to_come_again_is_recognized() -> None:
    body = json.dumps({"error": {"type": "rate_limit"}}).encode()
    assert is_throttled(Exchange("GET", "/", status=429))
    assert is_throttled(Exchange("GET", "/", status=503, body=body))
    assert not is_throttled(Exchange("GET", "/", status=503))


def test_waiting_client_of_a_rule_about_throttling_does_not_wait(slept: list[float]) -> None:
    with answering(throttled(5)) as server:
        settings = Settings(server.url, KEY, None, "2026-05-15")
        client: Any = ApiClient(settings, Recorder(), SpendLimit(), tests_limits=True)
        assert client.models().status == 429
        client.close()
    assert slept == []

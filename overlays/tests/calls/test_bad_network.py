"""A bad network, played by real sockets: every fault ends in the answer, or in an error that says what was received."""

from __future__ import annotations

import gzip

import aurous
import pytest
from aurous import errors
from clientkit.callers import IMPATIENT, Make, Time
from testkit.raw_server import Action, RawServer, drip_without_end, raw, run_raw_server
from testkit.responses import (
    BODY,
    BUSY,
    GOOD,
    GZIPPED,
    HANG_UP,
    HTML,
    IN_USE,
    WHOLE,
    answer,
    completion,
    envelope,
    response,
)

HEAD_SIZE = WHOLE.index(b"\r\n\r\n") + 4
# Neither a length nor chunks: such a body ends when the connection does.
UNFRAMED = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
LOST: dict[str, Action] = {
    "reset after the request": raw(b"", then="reset"),
    "closed after the request": HANG_UP,
    "reset within the head": raw(WHOLE[:40], then="reset"),
    "closed within the head": raw(WHOLE[:40]),
    "reset within the body": raw(WHOLE[: HEAD_SIZE + 30], then="reset"),
    "closed within the body": raw(WHOLE[: HEAD_SIZE + 30]),
    "a length that lies": raw(WHOLE.replace(b"Content-Length: ", b"Content-Length: 9")),
    "truncated where only the JSON can tell": raw(UNFRAMED + BODY[:-20]),
    "empty where only the JSON can tell": raw(UNFRAMED),
    "closed within a chunk": raw(CHUNKED + b"fff\r\n" + BODY[:50]),
    "closed between chunks": raw(CHUNKED + b"32\r\n" + BODY[:50] + b"\r\n"),
    "truncated gzip without a length": raw(
        UNFRAMED.replace(b"\r\n\r\n", b"\r\nContent-Encoding: gzip\r\n\r\n") + gzip.compress(BODY)[:-40]
    ),
    "no gzip": answer(200, b"no gzip", headers=GZIPPED),
    # What is wrong with a body that is no longer read makes no difference.
    "no gzip before a chunk that is none": raw(
        CHUNKED.replace(b"\r\n\r\n", b"\r\nContent-Encoding: gzip\r\n\r\n") + b"7\r\nno gzip\r\nzz\r\n"
    ),
    "no HTTP": raw(b"SSH-2.0-OpenSSH_9.6\r\n"),
    "binary": raw(bytes(range(256))),
    "an HTML page of a gateway": answer(502, HTML, kind="text/html"),
    "half an error of a gateway": raw(response(503, HTML, kind="text/html")[:-20]),
    "busy": BUSY,
}
STALLED: dict[str, Action] = {
    "stalled before the head": raw(b"", then="stall"),
    "stalled within the head": raw(WHOLE[:40], then="stall"),
    "stalled within the body": raw(WHOLE[: HEAD_SIZE + 30], then="stall"),
}


@pytest.mark.parametrize("fault", LOST.values(), ids=LOST)
def test_lost_attempt_is_retried_under_the_same_key(fault: Action, wire: RawServer, make: Make, time: Time) -> None:
    wire.plays(fault, GOOD)
    result = make(wire.url).create()
    assert result.choices[0].message.content == "Red, green, blue."
    assert len(wire.requests) == 2
    assert len(set(wire.keys)) == 1
    assert wire.keys[0]
    assert wire.requests[0].body == wire.requests[1].body
    assert wire.requests[0].headers == wire.requests[1].headers
    first, second = aurous.response_info(result).attempts
    assert (first.number, first.delay, second.number, second.delay) == (1, 1.0, 2, None)
    assert (second.status_code, second.request_id) == (200, "req_good")
    assert time.slept == [1.0]


@pytest.mark.parametrize("fault", LOST.values(), ids=LOST)
def test_persistent_fault_raises_error_that_lists_all_attempts(
    fault: Action, wire: RawServer, make: Make, time: Time
) -> None:
    wire.plays(fault)
    with pytest.raises(errors.AurousError) as caught:
        make(wire.url).create()
    assert isinstance(caught.value, (errors.APIConnectionError, errors.ServerError))
    assert len(caught.value.attempts) == len(wire.requests) == 4
    assert len(set(wire.keys)) == 1
    assert time.slept == [1, 2, 4]
    assert "4 attempts" in str(caught.value)
    assert caught.value.__notes__ == ["Not tried again: max_retries is 3."]


@pytest.mark.parametrize("fault", LOST.values(), ids=LOST)
def test_stream_request_is_never_sent_twice(fault: Action, wire: RawServer, make: Make, time: Time) -> None:
    wire.plays(fault)
    with pytest.raises(errors.AurousError):
        make(wire.url).stream()
    assert len(wire.requests) == 1
    assert wire.keys == [None]
    assert time.slept == []


def test_response_in_another_protocol_raises_connection_error(wire: RawServer, make: Make) -> None:
    wire.plays(raw(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"), GOOD)
    attempts = aurous.response_info(make(wire.url).create()).attempts
    assert {attempt.status_code for attempt in attempts[:-1]} == {None}
    assert len({*wire.keys}) == 1


@pytest.mark.parametrize("stall", STALLED.values(), ids=STALLED)
class TestStall:
    def test_stalled_attempt_counts_as_lost(self, stall: Action, wire: RawServer, make: Make, time: Time) -> None:
        wire.plays(stall, GOOD)
        result = make(wire.url, timeout=IMPATIENT).create()
        assert "no response in time: nothing for 0.1 s" in str(aurous.response_info(result).attempts[0])
        assert len(set(wire.keys)) == 1
        assert time.slept[0] == 1.0

    def test_stall_in_every_attempt_raises_timeout(self, stall: Action, wire: RawServer, make: Make) -> None:
        wire.plays(stall)
        with pytest.raises(errors.APITimeoutError, match=r"no response in time: nothing for 0\.1 s") as caught:
            make(wire.url, timeout=IMPATIENT, max_retries=0).create()
        assert caught.value.sent

    def test_stalled_stream_opening_raises_timeout(self, stall: Action, wire: RawServer, make: Make) -> None:
        wire.plays(stall)
        with pytest.raises(errors.AurousError):
            make(wire.url, timeout=IMPATIENT).stream()
        assert len(wire.requests) <= 1


def test_refused_connection_raises_connection_error(make: Make, time: Time) -> None:
    with run_raw_server() as wire:
        url = wire.url
    with pytest.raises(errors.APIConnectionError, match="cannot connect") as caught:
        make(url).create()
    assert not caught.value.sent
    assert [attempt.sent for attempt in caught.value.attempts] == [False] * 4
    assert time.slept == [1, 2, 4]


def test_stream_request_that_was_never_sent_is_retried(make: Make, time: Time) -> None:
    with run_raw_server() as wire:
        url = wire.url
    with pytest.raises(errors.APIConnectionError):
        make(url).stream()
    assert time.slept == [1, 2, 4]


ENDLESS_HEAD, ENDLESS_BODY = b"X-Endless: ", b"Content-Type: application/json\r\nContent-Length: 1000000000\r\n\r\n"


@pytest.mark.parametrize("start", [ENDLESS_HEAD, ENDLESS_BODY], ids=["head", "body"])
@pytest.mark.parametrize("status", [b"200 OK", b"400 Bad Request"])
def test_dripped_response_ends_at_total_timeout(status: bytes, start: bytes, wire: RawServer, make: Make) -> None:
    # Every byte arrives long before the read timeout, the last one never.
    wire.plays(drip_without_end(b"HTTP/1.1 " + status + b"\r\n" + start, b" "))
    with pytest.raises((errors.APITimeoutError, errors.InvalidRequestError)) as caught:
        make(wire.url, max_retries=0).create(timeout=0.1)
    assert isinstance(caught.value, errors.APITimeoutError) or status.startswith(b"400")


def test_deadline_counts_delays_and_attempts_together(wire: RawServer, make: Make, time: Time) -> None:
    wire.plays(BUSY)
    with pytest.raises(errors.ServerError) as caught:
        make(wire.url, max_retries=50, timeout=aurous.Timeouts(total=20)).create()
    assert time.slept == [1, 2, 4, 8]
    assert "after the call's deadline" in caught.value.__notes__[0]


class TestKeyInUse:
    """409 `idempotency_key_in_use` is an answer to wait for, or a mistake: the key and earlier attempts tell which."""

    def test_key_in_use_under_generated_key_is_waited_for(self, wire: RawServer, make: Make, time: Time) -> None:
        # Networks deliver twice what was sent once; nobody else can have used the key.
        wire.plays(IN_USE, IN_USE, answer(200, completion(), headers={"Aurous-Idempotent-Replayed": "true"}))
        caller = make(wire.url, max_retries=0)
        assert not aurous.receipt(caller.create()).replayed
        assert time.slept == [0.5, 1]
        assert len(set(wire.keys)) == 1

    def test_key_in_use_after_lost_attempt_is_waited_for(self, wire: RawServer, make: Make, time: Time) -> None:
        wire.plays(HANG_UP, *[IN_USE] * 7, GOOD)
        result = make(wire.url, max_retries=1).create()
        assert result.status == "completed"
        assert time.slept == [1, 0.5, 1, 2, 4, 8, 8, 8]
        assert len(set(wire.keys)) == 1

    def test_key_in_use_on_first_attempt_is_final(self, wire: RawServer, make: Make, time: Time) -> None:
        wire.plays(IN_USE)
        with pytest.raises(errors.IdempotencyKeyInUseError):
            make(wire.url).create(idempotency_key="mine")
        assert (wire.keys, time.slept) == (["mine"], [])

    def test_key_in_use_after_refused_attempt_is_final(self, wire: RawServer, make: Make) -> None:
        wire.plays(answer(429, envelope("too_many_requests", "rate_limit"), headers={"Retry-After": "1"}), IN_USE)
        with pytest.raises(errors.IdempotencyKeyInUseError):
            make(wire.url).create(idempotency_key="mine")
        assert len(wire.requests) == 2

    def test_key_in_use_wait_ends_at_the_deadline(self, wire: RawServer, make: Make, time: Time) -> None:
        wire.plays(HANG_UP, IN_USE)
        with pytest.raises(errors.IdempotencyKeyInUseError) as caught:
            make(wire.url, timeout=aurous.Timeouts(total=30)).create()
        assert sum(time.slept) < 30
        assert "deadline" in caught.value.__notes__[0]

    def test_conflict_without_code_is_retried(self, wire: RawServer, make: Make) -> None:
        cut = raw(response(409, envelope("idempotency_key_in_use"))[:-60])
        wire.plays(HANG_UP, cut, IN_USE, GOOD)
        assert make(wire.url).create().status == "completed"


class TestRetryAfter:
    @pytest.mark.parametrize(
        ("headers", "slept"),
        [
            ({"Retry-After": "7"}, 7.0),
            ({"Retry-After": "0"}, 0.1),
            (
                {"Date": "Fri, 15 May 2026 12:00:00 GMT", "Retry-After": "Fri, 15 May 2026 12:00:09 GMT"},
                9.0,
            ),
            ({"Retry-After": "soon"}, 1.0),
            ({"Retry-After": "-3"}, 1.0),
            ({"Retry-After": "NaN"}, 1.0),
        ],
    )
    def test_retry_after_is_waited_for_before_the_next_attempt(
        self, headers: dict[str, str], slept: float, wire: RawServer, make: Make, time: Time
    ) -> None:
        wire.plays(answer(429, envelope("too_many_requests", "rate_limit"), headers=headers), GOOD)
        options = {"retry": aurous.RetryPolicy(jitter=0)}
        make(wire.url, **options).create()
        assert time.slept == [slept]

    @pytest.mark.parametrize("status", [429, 503])
    def test_retry_after_beyond_maximum_raises_rate_limit_error(
        self, status: int, wire: RawServer, make: Make, time: Time
    ) -> None:
        body = envelope("provider_rate_limited", "rate_limit")
        wire.plays(answer(status, body, headers={"Retry-After": "4294967"}))
        with pytest.raises(errors.RateLimitError, match="retry after") as caught:
            make(wire.url).create()
        assert caught.value.retry_after == 4294967
        assert time.slept == []
        assert "max_retry_after" in caught.value.__notes__[0]

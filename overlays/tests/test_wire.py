"""A bad network, played by real sockets: every fault ends in the answer, or in an error of ours that says what came."""

from __future__ import annotations

import gzip
import json
import logging
import time as real_time
from typing import Any

import aurous
import pytest
from aurous import errors
from wirekit import (
    BUSY,
    GOOD,
    IMPATIENT,
    IN_USE,
    KEY,
    Action,
    Connection,
    Make,
    Time,
    Wire,
    answer,
    completion,
    drip,
    envelope,
    raw,
    response,
    serving,
)

BODY = json.dumps(completion()).encode()
HTML = b"<!doctype html><title>Bad Gateway</title><h1>502 Bad Gateway</h1>"
WHOLE = response(200, completion())
HEAD_SIZE = WHOLE.index(b"\r\n\r\n") + 4
# Neither a length nor chunks: such a body ends when the connection does.
UNFRAMED = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
GZIPPED = {"Content-Encoding": "gzip"}


def nothing(connection: Connection) -> bool:
    """Hang up without a word."""
    return False


LOST: dict[str, Action] = {
    "reset after the request": raw(b"", then="reset"),
    "closed after the request": nothing,
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
def test_a_lost_attempt_is_made_again_under_the_same_key(fault: Action, wire: Wire, make: Make, time: Time) -> None:
    wire.plays(fault, GOOD)
    result = make(wire.url).create()
    assert result.choices[0].message.content == "Red, green, blue."
    assert len(wire.seen) == 2
    assert len(set(wire.keys)) == 1
    assert wire.keys[0]
    assert wire.seen[0].body == wire.seen[1].body
    assert wire.seen[0].headers == wire.seen[1].headers
    first, second = aurous.response_info(result).attempts
    assert (first.number, first.delay, second.number, second.delay) == (1, 1.0, 2, None)
    assert (second.status_code, second.request_id) == (200, "req_good")
    assert time.slept == [1.0]


@pytest.mark.parametrize("fault", LOST.values(), ids=LOST)
def test_a_fault_that_stays_is_told_with_all_that_was_tried(fault: Action, wire: Wire, make: Make, time: Time) -> None:
    wire.plays(fault)
    with pytest.raises(errors.AurousError) as caught:
        make(wire.url).create()
    assert isinstance(caught.value, (errors.APIConnectionError, errors.ServerError))
    assert len(caught.value.attempts) == len(wire.seen) == 4
    assert len(set(wire.keys)) == 1
    assert time.slept == [1, 2, 4]
    assert "4 attempts" in str(caught.value)
    assert caught.value.__notes__ == ["Not tried again: max_retries is 3."]


@pytest.mark.parametrize("fault", LOST.values(), ids=LOST)
def test_a_stream_is_never_asked_for_twice(fault: Action, wire: Wire, make: Make, time: Time) -> None:
    wire.plays(fault)
    with pytest.raises(errors.AurousError):
        make(wire.url).stream()
    assert len(wire.seen) == 1
    assert wire.keys == [None]
    assert time.slept == []


def test_another_protocol_is_no_answer(wire: Wire, make: Make) -> None:
    wire.plays(raw(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"), GOOD)
    attempts = aurous.response_info(make(wire.url).create()).attempts
    assert {attempt.status_code for attempt in attempts[:-1]} == {None}
    assert len({*wire.keys}) == 1


@pytest.mark.parametrize("stall", STALLED.values(), ids=STALLED)
class TestStall:
    def test_is_a_lost_attempt(self, stall: Action, wire: Wire, make: Make, time: Time) -> None:
        wire.plays(stall, GOOD)
        result = make(wire.url, timeout=IMPATIENT).create()
        assert "no answer in time: nothing for 0.1 s" in str(aurous.response_info(result).attempts[0])
        assert len(set(wire.keys)) == 1
        assert time.slept[0] == 1.0

    def test_that_stays_is_a_timeout(self, stall: Action, wire: Wire, make: Make) -> None:
        wire.plays(stall)
        with pytest.raises(errors.APITimeoutError, match=r"no answer in time: nothing for 0\.1 s") as caught:
            make(wire.url, timeout=IMPATIENT, max_retries=0).create()
        assert caught.value.sent

    def test_of_a_stream_is_one_too(self, stall: Action, wire: Wire, make: Make) -> None:
        wire.plays(stall)
        with pytest.raises(errors.AurousError):
            make(wire.url, timeout=IMPATIENT).stream()
        assert len(wire.seen) <= 1


def test_nobody_listens(make: Make, time: Time) -> None:
    with serving() as wire:
        url = wire.url
    with pytest.raises(errors.APIConnectionError, match="cannot connect") as caught:
        make(url).create()
    assert not caught.value.sent
    assert [attempt.sent for attempt in caught.value.attempts] == [False] * 4
    assert time.slept == [1, 2, 4]


def test_a_stream_that_never_left_is_sent_again(make: Make, time: Time) -> None:
    with serving() as wire:
        url = wire.url
    with pytest.raises(errors.APIConnectionError):
        make(url).stream()
    assert time.slept == [1, 2, 4]


@pytest.mark.parametrize("fast", [0, HEAD_SIZE], ids=["head", "body"])
def test_a_slow_drip_does_not_outlast_the_total(fast: int, wire: Wire, make: Make) -> None:
    # Every byte comes long before the read timeout, the last one long after the total.
    wire.plays(drip(WHOLE, fast=fast))
    began = real_time.monotonic()
    with pytest.raises(errors.APITimeoutError):
        make(wire.url, max_retries=0).create(timeout=0.1)
    assert real_time.monotonic() - began < 4


@pytest.mark.parametrize("fast", [0, 60], ids=["head", "body"])
def test_nor_does_one_in_an_error(fast: int, wire: Wire, make: Make) -> None:
    wire.plays(drip(response(400, envelope("invalid_format")), fast=fast, pause=0.03))
    began = real_time.monotonic()
    with pytest.raises((errors.APITimeoutError, errors.InvalidRequestError)):
        make(wire.url, max_retries=0).create(timeout=0.1)
    assert real_time.monotonic() - began < 4


def test_the_deadline_counts_waits_and_attempts_together(wire: Wire, make: Make, time: Time) -> None:
    wire.plays(BUSY)
    with pytest.raises(errors.ServerError) as caught:
        make(wire.url, max_retries=50, timeout=20).create()
    assert time.slept == [1, 2, 4, 8]
    assert "after the call's deadline" in caught.value.__notes__[0]


REFUSED: dict[str, tuple[Action, type[errors.AurousError]]] = {
    "400": (answer(400, envelope("missing_field", param="messages")), errors.InvalidRequestError),
    "401": (answer(401, envelope("invalid_api_key", "authentication")), errors.AuthenticationError),
    "402": (answer(402, envelope("balance_too_low")), errors.BalanceTooLowError),
    "403": (answer(403, envelope("missing_scope", "authentication")), errors.PermissionDeniedError),
    "404": (answer(404, envelope("resource_not_found", "not_found")), errors.NotFoundError),
    "409 of a state": (answer(409, envelope("chat_cancel_target_already_terminal")), errors.ConflictError),
    "410": (answer(410, envelope("output_expired", "not_found")), errors.NotFoundError),
    "418": (answer(418, b"short and stout", kind="text/plain"), errors.InvalidRequestError),
    "422": (answer(422, {"detail": [{"msg": "of another framework"}]}), errors.InvalidRequestError),
    "429 of credits": (answer(429, envelope("insufficient_quota", "rate_limit")), errors.BalanceTooLowError),
    "429 of another day": (
        answer(429, envelope("too_many_requests", "rate_limit"), headers={"Retry-After": "86400"}),
        errors.RateLimitError,
    ),
    "304": (answer(304), errors.APIStatusError),
    "400 and gzip that is none": (answer(400, b"no gzip", headers=GZIPPED), errors.InvalidRequestError),
    "400 and bad UTF-8": (answer(400, b'{"error": {"message": "\xff\xfe"}}'), errors.InvalidRequestError),
    "400 and a list": (answer(400, []), errors.InvalidRequestError),
    "400 and null": (answer(400, None), errors.InvalidRequestError),
    "400 and a string": (answer(400, {"error": "of one word"}), errors.InvalidRequestError),
    "400 and wrong types": (
        answer(400, {"error": {"type": 1, "code": [], "message": {}, "param": 3, "request_id": None}}),
        errors.InvalidRequestError,
    ),
    "400 and a great depth": (answer(400, b"[" * 100_000), errors.InvalidRequestError),
    "400 and a long number": (answer(400, b"1" * 10_000), errors.InvalidRequestError),
    "400 and an empty body": (answer(400), errors.InvalidRequestError),
    "HTML": (answer(200, HTML, kind="text/html"), errors.ResponseShapeError),
    "empty": (answer(200), errors.ResponseShapeError),
    "no content": (raw(b"HTTP/1.1 204 No Content\r\n\r\n"), errors.ResponseShapeError),
    "truncated JSON of the right length": (answer(200, BODY[:-20]), errors.ResponseShapeError),
    "null": (answer(200, None), errors.ResponseShapeError),
    "a list": (answer(200, [completion()]), errors.ResponseShapeError),
    "another object": (answer(200, {"hello": "world"}), errors.ResponseShapeError),
    "an error that says 200": (answer(200, envelope("internal_error")), errors.ResponseShapeError),
    "a null where an object belongs": (answer(200, {**completion(), "usage": None}), errors.ResponseShapeError),
    "a string where a number belongs": (answer(200, completion(total_tokens="850")), errors.ResponseShapeError),
    "NaN": (answer(200, BODY.replace(b"0.2856", b"NaN")), errors.ResponseShapeError),
    "a number of 10,000 digits": (answer(200, BODY.replace(b"850", b"9" * 10_000)), errors.ResponseShapeError),
    "bad UTF-8": (answer(200, BODY.replace(b"Red", b"\xff\xfe\xfd")), errors.ResponseShapeError),
    "great depth": (answer(200, b"[" * 100_000 + b"]" * 100_000), errors.ResponseShapeError),
    "a stream that nobody asked for": (
        answer(200, b"data: {}\n\n", kind="text/event-stream"),
        errors.ResponseShapeError,
    ),
}


@pytest.mark.parametrize(("action", "kind_of_error"), REFUSED.values(), ids=REFUSED)
def test_an_answer_that_stands_is_one_error_of_ours(
    action: Action, kind_of_error: type[errors.AurousError], wire: Wire, make: Make, time: Time
) -> None:
    wire.plays(action)
    with pytest.raises(errors.AurousError) as caught:
        make(wire.url).create()
    assert type(caught.value) is kind_of_error
    assert len(wire.seen) == 1
    assert time.slept == []


@pytest.mark.parametrize("status", [500, 501, 502, 503, 504, 520, 529, 599, 999])
def test_every_5xx_is_tried_again(status: int, wire: Wire, make: Make) -> None:
    wire.plays(answer(status, b"", kind="text/plain"))
    with pytest.raises(errors.ServerError) as caught:
        make(wire.url).create()
    assert (caught.value.status_code, caught.value.code, len(wire.seen)) == (status, None, 4)


def test_an_error_says_what_the_envelope_says(wire: Wire, make: Make) -> None:
    told = envelope("max_tokens_exceeds_hard_cap", param="max_tokens", message="max_tokens 16384 exceeds 8192.")
    wire.plays(answer(400, told, headers={"Aurous-Request-Id": "req_header", "X-Other": "1"}))
    with pytest.raises(errors.InvalidRequestError) as caught:
        make(wire.url).create()
    error = caught.value
    assert (error.status_code, error.type, error.code) == (400, "invalid_request", "max_tokens_exceeds_hard_cap")
    assert (error.message, error.param) == ("max_tokens 16384 exceeds 8192.", "max_tokens")
    assert (error.request_id, error.doc_url) == ("req_header", told["error"]["doc_url"])
    assert (error.headers["x-other"], json.loads(error.content)) == ("1", told)
    assert [attempt.code for attempt in error.attempts] == ["max_tokens_exceeds_hard_cap"]
    assert str(error) == (
        "HTTP 400 max_tokens_exceeds_hard_cap: max_tokens 16384 exceeds 8192. (param max_tokens, request req_header)\n"
        "See https://docs.aurous-labs.com/errors#max_tokens_exceeds_hard_cap"
    )


def test_a_wrong_shape_says_where(wire: Wire, make: Make) -> None:
    record = completion()
    record["choices"][0]["message"]["content"] = 7
    wire.plays(answer(200, record, headers={"Aurous-Request-Id": "req_odd"}))
    with pytest.raises(errors.ResponseShapeError, match=r"choices\[0\]\.message\.content") as caught:
        make(wire.url).create()
    assert caught.value.path == ("choices", 0, "message", "content")
    assert json.loads(caught.value.content) == record
    assert caught.value.request_id == "req_odd"


def test_informational_answers_are_passed_over(wire: Wire, make: Make) -> None:
    early = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
    wire.plays(raw(early + WHOLE, then="keep"))
    assert make(wire.url).create().status == "completed"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_told_and_not_followed(status: int, wire: Wire, make: Make) -> None:
    with serving() as elsewhere:
        elsewhere.plays(GOOD)
        wire.plays(answer(status, b"moved", headers={"Location": f"{elsewhere.url}/v1/chat/completions"}))
        with pytest.raises(errors.APIStatusError, match=f"leads to {elsewhere.url}") as caught:
            make(wire.url).create()
        assert elsewhere.seen == []
    assert (caught.value.status_code, caught.value.content, len(wire.seen)) == (status, b"moved", 1)


@pytest.mark.parametrize("location", ["http://[", "//", "\x80", "javascript:alert(1)", "http://a:99999/"])
def test_a_redirect_to_nowhere_is_an_error_of_ours(location: str, wire: Wire, make: Make) -> None:
    wire.plays(answer(302, headers={"Location": location}))
    with pytest.raises((errors.APIStatusError, errors.APIConnectionError)):
        make(wire.url, max_retries=0).create()


def test_a_client_that_follows_redirects_does_not_follow_ours(kind: str, wire: Wire, make: Make) -> None:
    import httpx

    http_client: Any = (httpx.Client if kind == "sync" else httpx.AsyncClient)(follow_redirects=True)
    with serving() as elsewhere:
        elsewhere.plays(GOOD)
        wire.plays(answer(307, headers={"Location": elsewhere.url}))
        with pytest.raises(errors.APIStatusError):
            make(wire.url, http_client=http_client).create()
        assert elsewhere.seen == []


def test_an_endless_body_is_not_taken_in(wire: Wire, make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aurous.transport.messages.MAX_BODY", 2 * 2**20)
    wire.plays(answer(200, b" " * (3 * 2**20)))
    with pytest.raises(errors.APIConnectionError, match="larger than 2 MiB"):
        make(wire.url, max_retries=0).create()


def test_a_large_answer_is_an_answer(wire: Wire, make: Make) -> None:
    wire.plays(answer(200, completion("x" * (5 * 2**20))))
    assert len(make(wire.url).create().choices[0].message.content or "") == 5 * 2**20


class TestKeyInUse:
    """409 `idempotency_key_in_use` is an answer to wait for, or a mistake: the key and earlier attempts tell which."""

    def test_under_a_key_of_our_making_a_copy_of_the_request_runs_and_is_waited_for(
        self, wire: Wire, make: Make, time: Time
    ) -> None:
        # Networks deliver twice what was sent once; nobody else can have used the key.
        wire.plays(IN_USE, IN_USE, answer(200, completion(), headers={"Aurous-Idempotent-Replayed": "true"}))
        caller = make(wire.url, max_retries=0)
        assert not aurous.receipt(caller.create()).replayed
        assert time.slept == [0.5, 1]
        assert len(set(wire.keys)) == 1

    def test_after_a_lost_attempt_it_is_waited_for(self, wire: Wire, make: Make, time: Time) -> None:
        wire.plays(nothing, *[IN_USE] * 7, GOOD)
        result = make(wire.url, max_retries=1).create()
        assert result.status == "completed"
        assert time.slept == [1, 0.5, 1, 2, 4, 8, 8, 8]
        assert len(set(wire.keys)) == 1

    def test_on_a_first_attempt_it_is_final(self, wire: Wire, make: Make, time: Time) -> None:
        wire.plays(IN_USE)
        with pytest.raises(errors.IdempotencyKeyInUseError):
            make(wire.url).create(idempotency_key="mine")
        assert (wire.keys, time.slept) == (["mine"], [])

    def test_after_an_attempt_that_was_refused_too(self, wire: Wire, make: Make) -> None:
        wire.plays(answer(429, envelope("too_many_requests", "rate_limit"), headers={"Retry-After": "1"}), IN_USE)
        with pytest.raises(errors.IdempotencyKeyInUseError):
            make(wire.url).create(idempotency_key="mine")
        assert len(wire.seen) == 2

    def test_within_the_deadline(self, wire: Wire, make: Make, time: Time) -> None:
        wire.plays(nothing, IN_USE)
        with pytest.raises(errors.IdempotencyKeyInUseError) as caught:
            make(wire.url, timeout=30).create()
        assert sum(time.slept) < 30
        assert "deadline" in caught.value.__notes__[0]

    def test_whose_code_was_lost_on_the_way_is_asked_for_again(self, wire: Wire, make: Make) -> None:
        cut = raw(response(409, envelope("idempotency_key_in_use"))[:-60])
        wire.plays(nothing, cut, IN_USE, GOOD)
        assert make(wire.url).create().status == "completed"


class TestRetryAfter:
    @pytest.mark.parametrize(
        ("headers", "slept"),
        [
            ({"Retry-After": "7"}, 7.0),
            ({"Retry-After": "0"}, 0.0),
            (
                {"Date": "Fri, 15 May 2026 12:00:00 GMT", "Retry-After": "Fri, 15 May 2026 12:00:09 GMT"},
                9.0,
            ),
            ({"Retry-After": "soon"}, 1.0),
            ({"Retry-After": "-3"}, 1.0),
            ({"Retry-After": "NaN"}, 1.0),
        ],
    )
    def test_is_obeyed(self, headers: dict[str, str], slept: float, wire: Wire, make: Make, time: Time) -> None:
        wire.plays(answer(429, envelope("too_many_requests", "rate_limit"), headers=headers), GOOD)
        options = {"retry": aurous.RetryPolicy(jitter=0)}
        make(wire.url, **options).create()
        assert time.slept == [slept]

    @pytest.mark.parametrize("status", [429, 503])
    def test_beyond_the_ceiling_is_the_callers_to_wait_for(
        self, status: int, wire: Wire, make: Make, time: Time
    ) -> None:
        told = envelope("provider_rate_limited", "rate_limit")
        wire.plays(answer(status, told, headers={"Retry-After": "4294967"}))
        with pytest.raises(errors.RateLimitError, match="retry after") as caught:
            make(wire.url).create()
        assert caught.value.retry_after == 4294967
        assert time.slept == []
        assert "retry_after_ceiling" in caught.value.__notes__[0]


class TestSends:
    """What goes out."""

    def test_the_headers_of_a_call(self, wire: Wire, make: Make) -> None:
        wire.plays(GOOD)
        make(wire.url).create()
        [seen] = wire.seen
        assert seen.line == "POST /v1/chat/completions HTTP/1.1"
        assert seen.header("X-Api-Key") == KEY
        assert seen.header("Authorization") is None
        assert seen.header("Aurous-Version") == aurous.API_VERSION
        assert seen.header("Accept") == "application/json"
        assert seen.header("Content-Type") == "application/json"
        assert (seen.header("User-Agent") or "").startswith(f"aurous-labs/{aurous.__version__} python/3")
        assert len(seen.header("Idempotency-Key") or "") == 36

    def test_a_new_key_for_each_call_and_the_callers_own_if_given(self, wire: Wire, make: Make) -> None:
        wire.plays(GOOD)
        caller = make(wire.url)
        for key in (None, None, "order-123"):
            caller.create(idempotency_key=key)
        assert len(set(wire.keys)) == 3
        assert wire.keys[2] == "order-123"

    @pytest.mark.parametrize("key", ["", "x" * 257, "é", "tab\t", "line\nbreak", " ", 7])
    def test_a_key_that_cannot_be_sent_is_not(self, key: Any, wire: Wire, make: Make) -> None:
        wire.plays(GOOD)
        with pytest.raises(aurous.EncodeError):
            make(wire.url).create(idempotency_key=key)
        assert wire.seen == []

    def test_no_key_with_a_stream_nor_with_what_has_none(self, wire: Wire, make: Make) -> None:
        events = f"data: {json.dumps({'id': 'cmp_1', 'object': 'chat.completion.chunk', 'created': 1, 'model': 'm'})}"
        wire.plays(answer(200, f"{events}\n\ndata: [DONE]\n\n".encode(), kind="text/event-stream"))
        caller = make(wire.url)
        caller.stream()
        wire.plays(answer(200, {"object": "list", "data": []}))
        caller.run(lambda client: client.models.list())
        assert wire.keys == [None, None]
        with pytest.raises(aurous.EncodeError, match="ignores the key of a stream"):
            caller.stream(extra_headers={"idempotency-key": "mine"})

    def test_a_stream_hidden_in_a_call_is_refused(self, wire: Wire, make: Make) -> None:
        wire.plays(GOOD)
        with pytest.raises(aurous.EncodeError, match=r"call stream\(\)"):
            make(wire.url).create(extra_body={"stream": True})
        assert wire.seen == []
        make(wire.url).create(extra_body={"stream": False}, messages=[{"role": "user", "content": '"stream":true'}])
        assert len(wire.seen) == 1

    def test_an_extra_header_replaces_one_of_its_name(self, wire: Wire, make: Make) -> None:
        wire.plays(GOOD)
        extra = {"aurous-version": "2026-01-01", "IDEMPOTENCY-KEY": "mine", "X-Team": "blue"}
        make(wire.url).create(extra_headers=extra)
        [seen] = wire.seen
        assert seen.header("Aurous-Version") == "2026-01-01"
        assert seen.header("Idempotency-Key") == "mine"
        assert seen.header("X-Team") == "blue"

    @pytest.mark.parametrize(
        ("extra", "error"),
        [
            ({"x-api-key": "another"}, aurous.EncodeError),
            ({"Aurous-Version": "yesterday"}, aurous.ConfigurationError),
            ({"X-Bad": "line\nbreak"}, aurous.EncodeError),
        ],
    )
    def test_an_extra_header_that_does_harm_is_refused(
        self, extra: dict[str, str], error: type[Exception], wire: Wire, make: Make
    ) -> None:
        wire.plays(GOOD)
        with pytest.raises(error):
            make(wire.url).create(extra_headers=extra)
        assert wire.seen == []

    @pytest.mark.parametrize("timeout", [0, -1, float("inf"), float("nan"), "5", [1]])
    def test_no_timeout_is_infinite(self, timeout: Any, wire: Wire, make: Make) -> None:
        wire.plays(GOOD)
        with pytest.raises(aurous.ConfigurationError, match="finite"):
            make(wire.url).create(timeout=timeout)
        assert wire.seen == []

    def test_the_teams_default_version_is_asked_for_by_none(self, wire: Wire, make: Make) -> None:
        wire.plays(GOOD)
        make(wire.url, api_version=None).create()
        assert wire.seen[0].header("Aurous-Version") is None


class TestLog:
    def test_one_line_for_each_attempt(self, wire: Wire, make: Make, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.INFO, "aurous")
        wire.plays(nothing, BUSY, GOOD)
        make(wire.url).create()
        lines = [record.getMessage() for record in caplog.records if record.name == "aurous"]
        assert len(lines) == 3
        assert "the answer was cut short" in lines[0]
        assert "attempt 1, again in 1.00 s" in lines[0]
        assert "HTTP 503 provider_unavailable" in lines[1]
        assert "HTTP 200" in lines[2]
        assert "attempt 3, request req_good" in lines[2]

    def test_at_debug_headers_but_no_secret_and_no_body(
        self, wire: Wire, make: Make, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG, "aurous")
        wire.plays(answer(200, completion(), headers={"Set-Cookie": "secret=1", "X-Told": "yes"}))
        make(wire.url).create(extra_headers={"Authorization": "Bearer secret"})
        assert "'x-told': 'yes'" in caplog.text
        assert "'Authorization': '[secret]'" in caplog.text
        assert "'set-cookie': '[secret]'" in caplog.text
        assert "secret=1" not in caplog.text
        assert "Bearer" not in caplog.text
        assert "colours" not in caplog.text
        assert "Red" not in caplog.text

    def test_what_a_server_says_cannot_forge_a_line(
        self, wire: Wire, make: Make, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.INFO, "aurous")
        wire.plays(answer(400, envelope("bad\nINFO aurous: all is well\x1b[2J", message="\ud800" + "x" * 10**6)))
        with pytest.raises(errors.InvalidRequestError) as caught:
            make(wire.url).create()
        assert not any("\n" in record.getMessage() for record in caplog.records)
        assert "\x1b" not in caplog.text
        assert len(str(caught.value).encode()) < 5000

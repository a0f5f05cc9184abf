"""The flow of a call without a network: given the result of each effect, it yields the next one."""

from __future__ import annotations

import gc
import json
import weakref
from typing import Any

import aurous
import pytest
from aurous import errors
from aurous._config.options import read_options
from aurous._config.secret import Secret
from aurous._request.flow import RequestFlow
from aurous._request.retry_quota import RetryQuota
from aurous.transport.effects import RawResponse, SendRequest, Sleep, TransportFailure
from aurous_client.api.chat import cancel_chat_completion, create_chat_completion
from aurous_client.operations import Request
from clientkit.callers import Time
from hypothesis import given
from hypothesis import strategies as st
from testkit.responses import KEY, MESSAGES, MODEL, completion, envelope

BODY = create_chat_completion.build_request(body={"model": MODEL, "messages": MESSAGES})
GOOD = RawResponse(
    status_code=200, headers={"content-type": "application/json"}, content=json.dumps(completion()).encode()
)
RESET = TransportFailure(message="the connection broke", sent=True)
UNSENT = TransportFailure(message="cannot connect", sent=False)


def make_flow(time: Time, request: Request = BODY, *, streams: bool = False, **options: Any) -> RequestFlow:
    settings = read_options(api_key=Secret(KEY), **options)
    operation = create_chat_completion.OPERATION
    return RequestFlow(
        operation,
        request,
        settings,
        streams=streams,
        clock=time.clock,
        random=lambda: 0.0,
        quota=RetryQuota(None),
    )


def play(
    request_flow: RequestFlow, time: Time, *story: RawResponse | TransportFailure, takes: float = 0.0
) -> tuple[Any, list[SendRequest]]:
    """Run a flow with the results of a story; the last result is repeated."""
    sent: list[SendRequest] = []
    waiting = list(story)
    flow = request_flow.for_stream() if request_flow.details.streams else request_flow.for_result()
    result: RawResponse | TransportFailure | None = None
    while True:
        try:
            effect = flow.send(result)
        except StopIteration as end:
            return end.value, sent
        if isinstance(effect, Sleep):
            time.sleep(effect.seconds)
            result = None
        else:
            sent.append(effect)
            time.now += takes
            result = waiting.pop(0) if len(waiting) > 1 else waiting[0]


def test_successful_response_ends_flow_with_a_result(time: Time) -> None:
    response, sent = play(make_flow(time), time, GOOD)
    assert response.parsed.id == "cmp_01HXMQ7Z3K8Y2ABCDEFGHJKM"
    assert len(sent) == 1


@pytest.mark.parametrize("streams", [False, True])
@pytest.mark.parametrize("seconds", [4_294_968.0, 1e10, 1e300])
def test_time_of_a_request_is_one_that_a_socket_can_wait(time: Time, seconds: float, streams: bool) -> None:
    timeout = aurous.Timeouts(
        **dict.fromkeys(("connect", "pool", "read", "write", "total", "attempt", "first_event", "idle"), seconds)
    )
    result = RawResponse(200, {}, body=b"") if streams else GOOD
    response, [sent] = play(make_flow(time, streams=streams, timeout=timeout), time, result)
    # With 32 bits of milliseconds.
    assert max(sent.connect, sent.pool, sent.read, sent.write, sent.total) < 2**31 / 1000
    if streams:
        assert response.deadline - time.now < 2**31 / 1000


@pytest.mark.parametrize(
    "result", [RawResponse(404, {}, b""), RawResponse(500, {}, b""), UNSENT], ids=["404", "500", "not sent"]
)
def test_error_is_freed_without_garbage_collection(time: Time, result: RawResponse | TransportFailure) -> None:
    gc.disable()
    try:
        try:
            play(make_flow(time, retry=aurous.RetryPolicy(max_retries=1)), time, result)
        except aurous.AurousError as error:
            reference = weakref.ref(error)
        # Nothing that it leads to leads back, so that it need not wait for the collector of cycles.
        assert reference() is None
    finally:
        gc.enable()


def test_attempts_send_the_same_request_with_decreasing_timeouts(time: Time) -> None:
    _, sent = play(make_flow(time, timeout=aurous.Timeouts(total=100)), time, RESET, RESET, GOOD, takes=10)
    assert [effect.total for effect in sent] == [100, 89, 77]
    assert len({(effect.method, effect.url, effect.content, tuple(effect.headers.items())) for effect in sent}) == 1


def test_attempt_timeouts_never_exceed_the_remaining_time(time: Time) -> None:
    _, [effect] = play(make_flow(time, timeout=aurous.Timeouts(total=2)), time, GOOD)
    assert (effect.connect, effect.read, effect.write, effect.total) == (2, 2, 2, 2)
    _, [effect] = play(make_flow(time), time, GOOD)
    assert (effect.connect, effect.read, effect.write, effect.total) == (5, 300, 60, 600)


def test_timeout_of_one_call_does_not_change_the_client(time: Time) -> None:
    request = Request(
        method="POST", path="/v1/chat/completions", content=BODY.content, timeout=aurous.Timeouts(total=7)
    )
    _, [effect] = play(make_flow(time, request), time, GOOD)
    assert effect.total == 7


def test_number_bounds_each_attempt_and_not_the_call(time: Time) -> None:
    _, sent = play(make_flow(time, timeout=1.5, max_retries=12), time, *[RESET] * 12, GOOD, takes=1.5)
    assert [effect.total for effect in sent] == [1.5] * 13
    assert {(effect.connect, effect.read, effect.write) for effect in sent} == {(1.5, 1.5, 1.5)}
    # As a number of one call, it is the same.
    request = Request(method="POST", path="/v1/chat/completions", content=BODY.content, timeout=7)
    _, [effect] = play(make_flow(time, request), time, GOOD)
    assert effect.total == 7


def test_last_attempt_ends_with_the_call(time: Time) -> None:
    timeouts = aurous.Timeouts(attempt=10, total=25)
    _, sent = play(make_flow(time, timeout=timeouts), time, RESET, RESET, GOOD, takes=10)
    assert [effect.total for effect in sent] == [10, 10, 2]


def test_effect_repr_shows_neither_key_nor_body(time: Time) -> None:
    _, [effect] = play(make_flow(time), time, GOOD)
    assert KEY not in repr(effect)
    assert "colours" not in repr(effect)
    assert KEY not in str(effect.headers)


def test_post_without_idempotency_key_is_sent_once(time: Time) -> None:
    request = cancel_chat_completion.build_request("cmp_1")
    settings = read_options(api_key=Secret(KEY))
    once = RequestFlow(
        cancel_chat_completion.OPERATION,
        request,
        settings,
        clock=time.clock,
        random=lambda: 0.0,
        quota=RetryQuota(None),
    )
    with pytest.raises(errors.APIConnectionError) as caught:
        play(once, time, RESET)
    assert len(caught.value.attempts) == 1
    assert caught.value.__notes__ == ["Not tried again: the request is not safe to send twice."]


def test_permanent_failure_is_not_retried(time: Time) -> None:
    final = TransportFailure(message="the address cannot be used", sent=False, is_final=True)
    with pytest.raises(errors.APIConnectionError) as caught:
        play(make_flow(time), time, final)
    assert len(caught.value.attempts) == 1


def test_error_keeps_its_cause(time: Time) -> None:
    cause = OSError("reset")
    failure = TransportFailure(message="the connection broke", sent=True, cause=cause)
    with pytest.raises(errors.APIConnectionError) as caught:
        play(make_flow(time, max_retries=0), time, failure)
    assert caught.value.__cause__ is cause


failures = st.builds(
    TransportFailure,
    message=st.text(max_size=9),
    sent=st.booleans(),
    timed_out=st.booleans(),
    is_final=st.booleans(),
    cause=st.none(),
)
headers = st.dictionaries(
    st.sampled_from(["content-type", "retry-after", "date", "location", "aurous-request-id", "sunset"]),
    st.text(max_size=30),
)
envelopes = st.sampled_from(["idempotency_key_in_use", "balance_too_low", "internal_error", "x"]).map(
    lambda code: json.dumps(envelope(code)).encode()
)
replies = st.builds(
    RawResponse,
    status_code=st.sampled_from([100, 200, 200, 204, 302, 400, 401, 408, 409, 409, 429, 500, 503, 599, 999]),
    headers=headers,
    content=st.binary(max_size=60) | envelopes | st.just(GOOD.content),
    body=st.none(),
    body_error=st.none() | st.just("cut short"),
    is_framed=st.booleans(),
)


@given(
    st.lists(failures | replies, min_size=1, max_size=8),
    st.booleans(),
    st.floats(0.1, 1000),
    st.floats(0, 50),
    st.integers(0, 6),
)
def test_any_sequence_of_responses_ends_in_time_with_result_or_typed_error(
    story: list[RawResponse | TransportFailure], streams: bool, total: float, takes: float, max_retries: int
) -> None:
    time = Time()
    began = time.now
    settings = make_flow(time, streams=streams, timeout=aurous.Timeouts(total=total), max_retries=max_retries)
    sent: list[SendRequest] = []
    try:
        _, sent = play(settings, time, *story, takes=takes)
    except aurous.AurousError as error:
        attempts = getattr(error, "attempts", ())
        assert attempts
        sent = [None] * len(attempts)  # type: ignore[list-item]
        assert [attempt.number for attempt in attempts] == list(range(1, len(attempts) + 1))
        assert [attempt.delay for attempt in attempts[:-1]] == time.slept
    if streams:
        # Nothing that may have reached the server is sent again without a key.
        assert all(isinstance(result, TransportFailure) and not result.sent for result in story[: len(sent) - 1])
    assert sum(time.slept) + takes * (len(sent) - 1) <= total + takes
    assert time.now - began <= total + takes


NO_CONNECTION = TransportFailure(
    message="no free connection in time", sent=False, timed_out=True, is_final=True, is_pool_timeout=True
)


def test_wait_for_a_connection_is_part_of_no_attempt(time: Time) -> None:
    timeouts = aurous.Timeouts(attempt=2, total=30)
    settings = make_flow(time, timeout=timeouts, max_retries=0)
    response, sent = play(settings, time, *[NO_CONNECTION] * 9, GOOD, takes=1)
    assert [(effect.pool, effect.total) for effect in sent] == [(1, 2)] * 10
    assert len(aurous.response_info(response.parsed).attempts) == 1


@pytest.mark.parametrize(
    ("timeouts", "waits"),
    [
        (aurous.Timeouts(pool=5), [5]),
        (aurous.Timeouts(pool=5, attempt=4), [2, 2, 1]),
        (aurous.Timeouts(total=10), [9.9]),
    ],
)
def test_wait_for_a_connection_ends_with_its_timeout(timeouts: aurous.Timeouts, waits: list[float], time: Time) -> None:
    sent: list[float] = []
    flow = make_flow(time, timeout=timeouts).for_result()

    def wait() -> None:
        effect = next(flow)
        while True:
            sent.append(effect.pool)
            time.sleep(effect.pool)
            effect = flow.send(NO_CONNECTION)

    with pytest.raises(errors.APITimeoutError, match="no free connection") as caught:
        wait()
    assert sent == waits
    assert len(caught.value.attempts) == 1

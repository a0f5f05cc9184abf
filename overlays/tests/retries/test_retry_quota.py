"""The retry quota of a client bounds what its calls send to a server that fails."""

from __future__ import annotations

from typing import Any

import aurous
import pytest
from aurous._request.retry import ErrorResponse, NoResponse, quota_cost
from aurous._request.retry_quota import RetryQuota
from aurous.errors import APIStatusError, AurousError, ConfigurationError
from clientkit.callers import Make
from testkit.raw_server import RawServer
from testkit.responses import BUSY, GOOD, HANG_UP, answer, envelope

BUSY_FOR_NO_TIME = answer(503, envelope("provider_unavailable", "server_error"), headers={"Retry-After": "0"})
PACED = answer(429, envelope("too_many_requests", "rate_limit"), headers={"Retry-After": "1"})


def test_tokens_are_taken_while_there_are_enough() -> None:
    quota = RetryQuota(12)
    assert [quota.acquire(5) for _ in range(3)] == [True, True, False]
    assert quota.acquire(2)
    quota.release(5)
    assert quota.acquire(5)


def test_tokens_never_exceed_the_capacity() -> None:
    quota = RetryQuota(10)
    quota.release(100)
    assert [quota.acquire(5) for _ in range(3)] == [True, True, False]


def test_quota_of_none_has_no_bound() -> None:
    quota = RetryQuota(None)
    assert all(quota.acquire(10) for _ in range(1000))
    quota.release(1)


@pytest.mark.parametrize(
    ("failure", "cost"),
    [
        (NoResponse(sent=True), 5),
        (NoResponse(sent=False), 5),
        (NoResponse(sent=True, timed_out=True), 10),
        (ErrorResponse(status_code=503), 5),
        (ErrorResponse(status_code=503, retry_after=20), 5),
        (ErrorResponse(status_code=429), 5),
        (ErrorResponse(status_code=429, retry_after=0), 5),
        (ErrorResponse(status_code=429, retry_after=1), 0),
    ],
)
def test_costs_are_those_of_the_aws_sdks(failure: Any, cost: int) -> None:
    assert quota_cost(failure) == cost


@pytest.mark.parametrize("failure", [BUSY, BUSY_FOR_NO_TIME, HANG_UP])
def test_server_that_is_down_gets_no_more_retries_than_the_quota_has(failure: Any, wire: RawServer, make: Make) -> None:
    wire.plays(failure)
    caller = make(wire.url, retry=aurous.RetryPolicy(quota=50, jitter=0))
    for _ in range(20):
        with pytest.raises(AurousError) as caught:
            caller.create()
    assert len(wire.requests) == 20 + 50 // 5
    assert caught.value.__notes__ == [
        "Not tried again: the client's retry quota is used up, since too many calls failed."
    ]


def test_streams_share_the_quota_of_calls(wire: RawServer, make: Make) -> None:
    wire.plays(BUSY)
    caller = make(wire.url, retry=aurous.RetryPolicy(quota=5, jitter=0))
    with pytest.raises(APIStatusError):
        caller.create()
    with pytest.raises(APIStatusError):
        caller.stream()
    assert len(wire.requests) == 3


def test_success_gives_back_what_its_retry_took(wire: RawServer, make: Make) -> None:
    caller = make(wire.url, retry=aurous.RetryPolicy(quota=5, jitter=0))
    for _ in range(10):
        wire.plays(BUSY, GOOD)
        assert caller.create().status == "completed"


def test_calls_without_a_retry_earn_one_token_each(wire: RawServer, make: Make) -> None:
    wire.plays(BUSY, BUSY, *[GOOD] * 5, BUSY, GOOD)
    caller = make(wire.url, retry=aurous.RetryPolicy(quota=5, jitter=0))
    with pytest.raises(APIStatusError):
        caller.create()
    for _ in range(5):
        caller.create()
    assert len(caller.create().choices) == 1
    assert len(wire.requests) == 9


def test_paced_callers_are_retried_without_tokens(wire: RawServer, make: Make) -> None:
    wire.plays(PACED, PACED, PACED, GOOD)
    assert make(wire.url, retry=aurous.RetryPolicy(quota=0, jitter=0)).create().status == "completed"


def test_client_with_other_options_shares_the_quota(wire: RawServer, make: Make) -> None:
    wire.plays(BUSY)
    caller = make(wire.url, retry=aurous.RetryPolicy(quota=5, jitter=0))
    first = caller.client
    caller.client = first.with_options(timeout=5)
    with pytest.raises(APIStatusError):
        caller.create()
    caller.client = first
    with pytest.raises(APIStatusError):
        caller.create()
    assert len(wire.requests) == 3
    caller.client = first.with_options(retry=aurous.RetryPolicy(quota=10, jitter=0))
    with pytest.raises(APIStatusError):
        caller.create()
    assert len(wire.requests) == 3 + 3


@pytest.mark.parametrize("quota", [-1, 1.5, "500"])
def test_invalid_quota_raises_configuration_error(quota: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"retry\.quota must be a whole number of 0 or more, or None"):
        aurous.RetryPolicy(quota=quota)

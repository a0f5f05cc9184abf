"""Balance, holds, charges and rate limits."""

import asyncio
from collections.abc import Iterator
from decimal import Decimal

import httpx
import pytest
from aurous_mock.billing import pricing
from aurous_mock.billing.pricing import MICRO, Usage
from aurous_mock.contract.model_catalogue import GROW
from aurous_mock.server.launcher import Mock, running
from aurous_mock.storage.token_bucket import RateLimitInfo, take_tokens
from mockkit import CREATE, chat, connect, error_of, frames, post_all


def balance(client: httpx.Client) -> dict[str, Decimal]:
    body = client.get("/v1/balance").json()
    return {name: Decimal(repr(value)) for name, value in body.items() if isinstance(value, float)}


def test_receipt_adds_up_to_the_charge() -> None:
    usage = Usage(prompt=200, completion=600, reasoning=50)
    receipt = pricing.receipt(usage, GROW)
    assert receipt["total_tokens"] == 850
    assert receipt["credits_charged"] == 0.3075
    assert receipt["breakdown"]["input_credits"] == 0.015
    assert receipt["breakdown"]["output_credits"] == 0.27
    assert receipt["breakdown"]["reasoning_credits"] == 0.0225
    assert pricing.charge(usage, GROW) == 307_500


def test_hold_covers_the_largest_possible_charge() -> None:
    for effort, most in pricing.REASONING_TOKENS.items():
        worst = Usage(prompt=1000, completion=500, reasoning=most)
        assert pricing.hold(1000, 500, effort, GROW) >= pricing.charge(worst, GROW)


def test_balance_falls_by_exactly_the_charge(client: httpx.Client, mock: Mock) -> None:
    for streamed in (False, True):
        before = balance(client)
        response = client.post(CREATE, json=chat(stream=streamed))
        body = frames(response.text)[-1] if streamed else response.json()
        after = balance(client)
        assert before["credits"] - after["credits"] == Decimal(repr(body["usage"]["credits_charged"]))
        assert after["available_credits"] == after["credits"]
        assert after["held_credits"] == 0
    assert [charge["status"] for charge in mock.ledger()] == ["completed", "completed"]


def test_insufficient_balance_is_refused_with_402(client: httpx.Client) -> None:
    with running(credits=MICRO) as poor, connect(poor) as customer:
        refused = customer.post(CREATE, json=chat(), headers={"Idempotency-Key": "k"})
        assert refused.status_code == 402
        assert (error_of(refused)["code"], error_of(refused)["type"]) == ("balance_too_low", "invalid_request")
        assert balance(customer)["available_credits"] == 1
        # The refusal neither claimed the key nor held anything: a smaller request goes through with it.
        assert customer.post(CREATE, json=chat(max_tokens=5), headers={"Idempotency-Key": "k"}).status_code == 200


@pytest.mark.slow
def test_holds_reserve_credits_of_running_calls() -> None:
    hold = pricing.hold(20, 100, "minimal", GROW)
    with running(credits=hold * 5) as poor:
        body = chat(max_tokens=100, reasoning_effort="minimal")
        headers = {"Aurous-Mock-Fault": "pace=30"}
        responses = asyncio.run(post_all(poor.url, poor.api_key, [body] * 20, headers))
        statuses = sorted(response.status_code for response in responses)
        assert set(statuses) == {200, 402}
        assert statuses.count(200) >= 5
        with connect(poor) as customer:
            spent = sum(Decimal(repr(charge["credits_charged"])) for charge in poor.ledger())
            assert balance(customer)["credits"] == Decimal(hold * 5) / MICRO - spent
            assert balance(customer)["held_credits"] == 0


def test_rate_limit_bucket_refills_over_a_minute() -> None:
    state = None
    for _ in range(60):
        state, wait = take_tokens(state, 1, 60, now=0)
        assert wait == 0
    state, wait = take_tokens(state, 1, 60, now=0)
    assert wait == pytest.approx(1)
    state, wait = take_tokens(state, 1, 60, now=1)
    assert (wait, state.info(60)) == (0, RateLimitInfo(limit=60, remaining=0, reset=61))
    assert state.refilled(60, now=31).info(60) == RateLimitInfo(limit=60, remaining=30, reset=61)
    assert state.refilled(60, now=1000).info(60) == RateLimitInfo(limit=60, remaining=60, reset=1000)


def test_request_larger_than_the_bucket_is_admitted_when_full() -> None:
    state, wait = take_tokens(None, 50, 10, now=0)
    assert wait == 0
    assert take_tokens(state, 1, 10, now=0)[1] > 0


@pytest.fixture
def limited() -> Iterator[Mock]:
    with running(requests_per_minute=3, tokens_per_minute=200) as mock:
        yield mock


def test_requests_per_minute_are_limited(limited: Mock) -> None:
    with connect(limited) as client:
        remaining = [int(client.get("/v1/models").headers["x-ratelimit-remaining"]) for _ in range(3)]
        assert remaining == [2, 1, 0]
        refused = client.get("/v1/models")
        assert (refused.status_code, error_of(refused)["code"]) == (429, "too_many_requests")
        assert error_of(refused)["type"] == "rate_limit"
        limited.advance(int(refused.headers["retry-after"]))
        assert client.get("/v1/models").status_code == 200


def test_tokens_per_minute_are_limited(limited: Mock) -> None:
    with connect(limited) as client:
        first = client.post(CREATE, json=chat("Write 300 words.", reasoning_effort="minimal"))
        assert first.headers["x-ratelimit-tpm-limit"] == "200"
        refused = client.post(CREATE, json=chat())
        assert (refused.status_code, error_of(refused)["code"]) == (429, "tpm_rate_limit_exceeded")
        assert refused.headers["x-ratelimit-tpm-remaining"] == "0"
        limited.advance(int(refused.headers["retry-after"]))
        assert client.post(CREATE, json=chat(stream=True)).status_code == 200

"""What a call counts as, towards the credits that a run may spend: its receipt, or the most it may have cost."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable
from typing import Any

import httpx
import pytest
from answering_server import AnsweringServer, answering, response
from harness.client.api_client import ApiClient
from harness.client.charges import charged_credits
from harness.client.exchange import Exchange
from harness.client.recorder import Recorder
from harness.client.request_sender import describe_error
from harness.client.spend_limit import SpendLimit
from harness.settings import Settings
from harness.violations import NotTested, RuleViolation
from limited_client import BODY, EVENTS, KEY, client_of

CEILING = 0.45
STREAMED = {**BODY, "stream": True}
SENDS: dict[str, Callable[[ApiClient], Any]] = {
    "call": lambda api: api.create(BODY),
    "stream": lambda api: api.stream(BODY),
}


def test_charges_of_a_server_below_a_path_are_counted() -> None:
    receipt = b'{"usage": {"credits_charged": 0.25}}'
    with client_of(lambda server, head: [response(200, receipt)], base_path="/a%20b/gateway") as (api, server):
        api.create(BODY)
        with api.open_stream({**BODY, "stream": True}) as stream:
            stream.drain()
    assert server.heads[0].startswith("POST /a%20b/gateway/v1/chat/completions ")
    assert api.spend_limit.spent == 0.5


@pytest.mark.parametrize(
    "stated", ["NaN", "-1", "-0.0001", "Infinity", "-Infinity", '"0.1"', "true", "null", "[]", "1e999"]
)
def test_charge_that_cannot_be_one_counts_as_the_ceiling(stated: str) -> None:
    document = f'{{"usage": {{"credits_charged": {stated}}}}}'.encode()
    exchange = Exchange("POST", "http://u/v1/chat/completions", status=200, body=document)
    assert charged_credits(exchange) is None
    limit = SpendLimit(1.0)
    with limit.reserve(0.4) as charge:
        charge.credits = charged_credits(exchange)
    assert limit.spent == pytest.approx(0.4)


@pytest.mark.parametrize("amount", [math.nan, -1.0, math.inf, -math.inf])
def test_spend_limit_itself_believes_no_such_charge(amount: float) -> None:
    limit = SpendLimit(1.0)
    with limit.reserve(0.4) as charge:
        charge.credits = amount
    assert limit.spent == pytest.approx(0.4)


def create_if_affordable(api: ApiClient) -> Exchange | None:
    try:
        return api.create(BODY)
    except NotTested:
        return None


@pytest.mark.parametrize("stated", ["NaN", "-1", "null"])
def test_receipts_that_lie_do_not_outlast_the_limit(stated: str) -> None:
    document = f'{{"usage": {{"credits_charged": {stated}}}}}'.encode()
    with client_of(lambda server, head: [response(200, document)], limit=3 * CEILING) as (api, server):
        answered = list(itertools.takewhile(bool, (create_if_affordable(api) for _ in range(50))))
        assert len(answered) == len(server.heads) <= 3


def test_stream_without_a_receipt_counts_as_the_ceiling() -> None:
    def bare(server: AnsweringServer, head: str) -> Iterable[bytes]:
        return [EVENTS + b"data: [DONE]\n\n"]

    with client_of(bare, limit=3 * CEILING) as (api, _):
        api.stream(BODY)
        assert api.spend_limit.spent == pytest.approx(api.rates.ceiling({**BODY, "stream": True}))


def test_broken_stream_counts_as_the_ceiling() -> None:
    def broken(server: AnsweringServer, head: str) -> Iterable[bytes]:
        return [b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 999\r\n\r\ndata: {}\n\n"]

    with client_of(broken) as (api, _):
        with pytest.raises(RuleViolation, match="the stream broke"):
            api.stream(BODY)
        assert api.spend_limit.spent > 0


def test_stream_whose_encoding_breaks_counts_as_the_ceiling() -> None:
    head = EVENTS.replace(b"\r\n\r\n", b"\r\nContent-Encoding: gzip\r\n\r\n")
    with client_of(lambda server, request: [head + b"this is not gzip"]) as (api, _):
        with pytest.raises(RuleViolation, match="the stream broke"):
            api.stream(BODY)
        assert api.spend_limit.spent == pytest.approx(api.rates.ceiling(STREAMED))


@pytest.mark.parametrize("mode", SENDS)
def test_lost_response_counts_as_the_ceiling(mode: str) -> None:
    def lose(server: AnsweringServer, head: str) -> Iterable[bytes]:
        return []

    with client_of(lose) as (api, _):
        outcome = attempt(SENDS[mode], api)
        assert outcome is None or outcome.response_lost
        body = BODY if mode == "call" else STREAMED
        assert api.spend_limit.spent == pytest.approx(api.rates.ceiling(body))


@pytest.mark.parametrize("most", [-1, -(2**63), -1e300, -math.inf, math.nan])
def test_lost_response_to_an_impossible_limit_gives_no_credits_back(most: float) -> None:
    with client_of(lambda server, head: [], limit=1) as (api, _):
        api.create({**BODY, "max_tokens": most})
        assert 0 < api.spend_limit.spent < 1
        with pytest.raises(NotTested, match="budget"), api.spend_limit.reserve(1):
            pass


@pytest.mark.parametrize(("answer", "spent"), [(response(200, b"{}"), CEILING), (response(400, b"{}"), 0)])
def test_request_that_the_contract_forbids_costs_nothing_unless_it_is_served(answer: bytes, spent: float) -> None:
    with client_of(lambda server, head: [answer], limit=1) as (api, _):
        api.create(BODY, expect_error=True)
        assert api.spend_limit.spent == pytest.approx(spent, rel=0.01)


@pytest.mark.parametrize("mode", SENDS)
def test_request_that_was_not_sent_costs_nothing(mode: str) -> None:
    with answering(lambda server, head: []) as server:
        settings = Settings(server.url, KEY, None, "2026-05-15")
    api = ApiClient(settings, Recorder(), SpendLimit())
    attempt(SENDS[mode], api)
    api.close()
    assert api.recorder.exchanges[-1].transport_error
    assert api.spend_limit.spent == 0


def attempt(send: Callable[[ApiClient], Any], api: ApiClient) -> Exchange | None:
    try:
        exchange: Exchange = send(api)
    except RuleViolation:
        return None
    return exchange


def test_time_of_a_connection_is_not_said_to_be_that_of_a_response() -> None:
    assert describe_error(httpx.ConnectTimeout(""), 30.0) == "no connection within 5 s"
    assert describe_error(httpx.ReadTimeout(""), 30.0) == "no complete response within 30 s"

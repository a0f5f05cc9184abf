"""The headers of every response are checked, on every status, and each violation is found under its rule."""

from __future__ import annotations

import json
from itertools import count
from typing import Any

import pytest
from harness.checks import headers
from harness.checks.check import MAX_KEPT, Findings
from harness.checks.headers import HeaderChecks
from harness.client.exchange import Exchange
from harness.client.recorder import Recorder

NUMBERS = count(1)
LIMITS = {
    f"{family}-{part}": value
    for family in ("X-RateLimit", "X-RateLimit-TPM")
    for part, value in {"Limit": "10", "Remaining": "9", "Reset": "1795853015"}.items()
}


def exchange(status: int = 200, *, error: dict[str, Any] | None = None, **changes: str | None) -> Exchange:
    """A response that keeps every rule, with some headers changed or, by None, omitted."""
    request_id = f"req_{next(NUMBERS)}"
    sent = {"Aurous-Request-Id": request_id, "Aurous-Version": "2026-05-15", "Content-Type": "application/json"}
    given = {name.replace("_", "-"): value for name, value in changes.items()}
    all_headers = {name: value for name, value in {**sent, **LIMITS, **given}.items() if value is not None}
    envelope = {"type": "invalid_request", "code": "c", "request_id": request_id, **(error or {})}
    body = {"error": envelope} if status >= 400 else {}
    return Exchange(
        "POST", "http://x/v1/chat/completions", status=status, headers=all_headers, body=json.dumps(body).encode()
    )


def violated(*exchanges: Exchange) -> set[str]:
    findings, checks = Findings(), HeaderChecks()
    for each in exchanges:
        checks.inspect(each, findings)
    return set(findings.violations)


@pytest.mark.parametrize("status", [200, 400, 401, 404, 409, 422, 429, 500])
def test_correct_response_violates_nothing(status: int) -> None:
    assert violated(exchange(status)) == set()


@pytest.mark.parametrize("status", [200, 400, 404, 409, 422, 429, 500])
@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"Aurous_Request_Id": None}, headers.REQUEST_ID),
        ({"Aurous_Request_Id": "req_"}, headers.REQUEST_ID),
        ({"Aurous_Request_Id": "abc"}, headers.REQUEST_ID),
        ({"Aurous_Version": None}, headers.VERSION),
        ({"Aurous_Version": "latest"}, headers.VERSION),
        ({"Aurous_Version": "2026-05-15x"}, headers.VERSION),
        ({"X_RateLimit_Reset": "in a minute"}, headers.RATE_LIMIT),
        ({"X_RateLimit_Remaining": "-1"}, headers.RATE_LIMIT),
        ({"X_RateLimit_TPM_Limit": "1.5"}, headers.RATE_LIMIT),
        ({"X_RateLimit_Remaining": "11"}, headers.REMAINING),
        ({"X_RateLimit_TPM_Remaining": "11"}, headers.REMAINING),
    ],
)
def test_header_that_breaks_a_rule_is_found_on_every_status(
    status: int, changes: dict[str, str | None], rule: str
) -> None:
    assert rule in violated(exchange(status, **changes))


def test_error_with_another_request_id_is_found() -> None:
    assert violated(exchange(400, error={"request_id": "req_other"})) == {headers.ERROR_REQUEST_ID}


def test_error_that_is_not_json_is_found() -> None:
    assert headers.MEDIA_TYPE in violated(exchange(400, Content_Type="text/html"))


def test_repeated_request_id_is_found_unless_replayed() -> None:
    repeated = [exchange(Aurous_Request_Id="req_same") for _ in range(2)]
    assert violated(*repeated) == {headers.REQUEST_ID_UNIQUE}
    replay = exchange(Aurous_Request_Id="req_same", Aurous_Idempotent_Replayed="true")
    assert violated(repeated[0], replay) == set()


@pytest.mark.parametrize("first", [True, False])
def test_rate_limits_on_some_responses_only_are_found_in_either_order(first: bool) -> None:
    bare = exchange(**dict.fromkeys(["X_RateLimit_Limit", "X_RateLimit_Remaining", "X_RateLimit_Reset"]))
    pair = [bare, exchange()] if first else [exchange(), bare]
    assert headers.RATE_LIMIT_EVERYWHERE in violated(*pair)
    assert headers.RATE_LIMIT_EVERYWHERE not in violated(bare)


def test_error_page_of_a_proxy_is_not_the_apis() -> None:
    page = Exchange("GET", "http://x/v1/models", status=502, headers={"Content-Type": "text/html"}, body=b"<html>")
    assert violated(page) == set()
    assert violated(Exchange("GET", "http://x/v1/models", transport_error="refused")) == set()


def test_recorder_inspects_each_exchange_once_across_tests() -> None:
    inspected: list[Exchange] = []
    recorder = Recorder(inspector=inspected.append)
    first, second = exchange(), exchange(429)
    recorder.add(first)
    recorder.begin()
    recorder.add(second)
    recorder.inspect()
    recorder.begin()
    assert inspected == [first, second]
    assert recorder.throttled == [second]
    assert recorder.exchanges == []


def test_only_the_first_violations_are_kept() -> None:
    findings, checks = Findings(), HeaderChecks()
    for _ in range(50):
        checks.inspect(exchange(Aurous_Version=None), findings)
    assert len(findings.violations[headers.VERSION]) == MAX_KEPT

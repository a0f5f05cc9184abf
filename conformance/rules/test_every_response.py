"""Rules on every response of the run, on every status, checked after everything else."""

from __future__ import annotations

import pytest
from harness import contract
from harness.client import response_headers
from harness.client.api_client import ApiClient
from harness.client.exchange import Exchange
from harness.rules import CHANGELOG, ERRORS, RATE_LIMITS, rule
from harness.violations import RuleViolation, not_tested, require

HEADER_RULES = [
    (response_headers.REQUEST_ID, ERRORS, "Every response carries Aurous-Request-Id, `req_...`."),
    (response_headers.REQUEST_ID_UNIQUE, ERRORS, "Every request has a request id of its own."),
    (response_headers.ERROR_REQUEST_ID, ERRORS, "`error.request_id` is equal to the header Aurous-Request-Id."),
    (response_headers.VERSION, CHANGELOG, "Every response carries Aurous-Version, a date."),
    (response_headers.RATE_LIMIT, RATE_LIMITS, "The numbers of rate limit headers are whole."),
    (response_headers.REMAINING, RATE_LIMITS, "No more remains of a rate limit than the limit."),
]


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=rule(name, page=page, sentence=says), id=name) for name, page, says in HEADER_RULES],
)
@pytest.mark.usefixtures("successes", "failures")
def test_headers(api: ApiClient, name: str) -> None:
    api.recorder.inspect()
    checks = api.recorder.header_checks
    for message, exchange in checks.violations.get(name, []):
        raise RuleViolation(message, exchange)
    require(checks.inspected, "the API answered no request")


@rule(
    "limits.every_429",
    page=RATE_LIMITS,
    sentence="Every 429 has the type rate_limit, the envelope and Retry-After in whole seconds.",
)
def test_every_429(api: ApiClient) -> None:
    api.recorder.inspect()
    throttled: list[Exchange] = api.recorder.throttled
    if not throttled:
        not_tested("no request of this run was throttled")
    for exchange in throttled:
        wait = exchange.header("Retry-After")
        require(wait is not None and wait.isdigit(), f"Retry-After is {wait!r}", exchange)
        errors = contract.schema_errors("ErrorEnvelope", exchange.json)
        require(not errors, f"the error's envelope: {'; '.join(errors)}", exchange)
        kind = exchange.at("error", "type")
        require(kind == "rate_limit", f"the type is {kind!r}", exchange)

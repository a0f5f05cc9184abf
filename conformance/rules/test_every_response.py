"""Rules on every response of the run, whichever rule requested it, checked after everything else."""

from __future__ import annotations

import pytest
from harness import contract
from harness.checks.exchange_checks import ExchangeChecks, all_rules
from harness.client.api_client import ApiClient
from harness.client.exchange import Exchange
from harness.rules import RATE_LIMITS, rule
from harness.violations import RuleViolation, not_tested, require

# Any other status has the headers of the responses that these fixtures request.
SHOWN = ("successes", "failures", "every_kind")


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=rule(name, page=page, sentence=says), id=name) for name, page, says in all_rules()],
)
@pytest.mark.usefixtures(*SHOWN)
def test_every_response(api: ApiClient, exchange_checks: ExchangeChecks, name: str) -> None:
    api.recorder.inspect()
    findings = exchange_checks.findings
    for message, exchange in findings.violations.get(name, []):
        raise RuleViolation(message, exchange)
    if not findings.checked.get(name):
        not_tested("no response of this run could show it")


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

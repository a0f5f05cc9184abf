"""Rules on every response of the run, whichever rule requested it, checked after everything else."""

from __future__ import annotations

import time
from contextlib import suppress

import pytest
from harness import contract
from harness.checks.exchange_checks import ExchangeChecks, all_rules
from harness.client.api_client import ApiClient
from harness.client.exchange import Exchange
from harness.client.mock_controls import MockControls
from harness.rules import IDEMPOTENCY, RATE_LIMITS, looks_back, rule
from harness.violations import NotTested, RuleViolation, not_tested, require

from .conftest import Kept
from .idempotency_requests import require_replay, with_key
from .test_idempotency import REPLAY_LATER

# Longer than a window that was set in seconds by mistake.
SECONDS_LATER = 4.0
# These fixtures request responses of every status.
SHOWN = ("successes", "failures", "every_kind")


@pytest.fixture(scope="session")
def shown(request: pytest.FixtureRequest) -> None:
    """Responses of every kind have been seen, as far as the server, the run's time and its budget allow."""
    for name in SHOWN:
        with suppress(NotTested, RuleViolation):
            request.getfixturevalue(name)


@looks_back
@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=rule(name, page=page, sentence=says), id=name) for name, page, says in all_rules()],
)
@pytest.mark.usefixtures("shown")
def test_every_response_of_the_run_passes(api: ApiClient, exchange_checks: ExchangeChecks, name: str) -> None:
    api.recorder.inspect()
    findings = exchange_checks.findings
    for message, exchange in findings.violations.get(name, []):
        raise RuleViolation(message, exchange)
    if not findings.checked.get(name):
        not_tested("no response of this run could show it")


@rule("idempotency.replay_later", page=IDEMPOTENCY, sentence=REPLAY_LATER)
def test_result_is_replayed_some_seconds_later(api: ApiClient, kept: Kept, mock_controls: MockControls) -> None:
    if mock_controls.advanced:
        not_tested(f"a rule on this window has moved the server's clock by {mock_controls.advanced:.0f} s")
    time.sleep(max(0.0, SECONDS_LATER - (time.monotonic() - kept.created)))
    age = time.monotonic() - kept.created
    again = api.create(kept.body, headers=with_key(kept.key))
    if again.at("id") != kept.first.at("id"):
        raise RuleViolation(f"{age:.0f} s later the same request was carried out again", kept.first, again)
    require_replay(again, kept.first)


@looks_back
@rule(
    "limits.every_429",
    page=RATE_LIMITS,
    sentence="Every 429 has the type rate_limit, the envelope and Retry-After in whole seconds.",
)
def test_every_429_of_the_run_has_retry_after(api: ApiClient) -> None:
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

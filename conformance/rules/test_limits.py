"""Rules on the limits of valid requests: rates, credits, and the length of a prompt."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from harness import contract
from harness.client.api_client import ApiClient
from harness.client.exchange import Exchange
from harness.client.spend_limit import SpendLimit
from harness.rules import BALANCE, PRICING, RATE_LIMITS, expensive, rule
from harness.settings import EMBEDDED_KEY, Settings
from harness.violations import not_tested, require
from testkit.mock_process import MockProcess

from .scenarios import each_mode

NEEDS_EMBEDDED = "only the embedded mock can be started with {}"
FEW = 5


@pytest.fixture(scope="module")
def rate_limited(settings: Settings, api: ApiClient) -> Iterator[ApiClient]:
    """A server that allows few requests a minute."""
    yield from embedded(settings, api, "a small rate", "--rpm", str(FEW))


@pytest.fixture(scope="module")
def token_limited(settings: Settings, api: ApiClient) -> Iterator[ApiClient]:
    """A server that allows few tokens a minute."""
    yield from embedded(settings, api, "a small token rate", "--tpm", "300")


@pytest.fixture(scope="module")
def without_credits(settings: Settings, api: ApiClient) -> Iterator[ApiClient]:
    """A server on which the team has next to no credits."""
    yield from embedded(settings, api, "next to no credits", "--credits", "0.001")


def embedded(settings: Settings, api: ApiClient, what: str, *options: str) -> Iterator[ApiClient]:
    if not settings.embedded:
        not_tested(NEEDS_EMBEDDED.format(what))
    with MockProcess("--no-access-log", *options) as process:
        own = Settings(process.url, EMBEDDED_KEY, None, settings.api_version, settings.profile, settings.seed)
        # Its charges are not real.
        other = ApiClient(own, api.recorder, SpendLimit(), tests_limits=True)
        yield other
        other.close()


@rule("limits.requests", page=RATE_LIMITS, sentence="A request over the rate is 429 `too_many_requests`.")
def test_request_over_the_rate_is_throttled(rate_limited: ApiClient) -> None:
    require_throttled(exhausted(rate_limited), "too_many_requests")


@rule("limits.retry_after", page=RATE_LIMITS, sentence="A 429 carries Retry-After, in whole seconds.")
def test_throttled_response_has_retry_after(rate_limited: ApiClient) -> None:
    response = exhausted(rate_limited)
    wait = response.header("Retry-After")
    require(wait is not None and wait.isdigit() and int(wait) > 0, f"Retry-After is {wait!r}", response)


@rule("limits.remaining", page=RATE_LIMITS, sentence="A 429 has X-RateLimit-Remaining 0.")
def test_throttled_response_has_nothing_remaining(rate_limited: ApiClient) -> None:
    response = exhausted(rate_limited)
    actual = response.header("X-RateLimit-Remaining")
    require(actual == "0", f"X-RateLimit-Remaining is {actual!r}", response)


@rule(
    "limits.tokens",
    page="api-reference/errors/tpm_rate_limit_exceeded",
    sentence="A request over the rate of tokens is 429 `tpm_rate_limit_exceeded`, with Retry-After.",
)
def test_request_over_the_token_rate_is_throttled(token_limited: ApiClient) -> None:
    body = {"model": "aurous-grow-2.0-pro", "messages": [{"role": "user", "content": "Rain. " * 50}], "max_tokens": 64}
    answers = [token_limited.create(body) for _ in range(5)]
    throttled = next((response for response in answers if response.status == 429), answers[-1])
    require_throttled(throttled, "tpm_rate_limit_exceeded")
    require(throttled.header("Retry-After"), "there is no Retry-After", throttled)


@rule("limits.balance", page=BALANCE, sentence="A request that the balance cannot pay is 402 `balance_too_low`.")
@each_mode
def test_request_without_credits_is_refused(without_credits: ApiClient, stream: bool) -> None:
    response = without_credits.create(
        without_credits.chat_body("Write a book.", max_tokens=4096, stream=stream)
    ).expect(402)
    code, kind = response.at("error", "code"), response.at("error", "type")
    require((code, kind) == ("balance_too_low", "invalid_request"), f"the error is {kind} {code}", response)
    held = without_credits.balance().expect(200).at("held_credits")
    require(held == 0, f"the refused request still holds {held}", response)


@pytest.fixture(scope="module")
def long_prompt(api: ApiClient) -> str:
    """A prompt that is longer than the context window of the model."""
    window = api.model_metadata.get("context_window")
    if not isinstance(window, int) or window > 600_000:
        not_tested(f"the context window of {api.model} is not known, or too large to fill")
    # How many tokens a word makes depends on the server, so it is measured first.
    words = api.complete(api.chat_body("rain " * 100, max_tokens=1)).at("usage", "prompt_tokens") / 100
    return "rain " * int(window / words * 1.1 + 1000)


@expensive
@rule(
    "limits.context_window",
    page="api-reference/errors/max_input_tokens_exceeded",
    sentence="A prompt beyond the context window is 400 `max_input_tokens_exceeded`.",
)
@each_mode
def test_prompt_beyond_the_context_window_is_refused(api: ApiClient, long_prompt: str, stream: bool) -> None:
    response = api.create(api.chat_body(long_prompt, stream=stream), expect_error=True)
    if response.status == 413:
        not_tested(f"a body of {len(long_prompt):,} bytes is refused with 413 before its tokens are counted")
    response.expect(400)
    code, kind = response.at("error", "code"), response.at("error", "type")
    require((code, kind) == ("max_input_tokens_exceeded", "invalid_request"), f"the error is {kind} {code}", response)


@rule("limits.hold", page=PRICING, sentence="A hold too large for the balance is refused before any work.")
def test_hold_above_the_balance_is_refused(without_credits: ApiClient) -> None:
    before = without_credits.balance().expect(200)
    without_credits.create(without_credits.chat_body("Write a book.", max_tokens=8192)).expect(402)
    after = without_credits.balance().expect(200)
    same = contract.documented("Balance", before.json) == contract.documented("Balance", after.json)
    require(same, "the balance changed", before, after)


def exhausted(api: ApiClient) -> Exchange:
    """The first 429 of a server that allows few requests."""
    response = Exchange("GET", api.settings.base_url)
    for _ in range(FEW * 10):
        response = api.send("GET", "/v1/models")
        if response.status == 429:
            return response
        response.expect(200)
    require(False, f"after {FEW * 10} requests the rate of {FEW} a minute was not reached", response)
    return response


def require_throttled(exchange: Exchange, code: str) -> None:
    exchange.expect(429)
    schema_errors = contract.schema_errors("ErrorEnvelope", exchange.json)
    require(not schema_errors, f"the error's envelope: {'; '.join(schema_errors)}", exchange)
    actual = (exchange.at("error", "type"), exchange.at("error", "code"))
    require(actual == ("rate_limit", code), f"the error is {' '.join(actual)}", exchange)

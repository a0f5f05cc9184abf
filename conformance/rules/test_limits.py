"""What stops a caller who is within the contract: rates, credits, and the length of a prompt."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from harness import contract
from harness.client.api_client import Server
from harness.client.embedded_server import EmbeddedServer
from harness.client.exchange import Exchange
from harness.client.spend_limit import Purse
from harness.rules import BALANCE, PRICING, RATE_LIMITS, dear, rule
from harness.settings import EMBEDDED_KEY, Settings
from harness.violations import require, unseen

NEEDS_ANOTHER = "only the embedded mock can be had with {}"
FEW = 5


@pytest.fixture(scope="module")
def hurried(settings: Settings, server: Server) -> Iterator[Server]:
    """A server that allows few requests a minute."""
    with_options = embedded(settings, server, "a small rate", "--rpm", str(FEW))
    yield from with_options


@pytest.fixture(scope="module")
def thrifty(settings: Settings, server: Server) -> Iterator[Server]:
    """A server that allows few tokens a minute."""
    yield from embedded(settings, server, "a small token rate", "--tpm", "300")


@pytest.fixture(scope="module")
def poor(settings: Settings, server: Server) -> Iterator[Server]:
    """A server on which the team has next to nothing."""
    yield from embedded(settings, server, "next to no credits", "--credits", "0.001")


def embedded(settings: Settings, server: Server, what: str, *options: str) -> Iterator[Server]:
    if not settings.embedded:
        unseen(NEEDS_ANOTHER.format(what))
    process = EmbeddedServer(*options)
    own = Settings(process.url, EMBEDDED_KEY, None, settings.api_version, settings.profile, settings.seed)
    # What it charges, nobody pays.
    other = Server(own, server.recorder, Purse())
    other.patience = 0
    yield other
    other.close()
    process.stop()


@rule("limits.requests", page=RATE_LIMITS, says="Over the rate of requests the answer is 429 `too_many_requests`.")
def test_requests(hurried: Server) -> None:
    refuses(exhausted(hurried), "too_many_requests")


@rule("limits.retry_after", page=RATE_LIMITS, says="A 429 carries Retry-After, in whole seconds.")
def test_retry_after(hurried: Server) -> None:
    refused = exhausted(hurried)
    wait = refused.header("Retry-After")
    require(wait is not None and wait.isdigit() and int(wait) > 0, f"Retry-After is {wait!r}", refused)


@rule("limits.remaining", page=RATE_LIMITS, says="A 429 tells that nothing remains.")
def test_remaining(hurried: Server) -> None:
    refused = exhausted(hurried)
    told = refused.header("X-RateLimit-Remaining")
    require(told == "0", f"X-RateLimit-Remaining is {told!r}", refused)


@rule(
    "limits.tokens",
    page="api-reference/errors/tpm_rate_limit_exceeded",
    says="Over the rate of tokens the answer is 429 `tpm_rate_limit_exceeded`, with Retry-After.",
)
def test_tokens(thrifty: Server) -> None:
    body = {"model": "aurous-grow-2.0-pro", "messages": [{"role": "user", "content": "Rain. " * 50}], "max_tokens": 64}
    answers = [thrifty.create(body) for _ in range(5)]
    answer = next((answer for answer in answers if answer.status == 429), answers[-1])
    refuses(answer, "tpm_rate_limit_exceeded")
    require(answer.header("Retry-After"), "no Retry-After came", answer)


@rule("limits.balance", page=BALANCE, says="Without the credits for it a request is 402 `balance_too_low`.")
@pytest.mark.parametrize("stream", [False, True], ids=["create", "stream"])
def test_balance(poor: Server, stream: bool) -> None:
    refused = poor.create(poor.ask("Write a book.", max_tokens=4096, stream=stream)).expect(402)
    code, kind = refused.at("error", "code"), refused.at("error", "type")
    require((code, kind) == ("balance_too_low", "invalid_request"), f"the answer is {kind} {code}", refused)
    held = poor.balance().expect(200).at("held_credits")
    require(held == 0, f"the refused request still holds {held}", refused)


@dear
@rule(
    "limits.context_window",
    page="api-reference/errors/max_input_tokens_exceeded",
    says="A prompt beyond the context window is 400 `max_input_tokens_exceeded`.",
)
def test_context_window(server: Server) -> None:
    rows = {row["id"]: row for row in server.models().expect(200).at("data")}
    window = (rows[server.model].get("aurous_metadata") or {}).get("context_window")
    if not isinstance(window, int) or window > 600_000:
        unseen(f"the context window of {server.model} is not known, or too large to fill")
    # How many tokens a word makes is the server's own business, so it is asked first.
    words = server.completed(server.ask("rain " * 1000, max_tokens=1)).at("usage", "prompt_tokens") / 1000
    prompt = "rain " * int(window / words * 1.1 + 1000)
    refused = server.create(server.ask(prompt), refused=True).expect(400)
    code, kind = refused.at("error", "code"), refused.at("error", "type")
    require((code, kind) == ("max_input_tokens_exceeded", "invalid_request"), f"the answer is {kind} {code}", refused)


@rule("limits.hold", page=PRICING, says="A hold too large for the balance is refused before any work.")
def test_hold(poor: Server) -> None:
    before = poor.balance().expect(200)
    poor.create(poor.ask("Write a book.", max_tokens=8192)).expect(402)
    after = poor.balance().expect(200)
    require(before.json == after.json, "the balance changed", before, after)


def exhausted(server: Server) -> Exchange:
    """The first 429 of a server that allows few requests."""
    answer = Exchange("GET", server.settings.base_url)
    for _ in range(FEW * 10):
        answer = server.send("GET", "/v1/models")
        if answer.status == 429:
            return answer
        answer.expect(200)
    require(False, f"after {FEW * 10} requests the rate of {FEW} a minute was not reached", answer)
    return answer


def refuses(exchange: Exchange, code: str) -> None:
    exchange.expect(429)
    misfits = contract.misfits("ErrorEnvelope", exchange.json)
    require(not misfits, f"the error's envelope: {'; '.join(misfits)}", exchange)
    told = (exchange.at("error", "type"), exchange.at("error", "code"))
    require(told == ("rate_limit", code), f"the answer is {' '.join(told)}", exchange)

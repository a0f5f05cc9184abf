"""Rules on what changes the balance: completions of every kind and end, one after another and concurrently."""

from __future__ import annotations

import functools
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from harness.checks.receipts import TOLERANCE, exact
from harness.client.api_client import ApiClient
from harness.client.completion_result import CompletionResult, fetch_result
from harness.client.exchange import Exchange
from harness.client.mock_controls import MockControls
from harness.client.stream import Transcript
from harness.rules import BALANCE, CHAT_IDEMPOTENCY, COSTS, IDEMPOTENCY, PRICING, STREAMING, rule
from harness.violations import not_tested, require

from .billing_math import EXACTLY, require_balance_change
from .conftest import UNKNOWN_ID, Running
from .in_flight import running_stream, wait_until_terminal
from .refusals import can_require_tools, require_refusal
from .scenarios import DOCUMENTS, SCENARIOS, Scenarios, each_mode

AT_ONCE = 6
# The kinds whose answers may end by themselves; the others are limited to a few tokens, which costs less.
WHOLE = frozenset({"text", "length"})
BRIEF = {"max_tokens": 2}


@rule("balance.moves_by_charge", page=COSTS, sentence="The balance falls by exactly `credits_charged`.")
@each_mode
def test_balance_falls_by_credits_charged(api: ApiClient, scenarios: Scenarios, stream: bool) -> None:
    def spend(kind: str, body: dict[str, Any]) -> Decimal:
        return charge_of(api, fetch_result(api, body, stream=stream, headers=scenarios.headers(kind)))

    for kind in SCENARIOS if stream else DOCUMENTS:
        # The same body at each attempt, so that a wrong charge is the same amount each time.
        body = {**scenarios.body(kind), **({} if kind in WHOLE else BRIEF)}
        require_balance_change(api, functools.partial(spend, kind, body), what=kind)


@rule(
    "balance.at_once",
    page=COSTS,
    sentence="Completions at the same time lower the balance by the sum of their `credits_charged`.",
)
@pytest.mark.parametrize("modes", [[False], [True], [False, True]], ids=["create", "stream", "create and stream"])
def test_balance_falls_by_the_sum_of_concurrent_charges(api: ApiClient, modes: list[bool]) -> None:
    bodies = [api.chat_body("Name a river.", max_tokens=2) for _ in range(AT_ONCE)]
    streams = [modes[number % len(modes)] for number in range(AT_ONCE)]

    def spend() -> Decimal:
        with ThreadPoolExecutor(AT_ONCE) as pool:
            results = list(pool.map(lambda body, stream: fetch_result(api, body, stream=stream), bodies, streams))
        return sum((charge_of(api, result) for result in results), Decimal(0))

    require_balance_change(api, spend, what=f"{AT_ONCE} at once")


@rule("balance.replay_is_free", page=IDEMPOTENCY, sentence="A replay is not charged.")
def test_replayed_completion_is_not_charged_again(api: ApiClient, scenarios: Scenarios) -> None:
    keyed = [(scenarios.body(kind), scenarios.headers(kind)) for kind in DOCUMENTS if SCENARIOS[kind].keyed]
    for body, headers in keyed:
        api.complete(body, headers=headers)

    def spend() -> Decimal:
        for body, headers in keyed:
            api.complete(body, headers=headers)
        return Decimal(0)

    require_balance_change(api, spend)


@rule(
    "balance.keyed_streams",
    page=CHAT_IDEMPOTENCY,
    sentence="A stream's key is ignored: each stream that is sent the same key is charged.",
)
def test_each_stream_with_a_repeated_key_is_charged(api: ApiClient, key: str) -> None:
    body = api.chat_body()

    def spend() -> Decimal:
        streams = [fetch_result(api, body, stream=True, headers={"Idempotency-Key": key}) for _ in range(2)]
        return sum((charge_of(api, result) for result in streams), Decimal(0))

    require_balance_change(api, spend, what="two streams with one key")


@rule(
    "balance.refusal_is_free",
    page=PRICING,
    sentence="A request that is refused is not charged, and its hold is released.",
)
@each_mode
def test_refused_request_is_not_charged(api: ApiClient, key: str, stream: bool) -> None:
    api.complete(api.chat_body(), headers={"Idempotency-Key": key})
    refused: list[dict[str, Any]] = [
        {"temperature": 3},
        {"temperature": "warm"},
        *([] if can_require_tools(api) else [{"tool_choice": "required"}]),
        {"max_tokens": 10_000_000},
        {"model": "aurous-no-such-model"},
    ]

    def spend() -> Decimal:
        responses = [
            api.create(api.chat_body(**{"stream": stream, **members}), expect_error=True) for members in refused
        ]
        responses.append(api.create(api.chat_body(stream=stream), headers={"X-Api-Key": None}, expect_error=True))
        if not stream:
            responses.append(api.create(api.chat_body(), headers={"Idempotency-Key": key}, expect_error=True))
        for response in responses:
            require_refusal(response)
        return Decimal(0)

    require_balance_change(api, spend, what="refused requests")


@rule(
    "balance.reading_is_free",
    page=BALANCE,
    sentence="Retrieving a completion, the models or the balance is not charged.",
)
def test_read_operations_are_not_charged(api: ApiClient, completion: Exchange, transcript: Transcript) -> None:
    def spend() -> Decimal:
        for completion_id in (completion.at("id"), transcript.id, UNKNOWN_ID):
            api.retrieve(completion_id)
        api.models()
        return Decimal(0)

    require_balance_change(api, spend)


@rule("balance.own_team", page=BALANCE, sentence="The balance is not changed by the spending of another team.")
def test_balance_is_unchanged_by_another_team(api: ApiClient) -> None:
    other = api.as_other_team()

    def spend() -> Decimal:
        other.complete(other.chat_body())
        return Decimal(0)

    require_balance_change(api, spend, what="a completion of another team")


@rule("balance.hold_is_released", page=PRICING, sentence="The hold of a completion is released when it ends.")
@each_mode
def test_hold_is_released_when_the_completion_ends(api: ApiClient, stream: bool) -> None:
    body = api.chat_body()
    require_balance_change(api, lambda: charge_of(api, fetch_result(api, body, stream=stream)))


@rule(
    "balance.disconnect",
    page=STREAMING,
    sentence="After a disconnect the balance falls by the charge in the record, and the hold is released.",
)
def test_balance_after_a_disconnect_falls_by_the_recorded_charge(api: ApiClient, mock_controls: MockControls) -> None:
    def spend() -> Decimal:
        with running_stream(api, mock_controls, {"Idempotency-Key": str(uuid4())}, tokens=96, pace=40) as stream:
            completion_id = stream.transcript.id
        return exact(wait_until_terminal(api, completion_id).at("usage", "credits_charged"))

    require_balance_change(api, spend, what="a stream that its client left")


@rule("stream.holds_credits", page=PRICING, sentence="While a completion runs, credits are held for it.")
def test_running_stream_holds_credits(running: Running) -> None:
    before, during = metered(running)
    held = exact(during.at("held_credits"))
    require(held > 0, f"held_credits is {held} while a stream runs", before, during)


@rule(
    "balance.available_while_held",
    page=BALANCE,
    sentence="`available_credits` is `credits` less `held_credits`, also while credits are held; `credits` stays.",
)
def test_available_credits_exclude_held_credits_during_a_stream(running: Running) -> None:
    before, during = metered(running)
    total, held, available = (exact(during.at(name)) for name in ("credits", "held_credits", "available_credits"))
    require(abs(total - held - available) <= TOLERANCE, f"{total} less {held} is not {available}", during)
    # Other programs of the team may spend in between, but hardly what this stream holds to the last digit.
    fell = exact(before.at("credits")) - total
    newly_held = held - exact(before.at("held_credits"))
    is_twice = newly_held > 0 and abs(fell - newly_held) <= EXACTLY
    require(not is_twice, f"`credits` has fallen by {fell}, which is held and not charged", before, during)


def metered(running: Running) -> tuple[Exchange, Exchange]:
    """The balance of a team that pays, before a stream and while it ran."""
    if running.balance_before.expect(200).json.get("billing_mode") == "exempt":
        not_tested("this team is exempt from billing")
    return running.balance_before, running.balance.expect(200)


def charge_of(api: ApiClient, result: CompletionResult) -> Decimal:
    """The charge of a completion, from its receipt, or from its record if the receipt was suppressed."""
    if result.usage is None:
        return exact(api.retrieve(result.id).expect(200).at("usage", "credits_charged"))
    return exact(result.credits_charged)

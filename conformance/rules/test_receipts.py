"""Rules on receipts and on the balance that they move."""

from __future__ import annotations

from decimal import Decimal

import pytest
from harness import contract
from harness.checks.receipts import TOLERANCE, exact
from harness.client.api_client import ApiClient
from harness.client.completion_result import fetch_result
from harness.client.exchange import Exchange
from harness.rules import BALANCE, COSTS, CREATE, PRICING, rule
from harness.violations import inform, require

from .billing_math import require_balance_change
from .scenarios import each_mode


@rule(
    "receipt.prompt_counted",
    page=CREATE,
    sentence="`prompt_tokens` counts the prompt, and a longer prompt counts more.",
)
@each_mode
def test_prompt_counted(api: ApiClient, stream: bool) -> None:
    short = fetch_result(api, api.chat_body("Rain.", max_tokens=1), stream=stream)
    long = fetch_result(api, api.chat_body("Rain falls on the plain. " * 40, max_tokens=1), stream=stream)
    few, many = short.required_usage["prompt_tokens"], long.required_usage["prompt_tokens"]
    actual = f"a short prompt counts {few} tokens and one forty times as long {many}"
    require(0 < few < many, actual, short.exchange, long.exchange)


@rule(
    "receipt.completion_counted",
    page=CREATE,
    sentence="`completion_tokens` counts the visible answer, and a longer answer counts more.",
)
@each_mode
def test_completion_counted(api: ApiClient, stream: bool) -> None:
    counts: list[tuple[int, int, Exchange]] = []
    for most in (1, 8):
        body = api.chat_body("Write a long poem about rain.", max_tokens=most)
        result = fetch_result(api, body, stream=stream)
        counts.append((len(result.content), result.required_usage["completion_tokens"], result.exchange))
    (short, few, one), (long, many, other) = counts
    require(few > 0 or not short, f"{short} characters of an answer count {few} tokens", one)
    require(few < many or short >= long, f"{short} characters count {few} tokens, and {long} count {many}", one, other)


@rule(
    "receipt.rate_card",
    page=PRICING,
    sentence="Credits are tokens by the model's rates (samples disagree).",
    informational=True,
)
def test_rate_card(api: ApiClient, completion: Exchange) -> None:
    usage, rates = completion.at("usage"), api.rates
    due = (usage["prompt_tokens"] * rates.input + usage["completion_tokens"] * rates.output) / 1_000_000
    actual = usage["breakdown"]["input_credits"] + usage["breakdown"]["output_credits"]
    inform(f"{actual:g} credits for prompt and answer; the listed rates make {due:g}")


@rule("balance.available", page=BALANCE, sentence="`available_credits` is `credits` less `held_credits`.")
def test_available(api: ApiClient) -> None:
    response = api.balance().expect(200)
    total, held, available = (exact(response.at(name)) for name in ("credits", "held_credits", "available_credits"))
    require(abs(total - held - available) <= TOLERANCE, f"{total} less {held} is not {available}", response)


@rule("balance.schema", page=BALANCE, sentence="The balance has its documented members; the currency is `credit`.")
def test_balance_schema(api: ApiClient) -> None:
    response = api.balance().expect(200)
    schema_errors = contract.schema_errors("Balance", response.json)
    require(not schema_errors, "; ".join(schema_errors), response)
    require(response.at("currency") == "credit", f"`currency` is {response.at('currency')!r}", response)


@rule(
    "balance.billing_mode",
    page=BALANCE,
    sentence="`billing_mode` is metered or exempt (missing on older pages).",
    informational=True,
)
def test_billing_mode(api: ApiClient) -> None:
    inform(f"billing_mode is {api.balance().expect(200).json.get('billing_mode')!r}")


@rule("balance.moves_by_charge", page=COSTS, sentence="The balance falls by exactly `credits_charged`.")
@pytest.mark.parametrize("effort", ["minimal", "medium"])
@each_mode
def test_moves_by_charge(api: ApiClient, stream: bool, effort: str) -> None:
    def spend() -> Decimal:
        body = api.chat_body("Why is the sky blue?", reasoning_effort=effort)
        receipt = api.stream(body).usage if stream else api.complete(body).at("usage")
        return exact((receipt or {})["credits_charged"])

    require_balance_change(api, spend)


@rule("balance.replay_is_free", page="idempotency", sentence="A replay is not charged.")
def test_replay_is_free(api: ApiClient, key: str) -> None:
    body = api.chat_body()
    api.complete(body, headers={"Idempotency-Key": key})

    def spend() -> Decimal:
        api.complete(body, headers={"Idempotency-Key": key})
        return Decimal(0)

    require_balance_change(api, spend)


@rule(
    "balance.refusal_is_free",
    page=PRICING,
    sentence="A request that is refused is not charged, and its hold is released.",
)
def test_refusal_is_free(api: ApiClient, key: str) -> None:
    api.complete(api.chat_body(), headers={"Idempotency-Key": key})

    def spend() -> Decimal:
        api.create(api.chat_body(), headers={"Idempotency-Key": key}, expect_error=True)
        api.create(api.chat_body(temperature=3), expect_error=True)
        api.create(api.chat_body(tool_choice="required"), expect_error=True)
        api.create(api.chat_body(), headers={"X-Api-Key": None}, expect_error=True)
        return Decimal(0)

    require_balance_change(api, spend)


@rule(
    "balance.reading_is_free",
    page=BALANCE,
    sentence="Retrieving a completion, the models or the balance is not charged.",
)
def test_reading_is_free(api: ApiClient, completion: Exchange) -> None:
    def spend() -> Decimal:
        api.retrieve(completion.at("id"))
        api.models()
        return Decimal(0)

    require_balance_change(api, spend)


@rule("balance.hold_is_released", page=PRICING, sentence="When an answer has come its hold is gone.")
@each_mode
def test_hold_is_released(api: ApiClient, stream: bool) -> None:
    def spend() -> Decimal:
        body = api.chat_body(max_tokens=32)
        receipt = api.stream(body).usage if stream else api.complete(body).at("usage")
        return exact((receipt or {})["credits_charged"])

    require_balance_change(api, spend)

"""Rules on receipts and on the balance that they move."""

from __future__ import annotations

from harness import contract
from harness.checks.receipts import TOLERANCE, exact
from harness.client.api_client import ApiClient
from harness.client.completion_result import fetch_result
from harness.client.exchange import Exchange
from harness.rules import BALANCE, CREATE, PRICING, rule
from harness.violations import inform, require

from .scenarios import each_mode


@rule(
    "receipt.prompt_counted",
    page=CREATE,
    sentence="`prompt_tokens` counts the prompt, and a longer prompt counts more.",
)
@each_mode
def test_longer_prompt_has_more_prompt_tokens(api: ApiClient, stream: bool) -> None:
    short = fetch_result(api, api.chat_body("Rain.", max_tokens=1), stream=stream)
    long = fetch_result(api, api.chat_body("Rain falls on the plain. " * 10, max_tokens=1), stream=stream)
    few, many = short.required_usage["prompt_tokens"], long.required_usage["prompt_tokens"]
    actual = f"a short prompt counts {few} tokens and one ten times as long {many}"
    require(0 < few < many, actual, short.exchange, long.exchange)


@rule(
    "receipt.completion_counted",
    page=CREATE,
    sentence="`completion_tokens` counts the visible answer, and a longer answer counts more.",
)
@each_mode
def test_longer_completion_has_more_completion_tokens(api: ApiClient, stream: bool) -> None:
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
def test_credits_follow_the_rates_of_the_model(api: ApiClient, completion: Exchange) -> None:
    usage, rates = completion.at("usage"), api.rates
    due = (usage["prompt_tokens"] * rates.input + usage["completion_tokens"] * rates.output) / 1_000_000
    actual = usage["breakdown"]["input_credits"] + usage["breakdown"]["output_credits"]
    inform(f"{actual:g} credits for prompt and answer; the listed rates make {due:g}")


@rule("balance.available", page=BALANCE, sentence="`available_credits` is `credits` less `held_credits`.")
def test_available_credits_exclude_held_credits(api: ApiClient) -> None:
    response = api.balance().expect(200)
    total, held, available = (exact(response.at(name)) for name in ("credits", "held_credits", "available_credits"))
    require(abs(total - held - available) <= TOLERANCE, f"{total} less {held} is not {available}", response)


@rule("balance.schema", page=BALANCE, sentence="The balance has its documented members; the currency is `credit`.")
def test_balance_fits_the_schema(api: ApiClient) -> None:
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
def test_balance_has_a_known_billing_mode(api: ApiClient) -> None:
    inform(f"billing_mode is {api.balance().expect(200).json.get('billing_mode')!r}")

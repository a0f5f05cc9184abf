"""Rules on faults of the platform, on servers that let tests inject them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest
from harness import contract
from harness.checks.receipts import exact
from harness.client.api_client import ApiClient
from harness.client.mock_controls import MockControls
from harness.rules import ERRORS, IDEMPOTENCY, PRICING, rule
from harness.violations import inform, not_tested, require

from .billing_math import require_balance_change
from .idempotency_requests import require_conflict, require_fresh, require_replay, with_key

DAY = 24 * 3600
PROVIDER_FAULTS = [
    "chat_provider_unavailable",
    "chat_provider_unknown_error",
    "chat_provider_auth_failed",
    "chat_provider_request_invalid",
    "provider_rate_limited",
    "internal_error",
]


@rule("failure.code", page=ERRORS, sentence="A fault of the platform has its documented status, type and envelope.")
@pytest.mark.parametrize("code", PROVIDER_FAULTS)
def test_platform_fault_has_its_documented_error(api: ApiClient, mock_controls: MockControls, code: str) -> None:
    failed = api.create(api.chat_body(), headers=mock_controls.fault(f"code={code}"), expect_error=True)
    documented = contract.error_codes()[code]
    failed.expect(documented.status or 500)
    schema_errors = contract.schema_errors("ErrorEnvelope", failed.json)
    require(not schema_errors, "; ".join(schema_errors), failed)
    actual = (failed.at("error", "code"), failed.at("error", "type"))
    require(actual == (code, documented.type), f"the error is {actual}", failed)


@rule("failure.is_free", page=PRICING, sentence="A request that failed is not charged, and its hold is released.")
def test_failed_completion_is_not_charged(api: ApiClient, mock_controls: MockControls) -> None:
    headers = mock_controls.fault("code=chat_provider_unavailable")

    def spend() -> Decimal:
        api.create(api.chat_body(), headers=headers, expect_error=True).expect(502)
        return Decimal(0)

    require_balance_change(api, spend)


@rule(
    "failure.stream_charge",
    page=PRICING,
    sentence="A stream that fails is charged as its record says, and its hold is released.",
)
def test_failed_stream_is_charged_as_recorded(api: ApiClient, mock_controls: MockControls) -> None:
    headers = mock_controls.fault("error-frame=3")

    def spend() -> Decimal:
        transcript = api.stream(api.chat_body(max_tokens=8), headers=headers)
        return exact(api.retrieve(transcript.id).expect(200).at("usage", "credits_charged"))

    require_balance_change(api, spend, what="a stream that failed")


@rule(
    "failure.not_kept",
    page=IDEMPOTENCY,
    sentence="After a 5xx a request can be repeated with its key, and is carried out again.",
)
def test_server_error_is_not_kept_under_its_key(api: ApiClient, mock_controls: MockControls, key: str) -> None:
    body = api.chat_body()
    fault = mock_controls.fault("code=chat_provider_unavailable")
    api.create(body, headers={**with_key(key), **fault}, expect_error=True).expect(502)
    again = api.create(body, headers=with_key(key))
    require_fresh(again)
    require_replay(api.create(body, headers=with_key(key)), again)


@rule("failure.throttled_not_kept", page=IDEMPOTENCY, sentence="After a 429 a request can be repeated with its key.")
def test_throttled_request_is_not_kept_under_its_key(api: ApiClient, mock_controls: MockControls, key: str) -> None:
    body = api.chat_body()
    fault = mock_controls.fault("code=too_many_requests; retry-after=0")
    api.create(body, headers={**with_key(key), **fault}, expect_error=True)
    require_fresh(api.create(body, headers=with_key(key)))


@rule(
    "failure.lost_answer",
    page=IDEMPOTENCY,
    sentence="A response that was lost in transit is replayed, and not generated again.",
)
def test_lost_response_is_replayed(api: ApiClient, mock_controls: MockControls, key: str) -> None:
    body = api.chat_body()
    lost = api.create(body, headers={**with_key(key), **mock_controls.fault("reset=after")}, expect_error=True)
    if lost.status:
        not_tested("the answer could not be lost on this way to the server")
    again = api.create(body, headers=with_key(key)).expect(200)
    require(again.header("Aurous-Idempotent-Replayed") == "true", "the answer was made anew", lost, again)


@rule(
    "failure.in_flight",
    page=IDEMPOTENCY,
    sentence="While the first request runs, a second one with its key is 409 `idempotency_key_in_use`.",
)
def test_key_of_a_request_in_flight_is_a_conflict(api: ApiClient, mock_controls: MockControls, key: str) -> None:
    body = api.chat_body("Write a long story about a river.", max_tokens=64)
    slow = {**with_key(key), **mock_controls.fault("pace=128")}
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(api.create, body, headers=slow)
        seen = []
        while not first.done():
            seen.append(api.create(body, headers=with_key(key)))
    conflicts = [exchange for exchange in seen if exchange.status == 409]
    if not conflicts:
        not_tested("the first request ended before a second one arrived")
    require_conflict(conflicts[0], first.result())
    wait = conflicts[0].header("Retry-After")
    require(wait is None, f"Retry-After is {wait!r}", conflicts[0])


@rule(
    "failure.error_in_stream",
    page="api-reference/chat/streaming",
    sentence="The error frame of a stream that fails (not documented).",
    informational=True,
)
def test_error_frame_of_a_failed_stream(api: ApiClient, mock_controls: MockControls) -> None:
    transcript = api.stream(api.chat_body(max_tokens=8), headers=mock_controls.fault("error-frame=2"))
    codes = [frame["error"].get("code") for frame in transcript.frames if "error" in frame]
    inform(f"an error frame {codes}, {'then' if transcript.done else 'without'} [DONE]")


@rule(
    "failure.failed_record",
    page="api-reference/chat/retrieve-a-stored-chat-completion",
    sentence="A failed stream's record is `failed`, with `error`.",
)
def test_record_of_a_failed_stream_has_an_error(api: ApiClient, mock_controls: MockControls) -> None:
    transcript = api.stream(api.chat_body(max_tokens=8), headers=mock_controls.fault("error-frame=3"))
    record = api.retrieve(transcript.id).expect(200)
    require(record.at("status") == "failed", f"`status` is {record.at('status')!r}", transcript.exchange, record)
    schema_errors = contract.schema_errors("ChatCompletion", record.json)
    require(not schema_errors, "; ".join(schema_errors), record)
    error = record.json.get("error")
    require(isinstance(error, dict), f"`error` is {error!r}", record)
    documented = contract.error_codes().get(record.at("error", "code"))
    typed = documented is None or record.at("error", "type") == documented.type
    require(typed, f"the error of a fault of the platform is {error}", record)


@rule("idempotency.window", page=IDEMPOTENCY, sentence="A result is kept for 24 hours, and not longer.")
def test_result_is_replayed_for_24_hours_only(
    api: ApiClient, mock_controls: MockControls, key: str, alone: bool
) -> None:
    if not alone:
        not_tested("other workers go by the same clock: run without -n")
    body = api.chat_body()
    first = api.complete(body, headers=with_key(key))
    mock_controls.advance(DAY - 600)
    require_replay(api.create(body, headers=with_key(key)), first)
    mock_controls.advance(1200)
    require_fresh(api.create(body, headers=with_key(key)), first)


@rule("idempotency.window_frees_key", page=IDEMPOTENCY, sentence="After 24 hours a key may be used for another body.")
def test_key_accepts_another_body_after_24_hours(
    api: ApiClient, mock_controls: MockControls, key: str, alone: bool
) -> None:
    if not alone:
        not_tested("other workers go by the same clock: run without -n")
    first = api.complete(api.chat_body(), headers=with_key(key))
    mock_controls.advance(DAY + 600)
    require_fresh(api.create(api.chat_body(), headers=with_key(key)), first)

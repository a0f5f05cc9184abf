"""Faults of the platform, as far as a server lets its tests order them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest
from harness import contract
from harness.client.api_client import Server
from harness.client.mock_controls import Levers
from harness.rules import ERRORS, IDEMPOTENCY, PRICING, rule
from harness.violations import observe, require, unseen

from .billing_math import moved_exactly
from .idempotency_requests import is_conflict, is_fresh, is_replay, keyed

DAY = 24 * 3600
PROVIDER_FAULTS = [
    "chat_provider_unavailable",
    "chat_provider_unknown_error",
    "chat_provider_auth_failed",
    "chat_provider_request_invalid",
    "provider_rate_limited",
    "internal_error",
]


@rule("failure.code", page=ERRORS, says="A fault of the platform has its documented status, type and envelope.")
@pytest.mark.parametrize("code", PROVIDER_FAULTS)
def test_code(server: Server, levers: Levers, code: str) -> None:
    failed = server.create(server.ask(), headers=levers.fault(f"code={code}"), refused=True)
    documented = contract.error_codes()[code]
    failed.expect(documented.status or 500)
    misfits = contract.misfits("ErrorEnvelope", failed.json)
    require(not misfits, "; ".join(misfits), failed)
    told = (failed.at("error", "code"), failed.at("error", "type"))
    require(told == (code, documented.type), f"the answer is {told}", failed)


@rule("failure.is_free", page=PRICING, says="A request that failed is not charged, and its hold is released.")
def test_is_free(server: Server, levers: Levers) -> None:
    headers = levers.fault("code=chat_provider_unavailable")

    def spend() -> Decimal:
        server.create(server.ask(), headers=headers, refused=True).expect(502)
        return Decimal(0)

    moved_exactly(server, spend)


@rule("failure.not_kept", page=IDEMPOTENCY, says="After a 5xx the same key is safe to send again, and runs anew.")
def test_not_kept(server: Server, levers: Levers, key: str) -> None:
    body = server.ask()
    fault = levers.fault("code=chat_provider_unavailable")
    server.create(body, headers={**keyed(key), **fault}, refused=True).expect(502)
    again = server.create(body, headers=keyed(key))
    is_fresh(again)
    is_replay(server.create(body, headers=keyed(key)), again)


@rule("failure.throttled_not_kept", page=IDEMPOTENCY, says="After a 429 the same key is safe to send again.")
def test_throttled_not_kept(server: Server, levers: Levers, key: str) -> None:
    body = server.ask()
    fault = levers.fault("code=too_many_requests; retry-after=0")
    server.create(body, headers={**keyed(key), **fault}, refused=True)
    is_fresh(server.create(body, headers=keyed(key)))


@rule(
    "failure.lost_answer", page=IDEMPOTENCY, says="An answer that was lost on its way is replayed, and not made again."
)
def test_lost_answer(server: Server, levers: Levers, key: str) -> None:
    body = server.ask()
    lost = server.create(body, headers={**keyed(key), **levers.fault("reset=after")}, refused=True)
    if lost.status:
        unseen("the answer could not be lost on this way to the server")
    again = server.create(body, headers=keyed(key)).expect(200)
    require(again.header("Aurous-Idempotent-Replayed") == "true", "the answer was made anew", lost, again)


@rule(
    "failure.in_flight", page=IDEMPOTENCY, says="While the first request runs, its key is 409 `idempotency_key_in_use`."
)
def test_in_flight(server: Server, levers: Levers, key: str) -> None:
    body = server.ask("Write a long story about a river.", max_tokens=64)
    slow = {**keyed(key), **levers.fault("pace=128")}
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(server.create, body, headers=slow)
        seen = []
        while not first.done():
            seen.append(server.create(body, headers=keyed(key)))
    conflicts = [exchange for exchange in seen if exchange.status == 409]
    if not conflicts:
        unseen("the first request was over before a second one came")
    is_conflict(conflicts[0], first.result())
    wait = conflicts[0].header("Retry-After")
    require(wait is None, f"Retry-After is {wait!r}", conflicts[0])


@rule(
    "failure.error_in_stream",
    page="api-reference/chat/streaming",
    says="What a stream that fails on its way says.",
    observed=True,
)
def test_error_in_stream(server: Server, levers: Levers) -> None:
    told = server.streamed(server.ask(), headers=levers.fault("error-frame=2"))
    codes = [frame["error"].get("code") for frame in told.frames if "error" in frame]
    observe(f"an error frame {codes}, {'then' if told.done else 'without'} [DONE]")


@rule(
    "failure.failed_record",
    page="api-reference/chat/retrieve-a-stored-chat-completion",
    says="A failed stream's record is `failed`, with `error`.",
)
def test_failed_record(server: Server, levers: Levers) -> None:
    told = server.streamed(server.ask(), headers=levers.fault("error-frame=3"))
    found = server.retrieve(told.id).expect(200)
    require(found.at("status") == "failed", f"`status` is {found.at('status')!r}", told.exchange, found)
    misfits = contract.misfits("ChatCompletion", found.json)
    require(not misfits, "; ".join(misfits), found)
    error = found.json.get("error")
    require(isinstance(error, dict), f"`error` is {error!r}", found)
    documented = contract.error_codes().get(found.at("error", "code"))
    typed = documented is None or found.at("error", "type") == documented.type
    require(typed, f"a fault of the platform is told as {error}", found)


@rule("idempotency.window", page=IDEMPOTENCY, says="A result is kept for 24 hours, and not longer.")
def test_window(server: Server, levers: Levers, key: str, alone: bool) -> None:
    if not alone:
        unseen("other workers go by the same clock: run without -n")
    body = server.ask()
    first = server.completed(body, headers=keyed(key))
    levers.advance(DAY - 600)
    is_replay(server.create(body, headers=keyed(key)), first)
    levers.advance(1200)
    is_fresh(server.create(body, headers=keyed(key)), first)


@rule("idempotency.window_frees_key", page=IDEMPOTENCY, says="After 24 hours a key may be used for another body.")
def test_window_frees_key(server: Server, levers: Levers, key: str, alone: bool) -> None:
    if not alone:
        unseen("other workers go by the same clock: run without -n")
    first = server.completed(server.ask(), headers=keyed(key))
    levers.advance(DAY + 600)
    is_fresh(server.create(server.ask(), headers=keyed(key)), first)

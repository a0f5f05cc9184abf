"""Stopping a completion: by asking, and by hanging up."""

from __future__ import annotations

import time
from dataclasses import dataclass
from decimal import Decimal

import pytest
from harness import contract
from harness.client.api_client import Server
from harness.client.exchange import Exchange
from harness.client.mock_controls import Levers
from harness.client.stream import Transcript
from harness.rules import CANCEL, CANCELLATION, RETRIEVE, STREAMING, rule
from harness.violations import observe, require, unseen

from .billing_math import TOLERANCE, credits_of, exact, moved_exactly, tokens_of
from .conftest import UNKNOWN_ID
from .in_flight import running, settled

ENDS_WITHIN = 5.0
TOO_SOON = "the stream ended before it could be cancelled"


@dataclass(frozen=True)
class Cancelled:
    """A stream that was cancelled while it ran."""

    answer: Exchange
    transcript: Transcript
    record: Exchange
    seconds: float


@pytest.fixture(scope="module")
def cancelled(server: Server, levers: Levers) -> Cancelled:
    with running(server, levers, tokens=400, pace=40) as stream:
        answer = server.cancel(stream.transcript.id)
        if answer.status == 409 and not levers.present:
            unseen(TOO_SOON)
        asked = time.monotonic()
        transcript = stream.drain()
    return Cancelled(answer, transcript, server.retrieve(transcript.id), time.monotonic() - asked)


@rule("cancel.answer", page=CANCEL, says="Cancelling a stream that runs answers 200 with its record.")
def test_answer(cancelled: Cancelled) -> None:
    answer, stream = cancelled.answer.expect(200), cancelled.transcript
    require(answer.at("id") == stream.id, f"the record is {answer.at('id')}", stream.exchange, answer)


@rule("cancel.record", page=CANCEL, says="The record that comes back is an ordinary completion.")
def test_record(cancelled: Cancelled) -> None:
    misfits = contract.misfits("ChatCompletion", cancelled.answer.expect(200).json)
    require(not misfits, "; ".join(misfits), cancelled.answer)


@rule("cancel.status", page=CANCEL, says="Its `status` is `cancelled`, and so is the stored record's.")
def test_status(cancelled: Cancelled) -> None:
    for exchange in (cancelled.answer.expect(200), cancelled.record.expect(200)):
        require(
            exchange.at("status") == "cancelled", f"`status` is {exchange.at('status')!r}", cancelled.answer, exchange
        )


@rule("cancel.error_told", page=RETRIEVE, says="`error` is present on a cancelled record.")
def test_error_told(cancelled: Cancelled) -> None:
    error = cancelled.record.expect(200).json.get("error")
    require(isinstance(error, dict), f"`error` is {error!r}", cancelled.record)
    misfits = contract.misfits("CompletionError", error)
    require(not misfits, "; ".join(misfits), cancelled.record)


@rule("cancel.not_a_disconnect", page=CANCEL, says="A cancel that was asked for is not told as a client that hung up.")
def test_not_a_disconnect(cancelled: Cancelled) -> None:
    code = cancelled.record.expect(200).get("error", "code")
    require(code != "cancelled_client_disconnect", f"`error.code` is {code!r}", cancelled.answer, cancelled.record)


@rule("cancel.receipt", page=CANCELLATION, says="Only tokens already made are charged, and the receipt adds up.")
def test_receipt(cancelled: Cancelled) -> None:
    usage = cancelled.record.expect(200).at("usage")
    parts = tokens_of(usage)
    require(usage["total_tokens"] == parts, f"total_tokens {usage['total_tokens']}, parts {parts}", cancelled.record)
    charged, summed = exact(usage["credits_charged"]), credits_of(usage["breakdown"])
    require(abs(charged - summed) <= TOLERANCE, f"credits_charged {charged}, breakdown {summed}", cancelled.record)
    made = usage["completion_tokens"]
    require(made < 400, f"all {made} tokens were charged", cancelled.record)


@rule("cancel.ends_the_stream", page=CANCELLATION, says="The cancelled stream ends.")
def test_ends_the_stream(cancelled: Cancelled) -> None:
    cancelled.answer.expect(200)
    late = cancelled.seconds > ENDS_WITHIN
    require(not late, f"it went on for {cancelled.seconds:.1f} s", cancelled.answer, cancelled.transcript.exchange)


@rule("cancel.content", page=CANCELLATION, says="The record holds what was made before the cancel.")
def test_content(cancelled: Cancelled) -> None:
    cancelled.answer.expect(200)
    kept = cancelled.record.expect(200).at("choices", 0, "message", "content") or ""
    said = cancelled.transcript.content
    fits = kept.startswith(said) or said.startswith(kept)
    require(fits, f"the record says {kept[:80]!r}, the stream said {said[:80]!r}", cancelled.record)


@rule("cancel.frames", page=CANCELLATION, says="What a cancelled stream ends with (no page prints it).", observed=True)
def test_frames(cancelled: Cancelled) -> None:
    reasons, done = cancelled.transcript.finish_reasons, cancelled.transcript.done
    usage = "usage" if cancelled.transcript.usage else "no usage"
    observe(f"finish_reason {reasons}, {usage}, {'[DONE]' if done else 'no [DONE]'}")


@rule("cancel.twice", page=CANCEL, says="Cancelling again is 409 `chat_cancel_target_already_terminal`.")
def test_twice(server: Server, cancelled: Cancelled) -> None:
    cancelled.answer.expect(200)
    conflicts(server.cancel(cancelled.transcript.id), "chat_cancel_target_already_terminal")


@rule("cancel.completed_stream", page=CANCEL, says="Cancelling a stream that has ended is 409 `..._already_terminal`.")
def test_completed_stream(server: Server, transcript: Transcript) -> None:
    conflicts(server.cancel(transcript.id), "chat_cancel_target_already_terminal")
    found = server.retrieve(transcript.id).expect(200)
    require(found.at("status") == "completed", f"the record is now {found.at('status')!r}", found)


@rule(
    "cancel.not_streamed",
    page="api-reference/errors/chat_cancel_target_not_cancellable",
    says="A completion that was not streamed cannot be cancelled: 409 `..._already_terminal` or `..._not_cancellable`.",
)
def test_not_streamed(server: Server, completion: Exchange) -> None:
    codes = ("chat_cancel_target_already_terminal", "chat_cancel_target_not_cancellable")
    conflicts(server.cancel(completion.at("id")), *codes)
    found = server.retrieve(completion.at("id")).expect(200)
    require(found.at("status") == "completed", f"the record is now {found.at('status')!r}", found)


@rule(
    "cancel.running_not_streamed",
    page="api-reference/errors/chat_cancel_target_not_cancellable",
    says="A non-streamed completion that still runs cannot be cancelled: 409 `chat_cancel_target_not_cancellable`.",
)
def test_running_not_streamed() -> None:
    unseen("its id is told only by its answer, when it no longer runs")


@rule(
    "cancel.unknown",
    page="api-reference/errors/chat_cancel_target_not_found",
    says="Cancelling an id that nobody has is 404 `chat_cancel_target_not_found`.",
)
@pytest.mark.parametrize("unknown", [UNKNOWN_ID, "cmp_0"])
def test_unknown(server: Server, unknown: str) -> None:
    not_found(server.cancel(unknown))


@rule(
    "cancel.other_team",
    page="api-reference/errors/chat_cancel_target_not_found",
    says="Another team's completion is not found either, and goes on.",
)
def test_other_team(server: Server, levers: Levers) -> None:
    with running(server, levers) as stream:
        not_found(server.as_other_team().cancel(stream.transcript.id))
        told = stream.drain()
    require(told.finish_reasons != ["cancelled"], "the stream was cancelled by another team", told.exchange)


@rule("cancel.no_body", page=CANCEL, says="Cancelling takes no body, and does not mind an empty object.", observed=True)
def test_no_body(server: Server) -> None:
    told = server.send("POST", f"/v1/chat/completions/{UNKNOWN_ID}/cancel", content=b"{}")
    observe(f"with `{{}}` it is answered {told.outcome}")


@rule(
    "cancel.balance", page=CANCELLATION, says="A cancelled stream costs what its record says, and its hold is released."
)
def test_balance(server: Server, levers: Levers) -> None:
    def spend() -> Decimal:
        with running(server, levers, tokens=400, pace=40) as stream:
            answer = server.cancel(stream.transcript.id)
            if not levers.present and answer.status == 409:
                unseen(TOO_SOON)
            answer.expect(200)
            stream.drain()
        return exact(settled(server, stream.transcript.id).at("usage", "credits_charged"))

    moved_exactly(server, spend)


@rule("disconnect.cancels", page=STREAMING, says="A client that hangs up cancels the completion.")
def test_disconnect(server: Server, levers: Levers) -> None:
    with running(server, levers, tokens=400, pace=40) as stream:
        made = stream.transcript.id
    found = settled(server, made)
    if found.at("status") == "completed" and not levers.present:
        unseen("the completion ended before the server could notice")
    require(found.at("status") == "cancelled", f"`status` is {found.at('status')!r}", stream.exchange, found)
    require(isinstance(found.json.get("error"), dict), f"`error` is {found.json.get('error')!r}", found)
    code = found.get("error", "code")
    require(code != "cancelled_by_request", f"nobody asked for it, and `error.code` is {code!r}", found)
    usage = found.at("usage")
    parts = tokens_of(usage)
    require(usage["total_tokens"] == parts, f"total_tokens {usage['total_tokens']}, parts {parts}", found)
    require(usage["credits_charged"] > 0, "the tokens made until then were not charged", found)


def conflicts(exchange: Exchange, *codes: str) -> None:
    exchange.expect(409)
    require(exchange.at("error", "code") in codes, f"the code is {exchange.at('error', 'code')!r}", exchange)
    kind = exchange.at("error", "type")
    require(kind == "invalid_request", f"the type is {kind!r}", exchange)


def not_found(exchange: Exchange) -> None:
    exchange.expect(404)
    code, kind = exchange.at("error", "code"), exchange.at("error", "type")
    told = (code, kind) == ("chat_cancel_target_not_found", "not_found")
    require(told, f"the answer is {kind} {code}", exchange)

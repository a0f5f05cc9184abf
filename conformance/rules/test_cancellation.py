"""Rules on cancelling a completion: by request, and by disconnecting."""

from __future__ import annotations

from decimal import Decimal
from uuid import uuid4

import pytest
from harness import contract
from harness.checks.receipts import TOLERANCE, credits_of, exact, tokens_of
from harness.client.api_client import ApiClient
from harness.client.exchange import Exchange
from harness.client.mock_controls import MockControls
from harness.client.stream import Transcript
from harness.rules import CANCEL, CANCELLATION, RETRIEVE, STREAMING, rule
from harness.violations import inform, not_tested, require

from .billing_math import EXACTLY, require_balance_change, settled_balance
from .conftest import UNKNOWN_ID, Cancelled, Disconnected, Running
from .in_flight import require_in_time, running_stream, wait_until_terminal, was_still_running
from .scenarios import each_mode

ENDS_WITHIN = 5.0


@rule("cancel.answer", page=CANCEL, sentence="Cancelling a running stream is answered 200, with its record.")
def test_cancel_of_a_running_stream_returns_its_record(cancelled: Cancelled) -> None:
    response, stream = cancelled.response.expect(200), cancelled.transcript
    require(
        response.at("id") == stream.id,
        f"the record is {response.at('id')}",
        stream.exchange,
        response,
    )


@rule("cancel.record", page=CANCEL, sentence="The record in the response is an ordinary completion.")
def test_cancel_response_fits_the_completion_schema(cancelled: Cancelled) -> None:
    schema_errors = contract.schema_errors("ChatCompletion", cancelled.response.expect(200).json)
    require(not schema_errors, "; ".join(schema_errors), cancelled.response)
    streamed = cancelled.transcript.chunks[0]
    for exchange in (cancelled.response, cancelled.record.expect(200)):
        for member in ("id", "created", "model"):
            actual = f"the record's {member} is {exchange.get(member)!r}, and {streamed.get(member)!r} was streamed"
            same = exchange.get(member) == streamed.get(member)
            require(same, actual, cancelled.transcript.exchange, exchange)


@rule("cancel.status", page=CANCEL, sentence="Its `status` is `cancelled`, and so is the stored record's.")
def test_cancelled_completion_has_status_cancelled(cancelled: Cancelled) -> None:
    for exchange in (cancelled.response.expect(200), cancelled.record.expect(200)):
        require(
            exchange.at("status") == "cancelled",
            f"`status` is {exchange.at('status')!r}",
            cancelled.response,
            exchange,
        )


@rule("cancel.error_present", page=RETRIEVE, sentence="`error` is present on a cancelled record.")
def test_cancelled_record_has_an_error(cancelled: Cancelled) -> None:
    error = cancelled.record.expect(200).json.get("error")
    require(isinstance(error, dict), f"`error` is {error!r}", cancelled.record)
    schema_errors = contract.schema_errors("CompletionError", error)
    require(not schema_errors, "; ".join(schema_errors), cancelled.record)


@rule(
    "cancel.not_a_disconnect",
    page=CANCEL,
    sentence="A requested cancel is not recorded as a disconnect of the client.",
)
def test_requested_cancel_is_not_recorded_as_a_disconnect(cancelled: Cancelled) -> None:
    code = cancelled.record.expect(200).get("error", "code")
    require(code != "cancelled_client_disconnect", f"`error.code` is {code!r}", cancelled.response, cancelled.record)


@rule(
    "cancel.receipt", page=CANCELLATION, sentence="Only tokens already generated are charged, and the receipt adds up."
)
def test_cancelled_stream_is_charged_for_generated_tokens_only(cancelled: Cancelled) -> None:
    usage = cancelled.record.expect(200).at("usage")
    parts = tokens_of(usage)
    require(usage["total_tokens"] == parts, f"total_tokens {usage['total_tokens']}, parts {parts}", cancelled.record)
    charged, summed = exact(usage["credits_charged"]), credits_of(usage["breakdown"])
    require(abs(charged - summed) <= TOLERANCE, f"credits_charged {charged}, breakdown {summed}", cancelled.record)
    tokens = usage["completion_tokens"]
    require(tokens < 400, f"all {tokens} tokens were charged", cancelled.record)


@rule("cancel.ends_the_stream", page=CANCELLATION, sentence="The cancelled stream ends.")
def test_cancel_ends_the_stream_promptly(cancelled: Cancelled) -> None:
    cancelled.response.expect(200)
    late = cancelled.seconds > ENDS_WITHIN
    require(not late, f"it went on for {cancelled.seconds:.1f} s", cancelled.response, cancelled.transcript.exchange)


@rule("cancel.content", page=CANCELLATION, sentence="The record has the text that was generated before the cancel.")
def test_cancelled_record_has_the_streamed_content(cancelled: Cancelled) -> None:
    cancelled.response.expect(200)
    recorded = cancelled.record.expect(200).at("choices", 0, "message", "content") or ""
    streamed_text = cancelled.transcript.content
    is_prefix = recorded.startswith(streamed_text) or streamed_text.startswith(recorded)
    require(
        is_prefix, f"the record has the text {recorded[:80]!r}, the stream {streamed_text[:80]!r}", cancelled.record
    )


@rule(
    "cancel.frames",
    page=CANCELLATION,
    sentence="The last frames of a cancelled stream (not documented).",
    informational=True,
)
def test_last_frames_of_a_cancelled_stream(cancelled: Cancelled) -> None:
    reasons, done = cancelled.transcript.finish_reasons, cancelled.transcript.done
    usage = "usage" if cancelled.transcript.usage else "no usage"
    inform(f"finish_reason {reasons}, {usage}, {'[DONE]' if done else 'no [DONE]'}")


@rule("cancel.twice", page=CANCEL, sentence="Cancelling again is 409 `chat_cancel_target_already_terminal`.")
def test_second_cancel_is_a_conflict(api: ApiClient, cancelled: Cancelled) -> None:
    cancelled.response.expect(200)
    before = api.retrieve(cancelled.transcript.id).expect(200)
    require_conflict_code(api.cancel(cancelled.transcript.id), "chat_cancel_target_already_terminal")
    after = api.retrieve(cancelled.transcript.id).expect(200)
    same = contract.documented("ChatCompletion", before.json) == contract.documented("ChatCompletion", after.json)
    require(same, "the second cancel changed the record", before, after)


@rule(
    "cancel.completed_stream", page=CANCEL, sentence="Cancelling a stream that has ended is 409 `..._already_terminal`."
)
def test_cancel_of_a_completed_stream_is_a_conflict(api: ApiClient, transcript: Transcript) -> None:
    require_conflict_code(api.cancel(transcript.id), "chat_cancel_target_already_terminal")
    record = api.retrieve(transcript.id).expect(200)
    require(record.at("status") == "completed", f"the record is now {record.at('status')!r}", record)


@rule(
    "cancel.not_streamed",
    page="api-reference/errors/chat_cancel_target_not_cancellable",
    sentence="A completion that was not streamed cannot be cancelled: 409 `chat_cancel_target_...`.",
)
def test_cancel_of_a_completion_without_stream_is_a_conflict(api: ApiClient, completion: Exchange) -> None:
    codes = ("chat_cancel_target_already_terminal", "chat_cancel_target_not_cancellable")
    require_conflict_code(api.cancel(completion.at("id")), *codes)
    record = api.retrieve(completion.at("id")).expect(200)
    require(record.at("status") == "completed", f"the record is now {record.at('status')!r}", record)


@rule(
    "cancel.running_not_streamed",
    page="api-reference/errors/chat_cancel_target_not_cancellable",
    sentence="A non-streamed completion that still runs cannot be cancelled: 409 `chat_cancel_target_not_cancellable`.",
)
def test_cancel_of_a_running_completion_without_stream_is_a_conflict() -> None:
    not_tested("its id is known only from its response, when it no longer runs")


@rule(
    "cancel.unknown",
    page="api-reference/errors/chat_cancel_target_not_found",
    sentence="Cancelling an unknown id is 404 `chat_cancel_target_not_found`.",
)
@pytest.mark.parametrize("unknown", [UNKNOWN_ID, "cmp_0"])
def test_cancel_of_an_unknown_id_is_not_found(api: ApiClient, unknown: str) -> None:
    require_not_found(api.cancel(unknown))


@rule(
    "cancel.other_team",
    page="api-reference/errors/chat_cancel_target_not_found",
    sentence="Another team's completion is not found either, and keeps running.",
)
def test_cancel_by_another_team_is_not_found_while_streaming(running: Running) -> None:
    if running.foreign_cancel is None:
        not_tested("needs a key of a second team: --other-api-key")
    require_not_found(running.foreign_cancel)
    transcript = running.transcript
    require(transcript.finish_reasons != ["cancelled"], "the stream was cancelled by another team", transcript.exchange)


@rule(
    "cancel.other_team",
    page="api-reference/errors/chat_cancel_target_not_found",
    sentence="Another team's completion is not found either, and keeps running.",
)
def test_cancel_by_another_team_is_not_found_after_the_end(
    api: ApiClient, completion: Exchange, transcript: Transcript
) -> None:
    other = api.as_other_team()
    for ended in (completion.at("id"), transcript.id):
        require_not_found(other.cancel(ended))


@rule(
    "cancel.no_body",
    page=CANCEL,
    sentence="Cancelling takes no body; an empty object does no harm.",
    informational=True,
)
def test_cancel_with_an_empty_object_as_body(api: ApiClient) -> None:
    response = api.send("POST", f"/v1/chat/completions/{UNKNOWN_ID}/cancel", content=b"{}")
    inform(f"with `{{}}` it is answered {response.outcome}")


@rule(
    "cancel.balance",
    page=CANCELLATION,
    sentence="A cancelled stream is charged as its record says, and its hold is released.",
)
def test_balance_after_a_cancel_falls_by_the_recorded_charge(api: ApiClient, mock_controls: MockControls) -> None:
    def spend() -> Decimal:
        # A stream ignores its key, and can be cancelled all the same.
        with running_stream(api, mock_controls, {"Idempotency-Key": str(uuid4())}, tokens=400, pace=40) as stream:
            response = api.cancel(stream.transcript.id)
            require_in_time(response, ran=was_still_running(stream))
            response.expect(200)
        return exact(wait_until_terminal(api, stream.transcript.id).at("usage", "credits_charged"))

    require_balance_change(api, spend)


@rule(
    "cancel.no_refund",
    page=CANCELLATION,
    sentence="Cancelling a completion that has ended refunds nothing.",
)
@each_mode
def test_late_cancel_refunds_nothing(
    api: ApiClient, completion: Exchange, transcript: Transcript, stream: bool
) -> None:
    ended = api.retrieve(transcript.id if stream else completion.at("id")).expect(200)
    before = settled_balance(api)
    api.cancel(ended.at("id"))
    after = settled_balance(api)
    rise = exact(after.at("credits")) - exact(before.at("credits"))
    # The team may be topped up at this moment, but hardly by this very amount.
    is_refund = rise > 0 and abs(rise - exact(ended.at("usage", "credits_charged"))) <= EXACTLY
    require(not is_refund, f"the balance has risen by {rise}, which the completion was charged", ended, before, after)


@rule(
    "disconnect.cancels",
    page=STREAMING,
    sentence="A client that hangs up cancels the completion: within 5 s its record is `cancelled`.",
)
def test_disconnect_cancels_the_completion(disconnected: Disconnected) -> None:
    record, stream = disconnected.record, disconnected.stream
    actual = f"{disconnected.seconds:.1f} s after the client left `status` is {record.at('status')!r}"
    require(record.at("status") == "cancelled", actual, stream, record)
    code = record.get("error", "code")
    require(code != "cancelled_by_request", f"nobody asked for it, and `error.code` is {code!r}", record)


@rule(
    "disconnect.charge",
    page=STREAMING,
    sentence="After a disconnect what was made until then is charged, and nothing else.",
)
def test_disconnect_is_charged_for_generated_tokens_only(disconnected: Disconnected) -> None:
    record, usage = disconnected.record, disconnected.record.at("usage")
    require(usage["total_tokens"] == tokens_of(usage), f"total_tokens is {usage['total_tokens']} in {usage}", record)
    require(usage["credits_charged"] > 0, "the tokens made until then were not charged", record)
    charged, summed = exact(usage["credits_charged"]), credits_of(usage["breakdown"])
    require(abs(charged - summed) <= TOLERANCE, f"credits_charged {charged}, breakdown {summed}", record)
    tokens = usage["completion_tokens"]
    require(tokens < disconnected.most, f"all {tokens} tokens that could be made were charged", record)


@rule("disconnect.content", page=STREAMING, sentence="The record of a completion whose client left has what was sent.")
def test_record_after_a_disconnect_has_the_content_sent(disconnected: Disconnected) -> None:
    recorded = disconnected.record.at("choices", 0, "message", "content") or ""
    sent = disconnected.text
    actual = f"the record says {recorded[:80]!r}, the stream said {sent[:80]!r}"
    require(recorded.startswith(sent), actual, disconnected.stream, disconnected.record)


def require_conflict_code(exchange: Exchange, *codes: str) -> None:
    exchange.expect(409)
    require(exchange.at("error", "code") in codes, f"the code is {exchange.at('error', 'code')!r}", exchange)
    kind = exchange.at("error", "type")
    require(kind == "invalid_request", f"the type is {kind!r}", exchange)


def require_not_found(exchange: Exchange) -> None:
    exchange.expect(404)
    code, kind = exchange.at("error", "code"), exchange.at("error", "type")
    actual = (code, kind) == ("chat_cancel_target_not_found", "not_found")
    require(actual, f"the error is {kind} {code}", exchange)

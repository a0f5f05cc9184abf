"""Faults of money: charges, holds and the balance, over all endings of a completion."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from ..application import Application
from ..changes import FAULTS
from ..completions import Completion
from ..ledger import Ledger, as_credits
from ..messages import Call, Response
from ..seams import around
from ..streams import Stream

PRICING = "api-reference/chat/pricing"
CANCELLATION = "api-reference/chat/cancellation"
BALANCE = "api-reference/public-api-v1/get-credit-balance"
When = Callable[[Completion], bool]


def _charge(application: Application, when: When, amount: Callable[[int], int]) -> None:
    """Charge some completions something else than their receipts say."""

    @around(application.chat, "settle")
    def settle(original: Any, completion: Completion) -> None:
        if completion.status != "failed" and when(completion):
            completion.team.ledger.settle(completion.id, amount(completion.charge()))
        else:
            original(completion)


@FAULTS.plant(PRICING, "spent_text", "spent_at_once")
def documents_not_charged(application: Application) -> None:
    """Completions that are not streamed are not charged."""
    _charge(application, lambda completion: not completion.request.stream, lambda charge: 0)


@FAULTS.plant(PRICING, "spent_stream", "spent_stream_tools")
def streams_not_charged(application: Application) -> None:
    """Completed streams are not charged."""
    _charge(application, lambda c: c.request.stream and c.status == "completed", lambda charge: 0)


@FAULTS.plant(PRICING, "spent_stream_tools")
def streamed_tools_charged_twice(application: Application) -> None:
    """Streams of tool calls are charged twice."""
    _charge(application, lambda c: c.request.stream and bool(c.answer.call_ids), lambda charge: 2 * charge)


@FAULTS.plant(PRICING, "spent_tools")
def tools_not_charged(application: Application) -> None:
    """Completions that call tools are not charged."""
    _charge(application, lambda c: bool(c.answer.call_ids) and not c.request.stream, lambda charge: 0)


@FAULTS.plant(PRICING, "spent_length", "spent_stream_length")
def cut_answers_not_charged(application: Application) -> None:
    """Answers cut by max_tokens are not charged."""
    _charge(application, lambda c: c.status == "completed" and c.finish_reason == "length", lambda charge: 0)


@FAULTS.plant(PRICING, "spent_stream_without_usage")
def streams_without_usage_not_charged(application: Application) -> None:
    """Streams without usage are not charged."""
    _charge(application, lambda c: not c.request.include_usage, lambda charge: 0)


@FAULTS.plant(PRICING, "spent_structured")
def structured_charged_more(application: Application) -> None:
    """Structured answers cost a thousandth of a credit more than their receipts say."""
    _charge(application, lambda c: c.request.asks_for_json, lambda charge: charge + 1000)


@FAULTS.plant(PRICING, "spent_keyed_stream", "two_keyed_streams")
def keyed_streams_charged_twice(application: Application) -> None:
    """Streams with an idempotency key are charged twice."""
    keyed: set[int] = set()

    def watch(call: Call, request: Any, answer: Any) -> None:
        if call.streams and call.idempotency_key is not None:
            keyed.add(id(answer))

    application.seams.answer.append(watch)
    _charge(application, lambda completion: id(completion.answer) in keyed, lambda charge: 2 * charge)


@FAULTS.plant(CANCELLATION, "spent_cancelled")
def cancelled_not_charged(application: Application) -> None:
    """Cancelled completions are not charged, though their receipts say so."""
    _charge(application, lambda c: c.error_code == "cancelled_by_request", lambda charge: 0)


@FAULTS.plant(CANCELLATION, "spent_cancelled")
def cancelled_charged_the_hold(application: Application) -> None:
    """Cancelled completions are charged the whole of what was held."""

    @around(application.chat, "settle")
    def settle(original: Any, completion: Completion) -> None:
        if completion.error_code == "cancelled_by_request":
            completion.team.ledger.settle(completion.id, completion.hold())
        else:
            original(completion)


@FAULTS.plant("api-reference/chat/streaming", "spent_disconnected")
def disconnected_not_charged(application: Application) -> None:
    """Completions whose client disconnects are not charged, though their receipts say so."""
    _charge(application, lambda c: c.error_code == "cancelled_client_disconnect", lambda charge: 0)


def _keep_hold(application: Application, when: When) -> None:
    """Leave the hold of some completions where it is, though they are charged."""

    @around(application.chat, "settle")
    def settle(original: Any, completion: Completion) -> None:
        held = completion.team.ledger.holds.get(completion.id)
        original(completion)
        if held is not None and when(completion):
            completion.team.ledger.holds[completion.id] = held


@FAULTS.plant(CANCELLATION, "spent_cancelled")
def hold_of_cancelled_kept(application: Application) -> None:
    """The hold of a cancelled completion is not released."""
    _keep_hold(application, lambda c: c.error_code == "cancelled_by_request")


@FAULTS.plant("api-reference/chat/streaming", "spent_disconnected")
def hold_of_disconnected_kept(application: Application) -> None:
    """The hold of a completion whose client disconnects is not released."""
    _keep_hold(application, lambda c: c.error_code == "cancelled_client_disconnect")


@FAULTS.plant(PRICING, "spent_stream", "spent_stream_tools")
def hold_of_streams_kept(application: Application) -> None:
    """The hold of a completed stream is not released."""
    _keep_hold(application, lambda c: c.request.stream and c.status == "completed")


@FAULTS.plant(PRICING, "spent_length")
def hold_of_cut_answers_kept(application: Application) -> None:
    """The hold of an answer cut by max_tokens is not released."""
    _keep_hold(application, lambda c: not c.request.stream and c.finish_reason == "length")


@FAULTS.plant("api-reference/errors/max_tokens_exceeds_hard_cap", "spent_refused_late")
def hold_of_refused_kept(application: Application) -> None:
    """A request whose max_tokens is above the hard cap leaves a hold."""

    def hold(call: Call, response: Response) -> None:
        if call.error is not None and call.error.code == "max_tokens_exceeds_hard_cap" and call.team is not None:
            call.team.ledger.hold(call.request_id, 1_000_000)

    application.seams.response.append(hold)


@FAULTS.plant("errors", "spent_refused")
def refused_charged(application: Application) -> None:
    """A refused body is charged for its prompt."""

    def charge(call: Call, response: Response) -> None:
        if call.error is not None and call.error.code == "value_out_of_range" and call.team is not None:
            call.team.ledger.settle(call.request_id, 375)

    application.seams.response.append(charge)


@FAULTS.plant(PRICING, "spent_retrieving")
def retrieving_charged(application: Application) -> None:
    """Retrieving a completion costs a ten-thousandth of a credit."""

    def charge(call: Call, response: Response) -> None:
        if call.route == "retrieve" and response.status == 200 and call.team is not None:
            call.team.ledger.settle(call.request_id, 100)

    application.seams.response.append(charge)


@FAULTS.plant(PRICING, "spent_at_once")
def charges_lost_at_once(application: Application) -> None:
    """Of charges made at the same time all but one are lost."""

    @around(application.chat, "settle")
    def settle(original: Any, completion: Completion) -> None:
        ledger: Ledger = completion.team.ledger
        credits = ledger.credits
        threading.Event().wait(0.05)
        original(completion)
        ledger.credits = credits - completion.charge()


@FAULTS.plant(BALANCE, "spent_by_other_team")
def teams_share_a_balance(application: Application) -> None:
    """What one team spends lowers the balance of the other too."""

    @around(application.chat, "settle")
    def settle(original: Any, completion: Completion) -> None:
        original(completion)
        for team in application.teams.values():
            if team is not completion.team:
                team.ledger.settle(completion.id, completion.charge())


def _balance(application: Application, edit: Callable[[Ledger, dict[str, Any]], object]) -> None:
    @around(application, "balance")
    def balance(original: Any, call: Call) -> Any:
        document = original(call)
        edit(call.team.ledger, document)  # type: ignore[union-attr]
        return document


@FAULTS.plant(BALANCE, "held")
def available_ignores_holds(application: Application) -> None:
    """available_credits is not lowered by held credits."""
    _balance(application, lambda ledger, document: document.update(available_credits=document["credits"]))


@FAULTS.plant(BALANCE, "held")
def credits_lowered_by_holds(application: Application) -> None:
    """credits is lowered by held credits already, so that they count twice."""

    def lower(ledger: Ledger, document: dict[str, Any]) -> None:
        held = sum(ledger.holds.values())
        document["credits"] = as_credits(ledger.credits - held)
        document["available_credits"] = as_credits(ledger.credits - 2 * held)

    _balance(application, lower)


@FAULTS.plant(PRICING, "held")
def nothing_held(application: Application) -> None:
    """No credits are held while a stream runs."""
    application.chat._hold = lambda completion: None  # type: ignore[method-assign]


@FAULTS.plant(BALANCE, "balance_types")
def available_negative(application: Application) -> None:
    """available_credits is below zero."""
    _balance(application, lambda ledger, document: document.update(available_credits=-1))


@FAULTS.plant(BALANCE, "balance_types")
def balance_in_strings(application: Application) -> None:
    """The figures of the balance are strings."""

    def quote(ledger: Ledger, document: dict[str, Any]) -> None:
        document["credits"] = str(document["credits"])

    _balance(application, quote)


@FAULTS.plant(BALANCE, "balance")
def currency_in_dollars(application: Application) -> None:
    """The currency of the balance is usd."""
    _balance(application, lambda ledger, document: document.update(currency="usd"))


@FAULTS.plant(BALANCE, "balance", "balance_types")
def held_credits_missing(application: Application) -> None:
    """The balance does not state held credits."""
    _balance(application, lambda ledger, document: document.pop("held_credits"))


@FAULTS.plant("errors", "poor")
def poor_stream_served(application: Application) -> None:
    """A stream that the available credits do not cover is answered."""

    @around(application.chat, "_hold")
    def hold(original: Any, completion: Completion) -> None:
        if not completion.request.stream:
            original(completion)


@FAULTS.plant("api-reference/chat/streaming", "stream_text")
def charged_after_the_stream(application: Application) -> None:
    """The receipt in the last chunk is lower than the charge in the record."""

    def lower(stream: Stream, frames: Any) -> Any:
        for frame in frames:
            if frame.kind == "last" and "usage" in frame.data and stream.kinds == {"text"}:
                frame.data["usage"]["credits_charged"] = 0.0001
            yield frame

    application.seams.frames.append(lower)

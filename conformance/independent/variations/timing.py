"""Variations in time: rate limits, slow answers, and balances that settle later."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

from ..application import Application
from ..changes import VARIATIONS
from ..completions import Completion
from ..errors import ApiError
from ..messages import Call, Request, Response
from ..rate_limits import Bucket
from ..seams import around
from ..streams import Frame, Stream

RATE_LIMITS = "rate-limits"
STREAMING = "api-reference/chat/streaming"
PRICING = "api-reference/chat/pricing"


@VARIATIONS.plant(RATE_LIMITS, "many_requests", "create_text")
def polite_rate_limit(application: Application) -> None:
    """Twenty requests may come at once, and five in a second; others are refused with Retry-After."""
    for team in application.teams.values():
        team.limits.writes = Bucket(application.clock, capacity=20, per_minute=300)


@VARIATIONS.plant("api-reference/errors/provider_rate_limited", "many_requests")
def provider_throttles(application: Application) -> None:
    """Every 25th completion is refused with 503 and Retry-After."""
    counter = itertools.count(1)

    def refuse(call: Call, request: Any) -> None:
        if next(counter) % 25 == 0:
            message = "The provider throttles the platform."
            raise ApiError("provider_rate_limited", message, headers={"Retry-After": "1"})

    application.seams.request.append(refuse)


@VARIATIONS.plant(PRICING, "spent_later", "spent_text")
def balance_settles_a_second_later(application: Application) -> None:
    """The balance falls a second after a completion has ended; until then its hold stays."""

    @around(application.chat, "settle")
    def settle(original: Any, completion: Completion) -> None:
        application.clock.after(1, lambda: original(completion))


@VARIATIONS.plant(PRICING, "spent_stream")
def holds_released_a_second_later(application: Application) -> None:
    """A charge is made at once, and the rest of the hold is released a second later."""

    @around(application.chat, "settle")
    def settle(original: Any, completion: Completion) -> None:
        ledger = completion.team.ledger
        held = ledger.holds.get(completion.id, 0)
        original(completion)
        if held and completion.request.stream:
            ledger.holds[completion.id] = held
            application.clock.after(1, lambda: ledger.release(completion.id))


@VARIATIONS.plant(RATE_LIMITS, "create_text", "models")
def slow_responses(application: Application) -> None:
    """Every response takes a fifth of a second."""

    @around(application, "handle")
    def handle(original: Any, request: Request) -> Response:
        application.clock.sleep(0.2)
        return original(request)  # type: ignore[no-any-return]


@VARIATIONS.plant(STREAMING, "stream_text", "stream_tools")
def slow_first_token(application: Application) -> None:
    """The first token of a stream takes a second, with a keep-alive before it."""

    def wait(stream: Stream, frames: Iterator[Frame]) -> Iterator[Frame]:
        for frame in frames:
            yield frame
            if frame.kind == "role":
                yield Frame("comment", "keep-alive")
                application.clock.sleep(1)

    application.seams.frames.append(wait)


@VARIATIONS.plant(STREAMING, "disconnected")
def disconnect_noticed_after_three_seconds(application: Application) -> None:
    """A completion whose client disconnects is cancelled three seconds later, within the documented five."""

    @around(application.chat, "abandon")
    def abandon(original: Any, completion: Completion) -> None:
        if completion.status == "in_progress":
            application.clock.after(3, lambda: original(completion))


@VARIATIONS.plant("api-reference/chat/cancellation", "stream_cancelled")
def cancel_takes_a_second(application: Application) -> None:
    """A cancel is answered a second after the request."""

    @around(application.chat, "cancel")
    def cancel(original: Any, call: Call) -> Response:
        response: Response = original(call)
        application.clock.sleep(1)
        return response


@VARIATIONS.plant(PRICING, "spent_idle")
def other_traffic_of_the_team(application: Application) -> None:
    """The team's other programs spend a little between any two looks at the balance."""

    @around(application, "balance")
    def balance(original: Any, call: Call) -> Any:
        call.team.ledger.settle(call.request_id, 4321)  # type: ignore[union-attr]
        return original(call)


@VARIATIONS.plant(PRICING, "spent_text")
def top_up_during_a_run(application: Application) -> None:
    """The team's credits are topped up automatically after every fourth completion."""
    counter = itertools.count(1)

    @around(application.chat, "settle")
    def settle(original: Any, completion: Completion) -> None:
        original(completion)
        if next(counter) % 4 == 1:
            completion.team.ledger.settle("top-up", -50_000_000)

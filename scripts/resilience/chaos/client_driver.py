"""What the client processes of a chaos run share: requests, settings, and messages on how each call ended."""

from __future__ import annotations

import re
import sys
import time
from types import TracebackType
from typing import Any, Final, Self

from aurous import (
    AsyncAurous,
    Aurous,
    AurousError,
    RetryPolicy,
    StreamPolicy,
    Timeouts,
    idempotency_key,
    receipt,
    response_info,
)
from aurous._config.hooks import CallDetails, Hooks
from aurous_client.models import ChatCompletion

from resilience.chaos.protocol import ENCODER, CallOutcome, Job, LedgerTotals, Message, Settlement, StreamOutcome

MODEL: Final = "aurous-grow-2.0-pro"
_NUMBERED: Final = re.compile(r"Call (\d+)\.")
_CALL_TOKENS: Final = 8


def send(outcome: Message) -> None:
    """Write a message as one line, from any thread."""
    sys.stdout.buffer.write(ENCODER.encode(outcome) + b"\n")
    sys.stdout.buffer.flush()


def request(job: Job, number: int) -> dict[str, Any]:
    """The request of a number; calls are short, streams vary in length."""
    return make_request(number, _CALL_TOKENS if job.kind == "calls" else 4 + number * 7 % 41)


def make_request(number: int, tokens: int) -> dict[str, Any]:
    """A request that carries its number, for a completion of `tokens` tokens."""
    return {
        "model": MODEL,
        "messages": [{"role": "user", "content": f"Call {number}."}],
        "max_tokens": tokens,
        "reasoning_effort": "minimal",
    }


def is_derived(number: int) -> bool:
    """Whether the caller provides the idempotency key: half of them do."""
    return number % 2 == 0


class KeyRecorder(Hooks):
    """Records the idempotency key of each call, so that it can be repeated."""

    def __init__(self) -> None:
        self.known: dict[int, str] = {}

    def on_start(self, call: CallDetails) -> None:
        completion = _NUMBERED.search((call.content or b"").decode())
        if completion and call.idempotency_key:
            self.known[int(completion[1])] = call.idempotency_key


class TimedCall:
    """Times a block, and keeps the error that ended it."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self.error: Exception | None = None
        self.elapsed = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        self.elapsed = time.monotonic() - self._began
        self.error = error if isinstance(error, Exception) else None
        return self.error is not None

    @property
    def fault(self) -> dict[str, Any]:
        """The fields of the error in a message."""
        if self.error is None:
            return {}
        message = str(self.error).splitlines()[0][:300] if str(self.error) else ""
        return {"error": type(self.error).__name__, "is_typed": isinstance(self.error, AurousError), "message": message}


class ClientDriver:
    """What drivers of both kinds of client share: the job, and the messages about it."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.keys = KeyRecorder()
        self.open_calls: list[int] = []
        self.streams: dict[int, str] = {}

    @property
    def settings(self) -> dict[str, Any]:
        timeouts = self.job.timeouts
        return {
            "base_url": self.job.url,
            "timeout": Timeouts(
                connect=timeouts.read,
                read=timeouts.read,
                write=timeouts.read,
                total=timeouts.total,
                first_event=timeouts.read,
                idle=timeouts.read,
            ),
            "retry": RetryPolicy(initial_delay=timeouts.initial_delay, quota=self.job.retry_quota),
            "streams": StreamPolicy(recover_within=timeouts.total / 2),
            "hooks": [self.keys],
        }

    def call_arguments(self, number: int) -> dict[str, Any]:
        arguments = request(self.job, number)
        if is_derived(number):
            arguments["idempotency_key"] = idempotency_key("chaos", self.job.seed, number)
        return arguments

    def send_call(self, number: int, timed: TimedCall, completion: ChatCompletion | None) -> None:
        billed = receipt(completion) if completion is not None else None
        if completion is None:
            self.open_calls.append(number)
        attempts = getattr(timed.error, "attempts", ()) if completion is None else response_info(completion).attempts
        outcome = CallOutcome(
            number=number,
            elapsed=timed.elapsed,
            key=self.keys.known.get(number),
            is_derived=is_derived(number),
            attempts=len(attempts),
            id=completion.id if completion is not None else None,
            credits=billed.credits if billed else None,
            is_replay=billed.replayed if billed else False,
            **timed.fault,
        )
        send(outcome)

    def send_stream(self, number: int, timed: TimedCall, stream: Any, text: str, recovery: str | None) -> None:
        if stream.id is not None:
            self.streams[number] = stream.id
        outcome = StreamOutcome(
            number=number,
            elapsed=timed.elapsed,
            id=stream.id,
            end=stream.end,
            recovery=recovery or (stream.recovery.outcome if stream.recovery else None),
            credits=stream.receipt.credits if stream.receipt else None,
            text=text,
            **timed.fault,
        )
        send(outcome)

    def send_settlement(self, number: int, completion: ChatCompletion) -> None:
        billed = receipt(completion)
        text = completion.choices[0].message.content or ""
        send(Settlement(number=number, id=completion.id, credits=billed.credits, text=text, is_replay=billed.replayed))

    def send_ledger(self, client: Aurous | AsyncAurous) -> None:
        ledger = client.ledger
        lines = ledger.by_model.values()
        send(
            LedgerTotals(
                credits=ledger.credits,
                calls=sum(line.calls for line in lines),
                replays=sum(line.replays for line in lines),
                unsettled=ledger.unsettled,
            )
        )

    def on_disconnect(self, number: int) -> Any:
        return "recover" if number % 3 == 0 else "raise"

    def should_recover(self, number: int, timed: TimedCall, stream: Any) -> bool:
        """Whether to recover a broken stream by hand: one in three recovers by itself, one in three is left."""
        return timed.error is not None and stream.id is not None and number % 3 == 1

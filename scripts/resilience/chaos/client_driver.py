"""What a client is asked in a trial, and how what became of it is told. Makes no call itself, and judges nothing."""

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
from aurous._client.hooks import CallDetails, Hooks
from aurous_client.models import ChatCompletion

from resilience.chaos.protocol import WRITE, Account, CallTold, Job, Settled, StreamTold, Told

MODEL: Final = "aurous-grow-2.0-pro"
_NUMBERED: Final = re.compile(r"Trial (\d+)\.")
_CALL_TOKENS: Final = 8


def tell(told: Told) -> None:
    """One line, whole, whichever thread it comes from."""
    sys.stdout.buffer.write(WRITE.encode(told) + b"\n")
    sys.stdout.buffer.flush()


def request(job: Job, number: int) -> dict[str, Any]:
    """What is asked for under a number; calls are short, streams of a length of their own."""
    return request_of(number, _CALL_TOKENS if job.kind == "calls" else 4 + number * 7 % 41)


def request_of(number: int, tokens: int) -> dict[str, Any]:
    """A question with its number, for an answer of so many tokens."""
    return {
        "model": MODEL,
        "messages": [{"role": "user", "content": f"Trial {number}."}],
        "max_tokens": tokens,
        "reasoning_effort": "minimal",
    }


def is_derived(number: int) -> bool:
    """Whether a call goes under a key of the caller's: half of them do."""
    return number % 2 == 0


class Keys(Hooks):
    """Remembers the keys that calls went under, so that they can be made again."""

    def __init__(self) -> None:
        self.known: dict[int, str] = {}

    def on_start(self, call: CallDetails) -> None:
        found = _NUMBERED.search((call.content or b"").decode())
        if found and call.idempotency_key:
            self.known[int(found[1])] = call.idempotency_key


class Watched:
    """Times what is done inside a block, and keeps the error that ended it."""

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
        """The error, as it is told."""
        if self.error is None:
            return {}
        said = str(self.error).splitlines()[0][:300] if str(self.error) else ""
        return {"error": type(self.error).__name__, "is_typed": isinstance(self.error, AurousError), "said": said}


class Subject:
    """What both kinds of client have: the job, and how what came of it is told."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.keys = Keys()
        self.open_calls: list[int] = []
        self.streams: dict[int, str] = {}

    @property
    def settings(self) -> dict[str, Any]:
        patience = self.job.patience
        return {
            "base_url": self.job.url,
            "timeout": Timeouts(
                connect=patience.read,
                read=patience.read,
                write=patience.read,
                total=patience.total,
                first_event=patience.read,
                idle=patience.read,
            ),
            "retry": RetryPolicy(initial_delay=patience.initial_delay),
            "streams": StreamPolicy(recover_within=patience.total / 2),
            "hooks": [self.keys],
        }

    def keyed(self, number: int) -> dict[str, Any]:
        asked = request(self.job, number)
        if is_derived(number):
            asked["idempotency_key"] = idempotency_key("trial", self.job.seed, number)
        return asked

    def tell_call(self, number: int, watched: Watched, found: ChatCompletion | None) -> None:
        paid = receipt(found) if found is not None else None
        if found is None:
            self.open_calls.append(number)
        attempts = getattr(watched.error, "attempts", ()) if found is None else response_info(found).attempts
        told = CallTold(
            number=number,
            elapsed=watched.elapsed,
            key=self.keys.known.get(number),
            is_derived=is_derived(number),
            attempts=len(attempts),
            id=found.id if found is not None else None,
            credits=paid.credits if paid else None,
            is_replay=paid.replayed if paid else False,
            **watched.fault,
        )
        tell(told)

    def tell_stream(self, number: int, watched: Watched, stream: Any, text: str, recovery: str | None) -> None:
        if stream.id is not None:
            self.streams[number] = stream.id
        told = StreamTold(
            number=number,
            elapsed=watched.elapsed,
            id=stream.id,
            end=stream.end,
            recovery=recovery or (stream.recovery.outcome if stream.recovery else None),
            credits=stream.receipt.credits if stream.receipt else None,
            text=text,
            **watched.fault,
        )
        tell(told)

    def tell_settled(self, number: int, found: ChatCompletion) -> None:
        paid = receipt(found)
        text = found.choices[0].message.content or ""
        tell(Settled(number=number, id=found.id, credits=paid.credits, text=text, is_replay=paid.replayed))

    def tell_account(self, client: Aurous | AsyncAurous) -> None:
        ledger = client.ledger
        lines = ledger.by_model.values()
        tell(
            Account(
                credits=ledger.credits,
                calls=sum(line.calls for line in lines),
                replays=sum(line.replays for line in lines),
                unsettled=ledger.unsettled,
            )
        )

    def on_disconnect(self, number: int) -> Any:
        return "recover" if number % 3 == 0 else "raise"

    def asks_afterwards(self, number: int, watched: Watched, stream: Any) -> bool:
        """Whether to ask what became of a broken stream: one in three goes on by itself, one is left as it is."""
        return watched.error is not None and stream.id is not None and number % 3 == 1

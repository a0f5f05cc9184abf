"""Decides what a batch does next: which request it starts, when, and what follows from how it ends.

Its only I/O is the checkpoint's. The drivers, `sync` and `async_`, make the calls and wait.
"""

from __future__ import annotations

import time
import warnings
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from aurous_client.api.chat.create_chat_completion import OPERATION
from aurous_client.errors import EncodeError
from aurous_client.models import ChatCompletion
from aurous_client.operations import Response

from .._request.response import response_info
from ..billing.receipts import receipt, receipt_of_error
from ..errors import APIResponseValidationError, AurousError, BudgetExceededError
from ..types import Attempt
from .checkpoint import Checkpoint
from .delivery import Delivery
from .journal import new_job
from .line_reader import LineReader, Signal
from .outages import OutageDetector
from .pace import Pace
from .request_forms import BatchRequest, InvalidLine, RequestForms
from .results import BatchResult, error_result, invalid_result
from .settings import Settings
from .summary import Summary

KEY_LIFETIME: Final = 23 * 3600.0
"""Seconds for which the server certainly knows a key: 24 hours, less what a call may take."""

_POLL_SECONDS: Final = 600.0
_FIRST_POLL: Final = 0.5
_MAX_POLL: Final = 8.0


_THROTTLED: Final = "provider_rate_limited"


class ReleasedError(BaseException):
    """A call would wait for its next attempt, and the batch was stopped: its line is left for a later run.

    Not an Exception, since no hook may end a call by one.
    """


class BatchWarning(UserWarning):
    """A line is sent again after its key has expired, so that it may be charged twice."""


@dataclass(slots=True)
class InFlight:
    """A request that was started."""

    request: BatchRequest
    place: int
    """Of its result among the others."""
    started: float
    sent_at: float
    """Unix time."""
    reserved: float
    """The tokens that the pace took for it."""
    is_repeated: bool = False
    """Whether it failed before, when nothing else succeeded either."""


Step: TypeAlias = "InFlight | list[BatchResult] | float | Signal"
"""What to do: send, deliver, wait for so many seconds, or as the signal says."""
Outcome: TypeAlias = "Response[ChatCompletion] | AurousError | EncodeError"


class Scheduler:
    """The state of a running batch. Not safe between threads: a driver calls it from one at a time.

    pull:  returns the next line, or its value; or a signal
    clock: monotonic seconds

    Raises ConfigurationError for a template that is not valid.
    """

    def __init__(self, settings: Settings, pull: Callable[[], Any], clock: Callable[[], float]) -> None:
        self.summary = Summary()
        self._checkpoint: Checkpoint | None = None
        self.error: BaseException | None = None
        """Why the batch ended early; to be raised once all results are delivered."""
        self.pace = Pace(settings.concurrency, share=settings.share)
        self._settings = settings
        self._pull = pull
        self._clock = clock
        self._began = clock()
        self._outages = OutageDetector()
        # Requests that failed when nothing else succeeded either, to be sent once more.
        self._ambiguous: deque[InFlight] = deque()
        self.is_stopped = False
        """Whether nothing more is to be started, though there may be more lines."""
        self.is_released = False
        """Whether the caller stopped it, so that no call is to wait for its next attempt."""
        self._has_abandoned = False
        self._is_budget_spent = False
        self._begin(settings.job or "", None)

    def open(self) -> None:
        """Open the checkpoint, if there is one. Raises CheckpointError, or OSError if it cannot be written."""
        settings = self._settings
        if settings.checkpoint is None:
            self._begin(settings.job or new_job(), None)
        else:
            checkpoint = Checkpoint(settings.checkpoint, job=settings.job, retry_failed=settings.retry_failed)
            self.summary.job_credits = checkpoint.credits
            self.summary.failed_before = checkpoint.failed
            self._begin(checkpoint.job, checkpoint)
        self._began = self._clock()

    def close(self) -> None:
        """Close the checkpoint."""
        if self._checkpoint is not None:
            self._delivery.flush()
            self._checkpoint.close(is_complete=self.is_complete)
            self._checkpoint = None

    def _begin(self, job: str, checkpoint: Checkpoint | None) -> None:
        settings = self._settings
        self.job = job
        self._checkpoint = checkpoint
        forms = RequestForms(job=job, model=settings.model, system=settings.system, template=settings.template)
        self._lines = LineReader(self._pull, forms, checkpoint, self.summary)
        self._delivery = Delivery(checkpoint, ordered=settings.ordered)

    @property
    def has_answers(self) -> bool:
        """Whether the server has answered a call of this run."""
        return self._outages.has_succeeded

    @property
    def is_complete(self) -> bool:
        """Whether every line was sent, and has ended."""
        has_started_all = self._lines.is_finished and not self._ambiguous and not self._has_abandoned
        return has_started_all and not self.summary.in_flight and self.error is None

    def stop(self, error: BaseException | None = None) -> None:
        """Start nothing more. error: why, unless something else was the reason already; None if the caller wants it"""
        self.is_stopped = True
        self.is_released = self.is_released or error is None
        if self.error is None:
            self.error = error

    def observe(self, attempt: Attempt) -> None:
        """An attempt has ended. Raises ReleasedError if its call is not to wait for the next one."""
        self.summary.observe(attempt)
        if attempt.status_code == 429 or attempt.code == _THROTTLED:
            self.pace.refuse(self._clock(), attempt.delay or 0.0)
        if attempt.delay is not None and self.is_released:
            raise ReleasedError

    def step(self) -> Step:
        """What to do next. A request that is returned has started, and must be passed to `finish` or `cancel`."""
        now = self._clock()
        self.summary.seconds = now - self._began
        if self.is_stopped:
            return self._abandon() or Signal.FINISHED
        repeats = self._may_repeat()
        line: BatchRequest | InvalidLine | None = None
        if not repeats:
            if self._delivery.backlog >= self._settings.concurrency:
                return Signal.BLOCKED
            try:
                found = self._lines.peek()
            except Exception as error:
                self.stop(error)
                return Signal.FINISHED
            if isinstance(found, Signal):
                return Signal.BLOCKED if self._ambiguous else found
            line = found
        if isinstance(line, InvalidLine):
            self._lines.take()
            return self._reject(line)
        budget = self._settings.limit
        if budget is not None and self.summary.job_credits >= budget:
            self._is_budget_spent = True
            self.stop(self._budget_error())
            return Signal.FINISHED
        delay = self.pace.delay(now, self.summary.in_flight)
        if delay is None:
            return Signal.BLOCKED
        if delay > 0:
            return delay
        if line is None:
            return self._repeat(now)
        self._lines.take()
        return self._start(line, now)

    def finish(self, flight: InFlight, outcome: Outcome) -> list[BatchResult]:
        """A call has ended. Returns the results to deliver now; none if the batch stops because of it."""
        now = self._clock()
        self.summary.in_flight -= 1
        self.summary.seconds = now - self._began
        if isinstance(outcome, Response):
            return self._deliver(flight.place, self._answer(flight, outcome, now))
        self.pace.fail(flight.reserved)
        self.summary.count_attempts(tuple(getattr(outcome, "attempts", ())))
        self._outages.record_failure(outcome)
        if self._outages.is_ambiguous(outcome, flight.started) and not flight.is_repeated:
            self._ambiguous.append(flight)
            return []
        if self._outages.ends_batch(outcome, flight.started):
            self.stop(outcome)
            return self._deliver(flight.place, None)
        self.summary.failed += 1
        price = receipt_of_error(outcome, OPERATION) if isinstance(outcome, APIResponseValidationError) else None
        if price is not None:
            self.summary.count_receipt(price)
        result = error_result(flight.request, outcome, self.job, flight.sent_at, receipt=price)
        return self._deliver(flight.place, result)

    def cancel(self, flight: InFlight) -> list[BatchResult]:
        """A call was cancelled; its line is left for a later run. Returns the results that waited for their turn."""
        self._has_abandoned = True
        self.summary.in_flight -= 1
        self.pace.fail(flight.reserved)
        return self._deliver(flight.place, None)

    def poll_delay(self, flight: InFlight, polls: int) -> float | None:
        """Seconds until sending again what an earlier run, or a duplicate, still has in flight; None to give up."""
        if self._clock() - flight.started > _POLL_SECONDS:
            return None
        return min(_FIRST_POLL * 2.0 ** min(polls, 10), _MAX_POLL)

    def _start(self, request: BatchRequest, now: float) -> InFlight:
        sent_at = time.time()
        if self._checkpoint is not None:
            warn_of_second_charge(self._checkpoint, request, sent_at)
            self._checkpoint.start(request.number, sent_at)
        self.summary.in_flight += 1
        return InFlight(request, self._delivery.reserve(), now, sent_at, self.pace.start())

    def _budget_error(self) -> BudgetExceededError:
        credits = self.summary.job_credits
        return BudgetExceededError(f"the budget of {self._settings.limit} credits is spent ({credits:f})")

    def _may_repeat(self) -> bool:
        """Whether to send an ambiguous request again now: those in flight with it have ended, or one has succeeded."""
        if not self._ambiguous:
            return False
        return not self.summary.in_flight or self._outages.has_succeeded_since(self._ambiguous[0].started)

    def _abandon(self) -> list[BatchResult]:
        """Repeat nothing, since the batch was stopped. Returns the results that waited for their turn behind it."""
        ready: list[BatchResult] = []
        while self._ambiguous:
            self._has_abandoned = True
            ready += self._deliver(self._ambiguous.popleft().place, None)
        return ready

    def _repeat(self, now: float) -> InFlight:
        flight = self._ambiguous.popleft()
        self.summary.in_flight += 1
        flight.started, flight.reserved, flight.is_repeated = now, self.pace.start(), True
        return flight

    def _reject(self, line: InvalidLine) -> list[BatchResult]:
        self.summary.failed += 1
        self.summary.invalid += 1
        return self._deliver(self._delivery.reserve(), invalid_result(line, self.job, time.time()))

    def _answer(self, flight: InFlight, response: Response[ChatCompletion], now: float) -> BatchResult:
        request, info = flight.request, response_info(response.parsed)
        price = receipt(response.parsed)
        self._outages.record_success(now)
        self.pace.succeed(
            now,
            requests=info.requests_per_minute,
            tokens=info.tokens_per_minute,
            reserved=flight.reserved,
            used=0 if price.replayed else price.total_tokens,
        )
        self.summary.count_answer(price, info.attempts, now - flight.started)
        if self._is_budget_spent:
            # With what was in flight when it was spent.
            self.error = self._budget_error()
        return BatchResult(
            number=request.number,
            custom_id=request.custom_id,
            idempotency_key=request.key,
            completion=response.parsed,
            receipt=price,
            job=self.job,
            sent_at=flight.sent_at,
            response=response,
        )

    def _deliver(self, place: int, result: BatchResult | None) -> list[BatchResult]:
        ready = self._delivery.put(place, result)
        if self._delivery.error is not None:
            self.stop(self._delivery.error)
        return ready


def warn_of_second_charge(checkpoint: Checkpoint, request: BatchRequest, now: float) -> None:
    """Issue a BatchWarning if an earlier run may have sent a request so long ago that its key has expired."""
    earlier = checkpoint.sent_before(request.number)
    if earlier is not None and now - earlier > KEY_LIFETIME:
        warnings.warn(
            f"{request.unit} {request.number} ({request.custom_id}) was in flight when an earlier run ended, "
            f"{(now - earlier) / 3600:.0f} hours ago: sending it again may charge it a second time",
            BatchWarning,
            stacklevel=2,
        )

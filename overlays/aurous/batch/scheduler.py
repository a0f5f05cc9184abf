"""Decides what a batch does next: which line it sends, when, and what follows from its result. Its only I/O is files.

The drivers, for threads and for tasks, make the calls and wait.
"""

from __future__ import annotations

import time
import warnings
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final, TypeAlias

from aurous_client.errors import EncodeError
from aurous_client.models import ChatCompletion
from aurous_client.operations import Response

from .._request.response import response_info
from ..billing.receipts import receipt
from ..errors import (
    APIConnectionError,
    AurousError,
    AuthenticationError,
    BalanceTooLowError,
    BudgetExceededError,
    ConfigurationError,
    PermissionDeniedError,
    RateLimitError,
    ServerError,
)
from .checkpoint import Checkpoint
from .journal import new_job
from .pace import Pace
from .request_forms import BatchRequest, InvalidLine, Line, ReadLine, RequestForms
from .results import BatchResult, error_result, invalid_result
from .settings import Settings
from .summary import Summary

KEY_LIFETIME: Final = 23 * 3600.0
"""Seconds for which the server certainly knows a key: 24 hours, less what a call may take."""

# Errors that the next line would meet as well.
_FATAL: Final = (
    AuthenticationError,
    BalanceTooLowError,
    BudgetExceededError,
    ConfigurationError,
    PermissionDeniedError,
)
# Errors that others meet as well, if they are not those of a single line.
_GENERAL: Final = (APIConnectionError, RateLimitError, ServerError)
_OUTAGE_FAILURES: Final = 3
_POLL_SECONDS: Final = 600.0
_FIRST_POLL: Final = 0.5
_MAX_POLL: Final = 8.0


class Signal(Enum):
    """Why there is no request to start."""

    BLOCKED = "something has to end first, or the next line to arrive"
    FINISHED = "there will be none"


class BatchWarning(UserWarning):
    """A line is sent again after its key has expired, so that it may be charged twice."""


@dataclass(slots=True)
class InFlight:
    """A request that was started."""

    request: BatchRequest
    sequence: int
    started: float
    asked_at: float
    reserved: float
    is_repeated: bool = False
    """Whether it failed before, when nothing else succeeded either."""


Step: TypeAlias = "InFlight | list[BatchResult] | float | Signal"
"""What to do: ask, deliver, wait for so many seconds, or as the signal says."""
Outcome: TypeAlias = "Response[ChatCompletion] | AurousError | EncodeError"


class Scheduler:
    """The state of a running batch. Not safe between threads: a driver calls it from one at a time.

    pull:  the next line, or value of a line; or a signal
    clock: monotonic seconds
    """

    def __init__(self, settings: Settings, pull: Callable[[], Any], clock: Callable[[], float]) -> None:
        self.summary = Summary()
        self.error: BaseException | None = None
        """Why the batch ended early; to be raised once all results are delivered."""
        self.pace = Pace(settings.concurrency, share=settings.share)
        self.job = settings.job or ""
        self._settings = settings
        # Checks the template before anything is opened.
        self._forms = self._make_forms()
        self._pull = pull
        self._clock = clock
        self._checkpoint: Checkpoint | None = None
        self._began = clock()
        self._last_success = float("-inf")
        self._is_stopped = False
        self._is_exhausted = False
        self._number = 0
        self._sequence = 0
        self._delivered = 0
        self._held: dict[int, BatchResult | None] = {}
        self._next_line: ReadLine | None = None
        self._suspects: deque[InFlight] = deque()
        self._failures_in_row = 0

    def open(self) -> None:
        """Open the checkpoint, if there is one. Raises CheckpointError, or OSError if it cannot be written."""
        settings = self._settings
        if settings.checkpoint is not None:
            self._checkpoint = Checkpoint(settings.checkpoint, job=settings.job, retry_failed=settings.retry_failed)
            self.job = self._checkpoint.job
            self.summary.job_credits = self._checkpoint.credits
        else:
            self.job = settings.job or new_job()
        self._forms = self._make_forms()
        self._began = self._clock()

    def close(self) -> None:
        """Close the checkpoint."""
        if self._checkpoint is not None:
            # Answers to lines after one that was abandoned.
            for held in self._held.values():
                if held is not None:
                    self._store(held)
            self._held.clear()
            self._checkpoint.close(is_complete=self.is_complete)
            self._checkpoint = None

    @property
    def has_answers(self) -> bool:
        """Whether the server has answered a call of this run."""
        return self._last_success > float("-inf")

    @property
    def is_complete(self) -> bool:
        """Whether every line was asked, and has ended."""
        has_begun_all = self._is_exhausted and self._next_line is None and not self._suspects
        return has_begun_all and not self.summary.in_flight and self.error is None

    def stop(self, error: BaseException | None = None) -> None:
        """Start nothing more. error: why, unless something else was the reason already"""
        self._is_stopped = True
        if self.error is None:
            self.error = error

    def step(self) -> Step:
        """What to do next. A request that is returned has started, and must be passed to `finish` or `abandon`."""
        now = self._clock()
        self.summary.seconds = now - self._began
        if self._is_stopped:
            return Signal.FINISHED
        repeats = self._may_repeat()
        if not repeats and self._settings.ordered and self._sequence - self._delivered >= self._settings.concurrency:
            return Signal.BLOCKED
        if self._next_line is None and not repeats:
            line = self._read_line()
            if isinstance(line, Signal):
                return Signal.BLOCKED if self._suspects else line
            self._next_line = line
        if isinstance(self._next_line, InvalidLine):
            invalid, self._next_line = self._next_line, None
            return self._reject(invalid)
        budget = self._settings.limit
        if budget is not None and self.summary.job_credits >= budget:
            self.stop(BudgetExceededError(f"the budget of {budget} credits is spent ({self.summary.job_credits:f})"))
            return Signal.FINISHED
        delay = self.pace.delay(now, self.summary.in_flight)
        if delay is None:
            return Signal.BLOCKED
        if delay > 0:
            return delay
        if repeats:
            return self._repeat(self._suspects.popleft(), now)
        assert self._next_line is not None
        request, self._next_line = self._next_line, None
        return self._start(request, now)

    def finish(self, flight: InFlight, outcome: Outcome) -> list[BatchResult]:
        """A call has ended. Returns the results to deliver now: none, and the batch stops, if they cannot be stored."""
        now = self._clock()
        self.summary.in_flight -= 1
        self.summary.seconds = now - self._began
        if isinstance(outcome, _GENERAL):
            self._failures_in_row += 1
            if self._last_success < flight.started and not self._is_outage(outcome) and not flight.is_repeated:
                self.pace.fail(flight.reserved)
                self._suspects.append(flight)
                return []
        return self._deliver(flight.sequence, self._result(flight, outcome, now))

    def abandon(self, flight: InFlight) -> None:
        """A call was cancelled."""
        self.summary.in_flight -= 1
        self.pace.fail(flight.reserved)

    def poll_delay(self, flight: InFlight, polls: int) -> float | None:
        """Seconds until asking again for what an earlier run, or a duplicate, still has in flight; None to give up."""
        if self._clock() - flight.started > _POLL_SECONDS:
            return None
        return min(_FIRST_POLL * 2.0 ** min(polls, 10), _MAX_POLL)

    def _read_line(self) -> ReadLine | Signal:
        """The next line that has no record yet."""
        if self._is_exhausted:
            return Signal.FINISHED
        while True:
            try:
                item = self._pull()
            except Exception as error:
                self.stop(error)
                return Signal.FINISHED
            if item is Signal.FINISHED:
                self._is_exhausted = True
            if isinstance(item, Signal):
                return item
            number, value = item if isinstance(item, Line) else (self._number + 1, item)
            self._number = number
            line = self._forms.read(number, value)
            try:
                if self._checkpoint is None or not self._checkpoint.check(number, line.key):
                    return line
            except ConfigurationError as error:
                self.stop(error)
                return Signal.FINISHED
            self.summary.skipped += 1

    def _start(self, request: BatchRequest, now: float) -> InFlight:
        asked_at = time.time()
        if self._checkpoint is not None:
            before = self._checkpoint.asked_before(request.number)
            if before is not None and asked_at - before > KEY_LIFETIME:
                warnings.warn(
                    f"line {request.number} ({request.custom_id}) was in flight when an earlier run ended, "
                    f"{(asked_at - before) / 3600:.0f} hours ago: asking it again may charge it a second time",
                    BatchWarning,
                    stacklevel=2,
                )
            self._checkpoint.start(request.number, asked_at)
        self.summary.in_flight += 1
        self._sequence += 1
        return InFlight(request, self._sequence, now, asked_at, self.pace.start())

    def _repeat(self, flight: InFlight, now: float) -> InFlight:
        """Start a request again that failed together with others."""
        self.summary.in_flight += 1
        flight.started, flight.reserved, flight.is_repeated = now, self.pace.start(), True
        return flight

    def _may_repeat(self) -> bool:
        """Whether to start a request again now: what was in flight with it has ended, or one of these succeeded."""
        if not self._suspects:
            return False
        return not self.summary.in_flight or self._last_success >= self._suspects[0].started

    def _make_forms(self) -> RequestForms:
        settings = self._settings
        return RequestForms(job=self.job, model=settings.model, system=settings.system, template=settings.template)

    def _reject(self, line: InvalidLine) -> list[BatchResult]:
        result = invalid_result(line, self.job, time.time())
        self.summary.failed += 1
        self.summary.invalid += 1
        self._sequence += 1
        return self._deliver(self._sequence, result)

    def _result(self, flight: InFlight, outcome: Outcome, now: float) -> BatchResult | None:
        """The result of a call; None if it has none, and the batch stops."""
        request = flight.request
        if isinstance(outcome, Response):
            return self._answer(flight, outcome, now)
        self.pace.fail(flight.reserved)
        self.summary.count_attempts(tuple(getattr(outcome, "attempts", ())))
        if isinstance(outcome, _FATAL) or (self._last_success < flight.started and self._is_outage(outcome)):
            self.stop(outcome)
            return None
        self.summary.failed += 1
        return error_result(request, outcome, self.job, flight.asked_at)

    def _answer(self, flight: InFlight, response: Response[ChatCompletion], now: float) -> BatchResult:
        request, info = flight.request, response_info(response.parsed)
        price = receipt(response.parsed)
        self._last_success = now
        self._failures_in_row = 0
        self.pace.succeed(
            now,
            requests=info.requests_per_minute,
            tokens=info.tokens_per_minute,
            reserved=flight.reserved,
            used=0 if price.replayed else price.total_tokens,
        )
        self.summary.count_answer(price, info.attempts, now - flight.started)
        return BatchResult(
            number=request.number,
            custom_id=request.custom_id,
            idempotency_key=request.key,
            completion=response.parsed,
            receipt=price,
            job=self.job,
            asked_at=flight.asked_at,
            response=response,
        )

    def _is_outage(self, error: object) -> bool:
        """Whether calls fail one after another, so that the next ones would, too."""
        if isinstance(error, APIConnectionError) and not error.sent and not self.has_answers:
            # A wrong address, most likely.
            return True
        return isinstance(error, _GENERAL) and self._failures_in_row >= _OUTAGE_FAILURES

    def _store(self, result: BatchResult) -> bool:
        """Write a result to the checkpoint. If that fails, the batch stops."""
        if self._checkpoint is None:
            return True
        try:
            self._checkpoint.write(result.to_json())
        except OSError as error:
            self.stop(error)
            return False
        return True

    def _deliver(self, sequence: int, result: BatchResult | None) -> list[BatchResult]:
        """Store what may be delivered now. Returns it, but for what could not be stored."""
        if not self._settings.ordered:
            self._delivered += 1
            return [result] if result is not None and self._store(result) else []
        self._held[sequence] = result
        ready: list[BatchResult] = []
        while self._delivered + 1 in self._held:
            self._delivered += 1
            held = self._held.pop(self._delivered)
            if held is not None and self._store(held):
                ready.append(held)
        return ready


def pull_from(iterator: Iterator[Any]) -> Callable[[], Any]:
    """A function that pulls from an iterator."""
    return lambda: next(iterator, Signal.FINISHED)

"""Runs a batch in threads: `run`."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import suppress
from contextvars import copy_context
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Self

from aurous_client.api.chat.create_chat_completion import OPERATION
from aurous_client.errors import EncodeError

from .._config.policies import RetryPolicy
from ..errors import AurousError, IdempotencyKeyInUseError
from ..types import Attempt
from .base import BaseBatch
from .line_reader import Signal
from .results import BatchResult
from .scheduler import InFlight, Outcome, ReleasedError, Step
from .settings import Settings

if TYPE_CHECKING:
    from .._client.client import Aurous

_INPUT_SECONDS: Final = 2.0
"""For how long a batch that ends waits for the input to give the line that it was asked for."""


def run(
    client: Aurous,
    requests: Iterable[Any],
    *,
    job: str | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    model: str | None = None,
    system: str | None = None,
    template: str | None = None,
    concurrency: int = 64,
    share: float = 1.0,
    budget: Decimal | str | int | None = None,
    ordered: bool = False,
    retry_failed: bool = False,
    retry: RetryPolicy | None = None,
) -> Batch:
    """Send many requests, as fast as the rate limits allow. Returns an iterator of `BatchResult`, as they end.

        for result in run(client, ["What is 1 + 1?", "What is 2 + 2?"], model="aurous-grow-2.0-pro"):
            print(result.text or result.error)

    Memory is constant, so `requests` can be endless, and it may wait for the results of earlier ones: it is read by one
    thread at a time, while others send. A request is a prompt, a dict such as the body of a chat
    completion, `{"prompt": ...}`, a row for the template, or OpenAI's batch form; `InputFile` reads files of them.

    job:          makes the idempotency keys, with `custom_id` and body of each line; the same job sent again within 24
                  hours is not charged again. By default that of the checkpoint, or a new one
    checkpoint:   the output file. Lines that it has are not sent again, and give no results; `read` reads it
    model:        for requests that name none
    system:       instructions that go before the messages of requests that have none
    template:     makes a prompt of each row, such as `Translate {text}`
    concurrency:  the most requests at once, 10,000 at most; how many there are depends on what the server refuses
    share:        the part of the rate limits that this process may use, where several work on one job
    budget:       credits; no line is started once the job has spent them, with what earlier runs spent. Those in flight
                  then, `concurrency` at most, can exceed it, each by its own price
    ordered:      deliver and store the results in the order of the requests
    retry_failed: send the lines of the checkpoint again that failed
    retry:        how each call is retried, instead of 10 times without a quota

    A request that fails is a result with an error. What every other request would meet as well ends the iteration with
    an exception, after the results of all that were in flight: AuthenticationError, PermissionDeniedError,
    BalanceTooLowError, an outage that outlasts the retries, BudgetExceededError, OSError of the checkpoint. Run again,
    the job goes on. Raises CheckpointError for a checkpoint of another job or of other requests, and ConfigurationError
    for invalid arguments.
    """
    settings = Settings(
        job=job,
        checkpoint=checkpoint,
        model=model,
        system=system,
        template=template,
        concurrency=concurrency,
        share=share,
        budget=budget,
        ordered=ordered,
        retry_failed=retry_failed,
        retry=retry,
    )
    return Batch(client, requests, settings)


class Batch(BaseBatch):
    """A batch for threads. Made by `run`; iterate over it once for the results.

    However the iteration ends, the requests in flight are waited for, and stored; none that fails then is repeated. An
    input that gives no line is waited for no longer than two seconds.
    """

    def __init__(
        self,
        client: Aurous,
        requests: Iterable[Any],
        settings: Settings,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._source = _Source(iter(requests))
        super().__init__(settings, self._source, clock)
        self._lock = threading.RLock()
        self._changed = threading.Condition(self._lock)
        self._arrived = threading.Condition(self._lock)
        # Only one thread at a time waits for what it may start.
        self._turn = threading.Lock()
        self._first_client, self._client = settings.clients(client, self._observe)
        self._failure: BaseException | None = None
        self._closing = threading.Event()
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []

    def stop(self) -> None:
        """Start no more requests. The iteration ends when those in flight have ended.

        One that fails from now on is not repeated: its line is left for a later run. One that has failed, and waits for
        its next attempt, still makes that; one that waits for an earlier one with its key does not.
        """
        self._stopping.set()
        with self._lock:
            self._scheduler.stop()
            self._changed.notify_all()
            self._arrived.notify_all()

    def __iter__(self) -> Iterator[BatchResult]:
        self._begin()
        # Not kept: once the loop that has it is left, it is closed.
        return self._iterate()

    def close(self) -> None:
        """Wait for the requests in flight, and close the checkpoint. Leaving a loop early does so, too."""
        self._closing.set()
        self._stopping.set()
        with self._lock:
            if not self._scheduler.is_complete:
                self._scheduler.stop()
            self._changed.notify_all()
            reader = self._source.reader
        for thread in self._threads:
            # One that was not started, for want of memory or since Ctrl-C came first, has nothing to wait for.
            with suppress(RuntimeError):
                # The input may wait for what will not come any more, such as results.
                thread.join(_INPUT_SECONDS if thread is reader else None)
        self._scheduler.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _iterate(self) -> Generator[BatchResult, None, None]:
        self._scheduler.open()
        try:
            self._working = self._concurrency
            for number in range(self._concurrency):
                # A context can be entered by one thread at a time.
                target, name = partial(copy_context().run, self._work), f"aurous-batch-{number}"
                self._threads.append(threading.Thread(target=target, name=name, daemon=True))
            for thread in self._threads:
                thread.start()
            while (result := self._take()) is not None:
                yield result
        finally:
            self.close()
        error = self._failure or self._scheduler.error
        if error is not None:
            raise error

    def _take(self) -> BatchResult | None:
        """The next result, as soon as there is one; None after the last."""
        with self._lock:
            while not self._ready and self._may_deliver:
                self._arrived.wait()
            if not self._ready:
                return None
            self._changed.notify_all()
            return self._ready.popleft()

    @property
    def _may_deliver(self) -> bool:
        """Whether a thread is at work that may have a result: not the one that reads, if the batch was stopped."""
        is_reading_in_vain = self._scheduler.is_stopped and self._source.reader is not None
        return self._working > (1 if is_reading_in_vain else 0)

    def _work(self) -> None:
        """Send one request after another."""
        try:
            while (flight := self._next()) is not None:
                try:
                    outcome = self._send(flight)
                except ReleasedError:
                    with self._lock:
                        self._deliver(self._scheduler.cancel(flight))
                        self._changed.notify_all()
                    continue
                except BaseException:
                    with self._lock:
                        self._scheduler.cancel(flight)
                    raise
                with self._lock:
                    self._deliver(self._scheduler.finish(flight, outcome))
                    self._changed.notify_all()
        except BaseException as error:
            self._failure = error
            with self._lock:
                self._scheduler.stop(error)
                self._changed.notify_all()
        finally:
            with self._lock:
                self._working -= 1
                self._arrived.notify_all()

    def _next(self) -> InFlight | None:
        """The next request, once it may start; None if there is none."""
        while True:
            with self._turn, self._lock:
                step = self._step()
                while not (_is_last(step) or self._source.claim()):
                    if not isinstance(step, list):
                        self._changed.wait(step if isinstance(step, float) else None)
                    step = self._step()
            is_reading = not _is_last(step)
            while is_reading:
                # Not locked, and without the turn: the input may wait for a result, which others have to deliver.
                self._source.read()
                with self._lock:
                    self._source.release()
                    if self._closing.is_set():
                        return None
                    step = self._step()
                    is_reading = not _is_last(step) and self._source.claim()
                    if not is_reading:
                        self._changed.notify_all()
            if _is_last(step):
                return step if isinstance(step, InFlight) else None

    def _step(self) -> Step:
        """What to do next; results are delivered already."""
        # Results that are not consumed must not pile up.
        has_room = len(self._ready) < self._concurrency or self._closing.is_set()
        step = self._scheduler.step() if has_room else Signal.BLOCKED
        if isinstance(step, list):
            self._deliver(step)
        return step

    def _deliver(self, results: list[BatchResult]) -> None:
        if results:
            self._ready.extend(results)
            self._arrived.notify_all()

    def _send(self, flight: InFlight) -> Outcome:
        request, polls = flight.request.for_client(), 0
        while True:
            client = self._client if self._scheduler.has_answers else self._first_client
            try:
                return client.call(OPERATION, request)
            except IdempotencyKeyInUseError as error:
                delay = self._scheduler.poll_delay(flight, polls)
                if delay is None:
                    return error
            except (AurousError, EncodeError) as error:
                return error
            polls += 1
            if self._stopping.wait(delay):
                raise ReleasedError

    def _observe(self, attempt: Attempt) -> None:
        with self._lock:
            self._scheduler.observe(attempt)


def _is_last(step: Step) -> bool:
    return isinstance(step, InFlight) or step is Signal.FINISHED


class _Source:
    """The lines of an iterable, read on demand by one thread at a time. Locked by the batch, except for `read`."""

    def __init__(self, lines: Iterator[Any]) -> None:
        self.reader: threading.Thread | None = None
        """The thread that is reading, if there is one."""
        self._lines = lines
        self._line: Any = Signal.BLOCKED
        self._error: BaseException | None = None
        self._is_wanted = False

    def __call__(self) -> Any:
        """The line that was read; or a signal, BLOCKED if it has to be read first. Raises what the iterable raised."""
        if self._error is not None:
            raise self._error
        line, self._line = self._line, Signal.BLOCKED
        self._is_wanted = line is Signal.BLOCKED
        return line

    def claim(self) -> bool:
        """Whether a line is wanted, and the calling thread is the one to read it; it must then `release`."""
        if not self._is_wanted or self.reader is not None:
            return False
        self.reader = threading.current_thread()
        return True

    def read(self) -> None:
        """Read a line, for however long that takes."""
        try:
            self._line = next(self._lines, Signal.FINISHED)
        except BaseException as error:
            self._error = error

    def release(self) -> None:
        self.reader = None
        self._is_wanted = False

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
from typing import TYPE_CHECKING, Any, Self

from aurous_client.api.chat.create_chat_completion import OPERATION
from aurous_client.errors import EncodeError

from .._config.policies import RetryPolicy
from ..errors import AurousError, IdempotencyKeyInUseError
from .base import BaseBatch
from .line_reader import Signal, pull_from
from .results import BatchResult
from .scheduler import InFlight, Outcome
from .settings import Settings

if TYPE_CHECKING:
    from .._client.client import Aurous


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

    Memory is constant, so `requests` can be endless. A request is a prompt, a dict such as the body of a chat
    completion, `{"prompt": ...}`, a row for the template, or OpenAI's batch form; `InputFile` reads files of them.

    job:          makes the idempotency keys, with `custom_id` and body of each line; the same job sent again within 24
                  hours is not charged again. By default that of the checkpoint, or a new one
    checkpoint:   the output file. Lines that it has are not sent again, and give no results; `read` reads it
    model:        for requests that name none
    system:       instructions that go before the messages of requests that have none
    template:     makes a prompt of each row, such as `Translate {text}`
    concurrency:  the most requests at once; how many there are depends on what the server refuses
    share:        the part of the rate limits that this process may use, where several work on one job
    budget:       credits; nothing is started once the job has spent them, with what earlier runs spent
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

    However the iteration ends, the requests in flight are waited for, and stored.
    """

    def __init__(
        self,
        client: Aurous,
        requests: Iterable[Any],
        settings: Settings,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(settings, pull_from(iter(requests)), clock)
        self._lock = threading.RLock()
        self._changed = threading.Condition(self._lock)
        self._arrived = threading.Condition(self._lock)
        # Only one thread at a time waits for what it may start.
        self._turn = threading.Lock()
        self._first_client, self._client = settings.clients(client, self._scheduler.pace, clock, self._lock)
        self._failure: BaseException | None = None
        self._closing = threading.Event()
        self._threads: list[threading.Thread] = []

    def stop(self) -> None:
        """Start no more requests. The iteration ends when those in flight have ended."""
        with self._lock:
            self._scheduler.stop()
            self._changed.notify_all()

    def __iter__(self) -> Iterator[BatchResult]:
        self._begin()
        # Not kept: once the loop that has it is left, it is closed.
        return self._iterate()

    def close(self) -> None:
        """Wait for the requests in flight, and close the checkpoint. Leaving a loop early does so, too."""
        self._closing.set()
        with self._lock:
            if not self._scheduler.is_complete:
                self._scheduler.stop()
            self._changed.notify_all()
        for thread in self._threads:
            # One that was not started, for want of memory or since Ctrl-C came first, has nothing to wait for.
            with suppress(RuntimeError):
                thread.join()
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
            while not self._ready and self._working:
                self._arrived.wait()
            if not self._ready:
                return None
            self._changed.notify_all()
            return self._ready.popleft()

    def _work(self) -> None:
        """Send one request after another."""
        try:
            while (flight := self._next()) is not None:
                try:
                    outcome = self._send(flight)
                except BaseException:
                    with self._lock:
                        self._scheduler.cancel(flight)
                    raise
                with self._lock:
                    self._deliver(self._scheduler.finish(flight, outcome))
                    self._changed.notify_all()
        except BaseException as error:
            self._failure = error
            self.stop()
        finally:
            with self._lock:
                self._working -= 1
                self._arrived.notify_all()

    def _next(self) -> InFlight | None:
        """The next request, once it may start; None if there is none."""
        with self._turn, self._lock:
            while True:
                # Results that are not consumed must not pile up.
                has_room = len(self._ready) < self._concurrency or self._closing.is_set()
                step = self._scheduler.step() if has_room else Signal.BLOCKED
                if isinstance(step, InFlight):
                    return step
                if step is Signal.FINISHED:
                    return None
                if isinstance(step, list):
                    self._deliver(step)
                else:
                    self._changed.wait(step if isinstance(step, float) else None)

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
            self._closing.wait(delay)

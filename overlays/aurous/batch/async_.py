"""Runs a batch in asyncio's tasks: `arun`."""

from __future__ import annotations

import asyncio
import os
import time
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable, Iterable
from contextlib import suppress
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, Self, cast

from aurous_client.api.chat.create_chat_completion import OPERATION
from aurous_client.errors import EncodeError

from .._config.policies import RetryPolicy
from ..errors import AurousError, IdempotencyKeyInUseError
from ..types import Attempt
from .base import BaseBatch
from .line_reader import Signal, pull_from
from .results import BatchResult
from .scheduler import InFlight, Outcome, ReleasedError, Step
from .settings import Settings

if TYPE_CHECKING:
    from .._client.client import AsyncAurous

_READ_AHEAD: Final = 64


def arun(
    client: AsyncAurous,
    requests: Iterable[Any] | AsyncIterable[Any],
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
) -> AsyncBatch:
    """Send many requests, as fast as the rate limits allow. Arguments, results and errors are those of `run`.

    requests: an asynchronous iterable is read ahead by 64 lines; a plain one is read in the event loop

    Needs asyncio, and returns an asynchronous iterator:

        async for result in arun(client, ["What is 1 + 1?", "What is 2 + 2?"], model="aurous-grow-2.0-pro"):
            print(result.text)
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
    return AsyncBatch(client, requests, settings)


class AsyncBatch(BaseBatch):
    """A batch for tasks. Made by `arun`; iterate over it once for the results."""

    def __init__(
        self,
        client: AsyncAurous,
        requests: Iterable[Any] | AsyncIterable[Any],
        settings: Settings,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._source = _AsyncSource(requests) if isinstance(requests, AsyncIterable) else None
        pull = self._source or pull_from(iter(cast("Iterable[Any]", requests)))
        super().__init__(settings, pull, clock)
        self._first_client, self._client = settings.clients(client, self._observe)
        self._turn = asyncio.Lock()
        self._changed = asyncio.Event()
        self._arrived = asyncio.Event()
        self._tasks: list[asyncio.Future[None]] = []
        self._pauses: dict[asyncio.Task[Any] | None, _Pause] = {}

    @property
    def waiting(self) -> int:
        """How many of the requests in flight wait for their next attempt."""
        return sum(pause.lasts for pause in self._pauses.values())

    def stop(self) -> None:
        """Start no more requests. The iteration ends when those in flight have ended.

        One that fails now, or waits for its next attempt, is not repeated: its line is left for a later run.
        """
        self._scheduler.stop()
        for pause in self._pauses.values():
            pause.end()
        self._changed.set()

    def __aiter__(self) -> AsyncIterator[BatchResult]:
        self._begin()
        # Not kept: once the loop that has it is left, it is closed.
        return self._iterate()

    async def aclose(self) -> None:
        """Cancel the requests in flight, and close the checkpoint. Leaving a loop early does so, too."""
        for task in self._tasks:
            task.cancel()
        try:
            await asyncio.gather(*self._tasks, return_exceptions=True)
        finally:
            self._scheduler.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def _iterate(self) -> AsyncGenerator[BatchResult, None]:
        self._scheduler.open()
        try:
            self._working = self._concurrency
            workers = [asyncio.ensure_future(self._work()) for _ in range(self._concurrency)]
            self._tasks += workers
            if self._source is not None:
                self._tasks.append(asyncio.ensure_future(self._source.read(self._changed)))
            while self._working or self._ready:
                self._arrived.clear()
                while self._ready:
                    yield self._ready.popleft()
                self._changed.set()
                if self._working and not self._ready:
                    await self._arrived.wait()
            await asyncio.gather(*workers)
        finally:
            await self.aclose()
        if self._scheduler.error is not None:
            raise self._scheduler.error

    async def _work(self) -> None:
        """Send one request after another."""
        try:
            while (flight := await self._next()) is not None:
                try:
                    outcome = await self._send(flight)
                except ReleasedError:
                    self._deliver(self._scheduler.cancel(flight))
                    self._changed.set()
                    continue
                except BaseException:
                    self._scheduler.cancel(flight)
                    raise
                self._deliver(self._scheduler.finish(flight, outcome))
                self._changed.set()
        except Exception as error:
            self._scheduler.stop(error)
            self._changed.set()
            raise
        finally:
            self._working -= 1
            self._arrived.set()

    async def _next(self) -> InFlight | None:
        """The next request, once it may start; None if there is none."""
        if not self._turn.locked() and isinstance(step := self._step(), InFlight):
            return step
        async with self._turn:
            while True:
                # Before the step, so that nothing that changes meanwhile is missed.
                self._changed.clear()
                step = self._step()
                if isinstance(step, InFlight):
                    return step
                if step is Signal.FINISHED:
                    return None
                if isinstance(step, list):
                    # Many lines may be invalid, and others have to be delivered meanwhile.
                    await asyncio.sleep(0)
                elif isinstance(step, float):
                    with suppress(TimeoutError):
                        async with asyncio.timeout(step):
                            await self._changed.wait()
                else:
                    await self._changed.wait()

    def _step(self) -> Step:
        """What to do next; results are delivered already."""
        # Results that are not consumed must not pile up.
        step = self._scheduler.step() if len(self._ready) < self._concurrency else Signal.BLOCKED
        if isinstance(step, list):
            self._deliver(step)
        return step

    def _deliver(self, results: list[BatchResult]) -> None:
        if results:
            self._ready.extend(results)
            self._arrived.set()

    async def _send(self, flight: InFlight) -> Outcome:
        """The outcome of a call. Raises ReleasedError if it waited for its next attempt when the batch was stopped."""
        task, timeout = asyncio.current_task(), asyncio.timeout(None)
        pause = self._pauses[task] = _Pause(timeout)
        try:
            async with timeout:
                return await self._send_until_done(flight, pause)
        except TimeoutError:
            if not timeout.expired():
                raise
            raise ReleasedError from None
        finally:
            self._pauses.pop(task, None)

    async def _send_until_done(self, flight: InFlight, pause: _Pause) -> Outcome:
        request, polls = flight.request.for_client(), 0
        while True:
            client = self._client if self._scheduler.has_answers else self._first_client
            try:
                return await client.acall(OPERATION, request)
            except IdempotencyKeyInUseError as error:
                delay = self._scheduler.poll_delay(flight, polls)
                if delay is None:
                    return error
            except (AurousError, EncodeError) as error:
                return error
            polls += 1
            if self._scheduler.is_released:
                raise ReleasedError
            pause.begin(delay)
            await asyncio.sleep(delay)

    def _observe(self, attempt: Attempt) -> None:
        self._scheduler.observe(attempt)
        pause = self._pauses.get(asyncio.current_task())
        if pause is not None and attempt.delay is not None:
            pause.begin(attempt.delay)


class _Pause:
    """The wait of a call for its next attempt, which can be cut short. timeout: that of the call"""

    def __init__(self, timeout: asyncio.Timeout) -> None:
        self._timeout = timeout
        self._until = 0.0

    @property
    def lasts(self) -> bool:
        return asyncio.get_running_loop().time() < self._until

    def begin(self, seconds: float) -> None:
        self._until = asyncio.get_running_loop().time() + seconds

    def end(self) -> None:
        """End the call, if it waits."""
        if self.lasts:
            self._until = 0.0
            self._timeout.reschedule(0.0)


class _AsyncSource:
    """Lines of an asynchronous iterable, read ahead."""

    def __init__(self, requests: AsyncIterable[Any]) -> None:
        self._requests = requests
        self._lines: deque[Any] = deque()
        self._room = asyncio.Event()
        self._is_exhausted = False
        self._error: BaseException | None = None

    def __call__(self) -> Any:
        if self._lines:
            self._room.set()
            return self._lines.popleft()
        if self._error is not None:
            raise self._error
        return Signal.FINISHED if self._is_exhausted else Signal.BLOCKED

    async def read(self, changed: asyncio.Event) -> None:
        """Read until the end."""
        try:
            async for line in self._requests:
                self._lines.append(line)
                changed.set()
                while len(self._lines) >= _READ_AHEAD:
                    self._room.clear()
                    await self._room.wait()
        except asyncio.CancelledError as error:
            # Of the batch that closes; or of the iterable, in which case this is not its end.
            self._error = error
            raise
        except Exception as error:
            self._error = error
        finally:
            self._is_exhausted = True
            changed.set()

"""Sends the rows of a whole process in one event loop, so that all of its tables share one pace and one budget."""

from __future__ import annotations

import asyncio
import atexit
import os
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Hashable, Sequence
from concurrent.futures import Future
from decimal import Decimal
from typing import Any, Final

from .._client.client import AsyncAurous
from ..batch.async_ import AsyncBatch
from ..batch.request_forms import BatchRequest, Line, RequestForms
from ..batch.results import BatchResult, error_result, invalid_result
from ..batch.settings import Settings
from ..errors import AurousError
from ..transport.locks import fork_safe_lock

# Of `Line`: the numbers are those of the worker, and a row has its error beside it.
_UNIT: Final = ""


class Worker:
    """One batch after another, in a thread: the next begins where one ended early, such as in an outage.

    settings: of this process, with its part of the rate limits and of the budget

    Raises ConfigurationError, such as for a missing API key.
    """

    def __init__(self, settings: Settings, *, base_url: str | None = None, timeout: float | None = None) -> None:
        self._settings = settings
        self._client = AsyncAurous(base_url=base_url, timeout=timeout)
        self._spent = Decimal(0)
        # Of both threads, and so is `_tables`; the rest belongs to the event loop.
        self._lock = threading.Lock()
        self._tables: deque[_Table] = deque()
        self._end: BaseException | None = None
        self._number = 0
        self._sent: dict[int, tuple[_Table, int]] = {}
        self._loop = asyncio.new_event_loop()
        self._arrived = asyncio.Event()
        self._closing = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="aurous-batch", daemon=True)
        self._thread.start()

    def send(self, requests: Sequence[dict[str, Any]]) -> list[BatchResult]:
        """The result of each request, in their order; waits for the last. Safe to be called by several threads."""
        table = _Table(requests)
        with self._lock:
            if self._end is not None:
                raise RuntimeError("the mapper was closed") from self._end
            self._tables.append(table)
            self._loop.call_soon_threadsafe(self._arrived.set)
        return table.results.result()

    def close(self) -> None:
        """Hang up; callers that wait get a RuntimeError. Safe to be called again."""
        with self._lock:
            if self._end is None:
                self._loop.call_soon_threadsafe(self._closing.set)
        self._thread.join()

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve_until_closed())

    async def _serve_until_closed(self) -> None:
        serving, closing = asyncio.ensure_future(self._serve()), asyncio.ensure_future(self._closing.wait())
        await asyncio.wait([serving, closing], return_when=asyncio.FIRST_COMPLETED)
        serving.cancel()
        closing.cancel()
        await asyncio.gather(serving, closing, return_exceptions=True)
        with self._lock:
            self._end = (None if serving.cancelled() else serving.exception()) or asyncio.CancelledError()
            tables = {*self._tables, *(table for table, _ in self._sent.values())}
        for table in tables:
            error = RuntimeError("the mapper was closed")
            error.__cause__ = self._end
            table.results.set_exception(error)

    async def _serve(self) -> None:
        async with self._client:
            while True:
                if not self._tables:
                    await self._wait()
                await self._run_batch()

    async def _run_batch(self) -> None:
        """Send what arrives, until closed or until an error ends the batch."""
        limit = self._settings.limit
        left = None if limit is None else max(limit - self._spent, Decimal(0))
        batch = AsyncBatch(self._client, self._lines(), self._settings.with_budget(left))
        try:
            async with batch:
                async for result in batch:
                    table, place = self._sent.pop(result.number)
                    table.put(place, result)
        except AurousError as error:
            self._fail(error)
        finally:
            self._spent += batch.summary.job_credits

    async def _lines(self) -> AsyncIterator[Line]:
        """The requests of all tables, as they arrive; there is no end."""
        while True:
            while self._tables:
                for line in self._number_table(self._tables.popleft()):
                    yield line
            await self._wait()

    def _number_table(self, table: _Table) -> list[Line]:
        first = self._number + 1
        self._number += len(table.requests)
        lines = [Line(number, request, _UNIT) for number, request in enumerate(table.requests, first)]
        self._sent.update((line.number, (table, place)) for place, line in enumerate(lines))
        return lines

    async def _wait(self) -> None:
        """Wait for a table."""
        self._arrived.clear()
        # Appended before the event is set, so that none is missed.
        if not self._tables:
            await self._arrived.wait()

    def _fail(self, error: AurousError) -> None:
        """Give the error that ended a batch to all rows that it left."""
        while self._tables:
            self._number_table(self._tables.popleft())
        settings, now = self._settings, time.time()
        job = settings.job or ""
        forms = RequestForms(job=job, model=settings.model, system=settings.system, template=settings.template)
        sent, self._sent = self._sent, {}
        for number, (table, place) in sent.items():
            line = forms.read(number, table.requests[place], _UNIT)
            if isinstance(line, BatchRequest):
                table.put(place, error_result(line, error, job, now))
            else:
                table.put(place, invalid_result(line, job, now))


class _Table:
    """The requests of one table, and a future for their results."""

    def __init__(self, requests: Sequence[dict[str, Any]]) -> None:
        self.requests = requests
        self.results: Future[list[BatchResult]] = Future()
        self._results: dict[int, BatchResult] = {}

    def put(self, place: int, result: BatchResult) -> None:
        self._results[place] = result
        if len(self._results) == len(self.requests):
            self.results.set_result([self._results[place] for place in range(len(self.requests))])


class _Workers:
    """The workers of this process, each shared by all mappers that are equal; closed when the process ends."""

    def __init__(self) -> None:
        self._lock = fork_safe_lock(self)
        # A forked child has no thread of its parent's workers.
        self._workers: dict[tuple[int, Hashable], Worker] = {}

    def get(self, mapper: Hashable, make: Callable[[], Worker]) -> Worker:
        """The worker of a mapper, made if there is none."""
        with self._lock:
            worker = self._workers.get((os.getpid(), mapper))
            if worker is None:
                worker = self._workers[os.getpid(), mapper] = make()
            return worker

    def close(self, mapper: Hashable) -> None:
        with self._lock:
            worker = self._workers.pop((os.getpid(), mapper), None)
        if worker is not None:
            worker.close()

    def close_all(self) -> None:
        for process, mapper in list(self._workers):
            if process == os.getpid():
                self.close(mapper)


WORKERS: Final = _Workers()
atexit.register(WORKERS.close_all)

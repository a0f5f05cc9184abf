"""Finishes completions in the store, and retries in the background while the store is unavailable.

Until its end is stored, a completion keeps its hold and its key. If the server stops first, the leases settle it.
"""

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import replace
from typing import Any

from aurous_mock import log
from aurous_mock.completions.draft import INTERNAL_ERROR
from aurous_mock.storage.statuses import FAILED, mark_failed
from aurous_mock.storage.store import FinishCompletion, Started, StartResult, Store, StoreUnavailable

_FIRST_DELAY = 0.05
_LONGEST_DELAY = 2.0
# How long a request waits for the store before it fails.
_WAIT_SECONDS = 10.0
# Retries at a time, so that a store that becomes available again is not overloaded.
_CONCURRENT_RETRIES = 4

Sleep = Callable[[float], Awaitable[None]]


class Finisher:
    """The completions of one server that are being finished."""

    def __init__(self, store: Store, sleep: Sleep = asyncio.sleep, wait_seconds: float = _WAIT_SECONDS) -> None:
        self._store = store
        self._sleep = sleep
        self._wait_seconds = wait_seconds
        self._pending: set[asyncio.Task[bool]] = set()
        self._retrying = asyncio.Semaphore(_CONCURRENT_RETRIES)

    @property
    def pending(self) -> int:
        """How many are not stored yet."""
        return sum(not task.done() for task in self._pending)

    async def finish(self, finish: FinishCompletion) -> bool:
        """Finish it, once, even if the caller is cancelled. False if it was finished differently before.

        Raises StoreUnavailable if that takes long; it goes on in the background.
        """
        if not self._store.shared:
            # Nothing to wait for.
            return await self._store.finish_completion(finish)
        task = self._run(self._finish(finish))
        done, _ = await asyncio.wait([task], timeout=self._wait_seconds)
        if not done:
            raise StoreUnavailable("the end of the completion is not stored yet")
        return task.result()

    def finish_once_started(self, starting: "asyncio.Task[StartResult]", finish: FinishCompletion) -> None:
        """Finish a completion that may still be started by `starting`, for a caller that does not wait for it."""

        async def finish_it() -> bool:
            # Where the start failed, its transaction may have been committed all the same.
            with contextlib.suppress(Exception):
                if not isinstance(await starting, Started):
                    return False
            return await self._finish(finish)

        self._run(finish_it())

    def _run(self, work: Coroutine[Any, Any, bool]) -> "asyncio.Task[bool]":
        task = asyncio.create_task(work)
        self._pending.add(task)
        task.add_done_callback(self._pending.discard)
        return task

    async def stop(self, seconds: float = 1.0) -> None:
        """Wait a little for what is pending, and leave the rest to the leases."""
        if self._pending:
            await asyncio.wait(self._pending, timeout=seconds)
        for task in list(self._pending):
            task.cancel()

    async def _finish(self, finish: FinishCompletion) -> bool:
        delay, is_replaced = 0.0, False
        while True:
            try:
                # The first attempt is not held up by the retries of others.
                async with self._retrying if delay else contextlib.nullcontext():
                    return await self._store.finish_completion(finish) and not is_replaced
            except StoreUnavailable as error:
                if not delay:
                    log.write_line(f"aurous-mock: {finish.id} is not stored yet, will retry: {error}")
            except Exception as error:
                # This end can never be stored; one that is failed and free may be, and releases hold and key.
                log.write_traceback(error)
                if is_replaced:
                    return False
                is_replaced = True
                finish = replace(finish, status=FAILED, body=mark_failed(finish.body, INTERNAL_ERROR), charge=0)
            delay = min(2 * delay or _FIRST_DELAY, _LONGEST_DELAY)
            await self._sleep(delay * random.uniform(0.5, 1.0))

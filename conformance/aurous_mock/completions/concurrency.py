"""Limits how many completions of one team are generated at a time, so that no team can occupy the whole server."""

import asyncio
from collections import Counter
from types import TracebackType

from aurous_mock.http.errors import APIError

# A request waits for less than a second, and then is refused.
_WAIT_SECONDS = 0.8


class Slot:
    """The right to generate one completion. Releasing it again does nothing."""

    def __init__(self, semaphore: asyncio.Semaphore | None) -> None:
        self._semaphore = semaphore

    def release(self) -> None:
        if self._semaphore is not None:
            self._semaphore.release()
            self._semaphore = None

    def __enter__(self) -> "Slot":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.release()


class ConcurrencyLimit:
    """Slots of each team, and a queue for them that is as long as there are slots. limit: None for no limit"""

    def __init__(self, limit: int | None, wait_seconds: float = _WAIT_SECONDS) -> None:
        self._limit = limit
        self._wait_seconds = wait_seconds
        self._semaphores: dict[str, asyncio.Semaphore] = {}
        self._waiting: Counter[str] = Counter()

    async def acquire(self, team: str) -> Slot:
        """A slot of the team. Raises APIError if none is free in time, or too many requests wait already."""
        if self._limit is None:
            return Slot(None)
        semaphore = self._semaphores.setdefault(team, asyncio.Semaphore(self._limit))
        if semaphore.locked() and self._waiting[team] >= self._limit:
            raise self._refusal()
        self._waiting[team] += 1
        try:
            async with asyncio.timeout(self._wait_seconds):
                await semaphore.acquire()
        except TimeoutError:
            raise self._refusal() from None
        finally:
            self._waiting[team] -= 1
        return Slot(semaphore)

    def _refusal(self) -> APIError:
        return APIError(
            "concurrency_limit_exceeded",
            f"The team has {self._limit} completions running, which is its limit. Retry after 1s.",
            headers={"Retry-After": "1"},
        )

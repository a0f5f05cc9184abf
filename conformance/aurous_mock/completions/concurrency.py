"""Limits how many completions of one team are generated at a time, so that no team can occupy the whole server."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from aurous_mock.errors import APIError

# A request waits for less than a second, and then is refused.
_WAIT_SECONDS = 0.8

# The right to generate one completion. `aclose` gives it back early; to do so again does nothing.
Slot = AsyncExitStack


class ConcurrencyLimit:
    """Slots of each team, and a queue for them that is as long as there are slots. limit: None for no limit"""

    def __init__(self, limit: int | None, wait_seconds: float = _WAIT_SECONDS) -> None:
        self._limit = limit
        self._wait_seconds = wait_seconds
        self._semaphores: dict[str, asyncio.Semaphore] = {}
        self._waiting: Counter[str] = Counter()

    @asynccontextmanager
    async def slot(self, team: str) -> AsyncIterator[Slot]:
        """A slot of the team for the length of a block. Raises APIError if none is free in time, or too many requests
        wait already."""
        async with AsyncExitStack() as slot:
            if self._limit is not None:
                await self._wait(slot, team, self._limit)
            yield slot

    async def _wait(self, slot: Slot, team: str, limit: int) -> None:
        semaphore = self._semaphores.setdefault(team, asyncio.Semaphore(limit))
        if semaphore.locked() and self._waiting[team] >= limit:
            raise self._refusal()
        self._waiting[team] += 1
        try:
            async with asyncio.timeout(self._wait_seconds):
                await slot.enter_async_context(semaphore)
        except TimeoutError:
            raise self._refusal() from None
        finally:
            self._waiting[team] -= 1

    def _refusal(self) -> APIError:
        return APIError(
            "concurrency_limit_exceeded",
            f"The team has {self._limit} completions running, which is its limit. Retry after 1s.",
            headers={"Retry-After": "1"},
        )

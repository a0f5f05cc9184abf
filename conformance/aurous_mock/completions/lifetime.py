"""What a request has in the store, from its start to its end: record, hold, key and lease."""

import asyncio

from aurous_mock.completions.finisher import Finisher
from aurous_mock.storage.store import FinishCompletion, StartCompletion, Started, StartResult, Store, StoreUnavailable


class Lifetime:
    """The life of one record in the store."""

    def __init__(self, store: Store, finisher: Finisher) -> None:
        self._store = store
        self._finisher = finisher
        self._opening: asyncio.Task[StartResult] | None = None
        # Whether there may be something in the store that has to end.
        self.is_open = False

    async def open(self, start: StartCompletion) -> StartResult:
        """Claim the key, place the hold and store the record; or change nothing, and return why."""
        self.is_open = True
        if self._store.shared:
            # The transaction may be committed even if this request is cancelled: `end` waits for it.
            self._opening = asyncio.create_task(self._store.open(start))
            result = await asyncio.shield(self._opening)
        else:
            result = await self._store.open(start)
        self.is_open = isinstance(result, Started)
        return result

    async def end(self, finish: FinishCompletion) -> bool:
        """Store the end, also if the caller is cancelled. False if it was finished differently before.

        Raises StoreUnavailable if that takes long; it goes on in the background.
        """
        opening = self._opening
        if opening is not None and not opening.done():
            self._finisher.undo(opening, finish)
            self.is_open = False
            return True
        try:
            return await self._finish(finish)
        except (StoreUnavailable, asyncio.CancelledError):
            # The finisher goes on.
            self.is_open = False
            raise

    async def _finish(self, finish: FinishCompletion) -> bool:
        stored = await self._finisher.finish(finish)
        self.is_open = False
        return stored

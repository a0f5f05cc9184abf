"""What a request has in the store, from its start to its end: record, hold, key and lease."""

import asyncio

from aurous_mock.completions.finisher import Finisher
from aurous_mock.storage.store import FinishCompletion, StartCompletion, Started, StartResult, Store, StoreUnavailable


class StoredRequest:
    """The life of one record in the store."""

    def __init__(self, store: Store, finisher: Finisher) -> None:
        self._store = store
        self._finisher = finisher
        self._starting: asyncio.Task[StartResult] | None = None
        # Whether there may be something in the store that has to end.
        self.is_unfinished = False

    async def start(self, start: StartCompletion) -> StartResult:
        """Claim the key, place the hold and store the record; or change nothing, and return why."""
        self.is_unfinished = True
        if self._store.shared:
            # The transaction may be committed even if this request is cancelled: `finish` waits for it.
            self._starting = asyncio.create_task(self._store.start_completion(start))
            result = await asyncio.shield(self._starting)
        else:
            result = await self._store.start_completion(start)
        self.is_unfinished = isinstance(result, Started)
        return result

    async def finish(self, finish: FinishCompletion) -> bool:
        """Store the end, also if the caller is cancelled. False if it was finished differently before.

        Raises StoreUnavailable if that takes long; it goes on in the background.
        """
        starting = self._starting
        if starting is not None and not _has_result(starting):
            # The caller has an error to raise, and nothing to wait for.
            self._finisher.finish_once_started(starting, finish)
            self.is_unfinished = False
            return True
        try:
            return await self._finish_now(finish)
        except (StoreUnavailable, asyncio.CancelledError):
            # The finisher goes on.
            self.is_unfinished = False
            raise

    async def _finish_now(self, finish: FinishCompletion) -> bool:
        stored = await self._finisher.finish(finish)
        self.is_unfinished = False
        return stored


def _has_result(starting: "asyncio.Task[StartResult]") -> bool:
    return starting.done() and not starting.cancelled() and starting.exception() is None

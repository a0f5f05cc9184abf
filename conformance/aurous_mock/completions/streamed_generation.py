"""A streamed completion while it is generated; whatever ends it first decides its status."""

import asyncio

import orjson

from aurous_mock.completions.concurrency import Slot
from aurous_mock.completions.draft import ABANDONED, FAILED, IN_PROGRESS, Draft, Failure
from aurous_mock.completions.finisher import Finisher
from aurous_mock.storage.store import FinishCompletion


class Generation:
    """One stream. Its end is stored before the client learns of it, so that what a client was told stands."""

    def __init__(self, finisher: Finisher, draft: Draft, slot: Slot) -> None:
        self._finisher = finisher
        self._slot = slot
        self.draft = draft
        self.failure: Failure | None = None
        self.finished = asyncio.Event()
        self.status = IN_PROGRESS
        self._producer: asyncio.Task[None] | None = None

    def attach(self, producer: "asyncio.Task[None]") -> None:
        """Set the task to cancel when the generation is interrupted."""
        self._producer = producer
        if self.failure is not None:
            producer.cancel()

    def interrupt(self, failure: Failure) -> None:
        """End it early. Does nothing if it is ending already."""
        if self.failure is None and self.status == IN_PROGRESS:
            self.failure = failure
            if self._producer is not None:
                self._producer.cancel()

    async def finish(self, status: str, failure: Failure | None = None) -> None:
        """End the completion: store it, charge it and release its hold.

        Raises StoreUnavailable if that takes long. It goes on in the background; the client must not be told an end.
        """
        self.status, self.failure = status, failure
        try:
            if not await self._finisher.finish(finish_of(self.draft, status, failure)):
                # Another server took this one for dead, and failed it.
                self.status, self.failure = FAILED, ABANDONED
        finally:
            self.finished.set()
            self._slot.release()


def finish_of(draft: Draft, status: str, failure: Failure | None) -> FinishCompletion:
    """The end of a draft, to store."""
    return FinishCompletion(
        id=draft.id, status=status, body=orjson.dumps(draft.body(status, failure)), charge=draft.charge(status)
    )

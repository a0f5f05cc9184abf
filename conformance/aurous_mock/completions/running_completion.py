"""One completion while it runs; whatever ends it first decides its status, and it ends with the block that runs it."""

import asyncio
import contextlib

import orjson

from aurous_mock.billing import pricing
from aurous_mock.completions.concurrency import Slot
from aurous_mock.completions.draft import BY_DISCONNECT, INTERNAL_ERROR, Draft, failure_of
from aurous_mock.completions.finisher import Finisher
from aurous_mock.completions.stored_request import StoredRequest
from aurous_mock.errors import APIError
from aurous_mock.storage.idempotency import Claim, KeyInUse, Replay
from aurous_mock.storage.statuses import ABANDONED, CANCELLED, FAILED, IN_PROGRESS, Failure
from aurous_mock.storage.store import FinishCompletion, InsufficientCredits, StartCompletion, Store, StoreUnavailable


class RunningCompletion:
    """A completion with its record, hold, key, lease and slot, all of which are released when it ends.

    Its end is stored before the client receives it, so that it never changes afterwards.
    """

    def __init__(self, store: Store, finisher: Finisher, draft: Draft, slot: Slot) -> None:
        self._is_shared = store.shared
        self._stored = StoredRequest(store, finisher)
        self._slot = slot
        self.draft = draft
        self.failure: Failure | None = None
        self.finished = asyncio.Event()
        self.status = IN_PROGRESS
        # The final body; or the body of the completion that has the same key.
        self.body = b""
        self.is_replay = False
        # In micro-credits.
        self.charge = 0
        self._producer: asyncio.Task[object] | None = None

    async def start(self, team: str, claim: Claim | None) -> None:
        """Claim the key, place the hold and store the record. Raises APIError if the team may not."""
        request = self.draft.request
        # A completion that is not streamed cannot be retrieved before its end: only its response has the id.
        visible = request.streamed or self._is_shared
        start = StartCompletion(
            id=self.draft.id,
            team=team,
            streamed=request.streamed,
            hold=request.hold,
            body=orjson.dumps(self.draft.body(IN_PROGRESS)) if visible else b"",
            claim=claim,
        )
        match await self._stored.start(start):
            case InsufficientCredits(available):
                raise APIError(
                    "balance_too_low",
                    f"Team available balance is {pricing.in_credits(available)} credits, the completion requires "
                    f"{pricing.in_credits(request.hold)}.",
                )
            case KeyInUse(reason):
                raise APIError("idempotency_key_in_use", reason, param="Idempotency-Key")
            case Replay(body):
                self.is_replay, self.body = True, body

    @property
    def is_finished(self) -> bool:
        """Whether it was started, and has ended."""
        return self.finished.is_set() and not self.is_replay

    def attach(self, producer: "asyncio.Task[object]") -> None:
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

        Raises StoreUnavailable if that takes long. It goes on in the background; no end may be sent to the client.
        """
        self.status, self.failure = status, failure
        try:
            finish = _finish_completion(self.draft, status, failure)
            self.body, self.charge = finish.body, finish.charge
            if not await self._stored.finish(finish):
                # Another server considered this one dead, and failed the completion.
                self.status, self.failure, self.charge = FAILED, ABANDONED, 0
        finally:
            # A producer that failed refers to its completion, by its traceback.
            self._producer = None
            self.finished.set()
            await self._slot.aclose()

    async def fail(self, error: BaseException) -> None:
        """End the completion because of an error, unless it has ended."""
        if isinstance(error, asyncio.CancelledError) and self.draft.request.streamed:
            status, failure = CANCELLED, self.failure or BY_DISCONNECT
        else:
            status, failure = FAILED, failure_of(error) if isinstance(error, APIError) else INTERNAL_ERROR
        if self._stored.is_unfinished:
            # The caller has an error to raise already; the finisher goes on in the background.
            with contextlib.suppress(StoreUnavailable):
                await self.finish(status, failure)

    async def ensure_finished(self) -> None:
        """Finish it as failed if it is not finished, for example because its body cannot be stored."""
        if self._stored.is_unfinished:
            self.draft.discard()
            with contextlib.suppress(StoreUnavailable):
                await self.finish(FAILED, INTERNAL_ERROR)


def _finish_completion(draft: Draft, status: str, failure: Failure | None) -> FinishCompletion:
    """The end of a draft, to store."""
    return FinishCompletion(
        id=draft.id, status=status, body=orjson.dumps(draft.body(status, failure)), charge=draft.charge(status)
    )

"""The life of a completion: idempotency key and hold, generation, storage and charge."""

import asyncio
import contextlib
import traceback
from collections.abc import AsyncIterator
from dataclasses import dataclass

import orjson

from aurous_mock.billing import pricing
from aurous_mock.completions import identifiers
from aurous_mock.completions.concurrency import ConcurrencyLimit
from aurous_mock.completions.draft import (
    ABANDONED,
    BY_REQUEST,
    BY_SHUTDOWN,
    CANCELLED,
    COMPLETED,
    FAILED,
    IN_PROGRESS,
    INTERNAL_ERROR,
    Draft,
    Failure,
    failure_of,
)
from aurous_mock.completions.finisher import Finisher
from aurous_mock.completions.idempotency import Claim, KeyInUse, Replay, decide
from aurous_mock.completions.parsed_request import ParsedRequest
from aurous_mock.completions.streamed_generation import Generation, finish_of
from aurous_mock.generation.answer import Delta, Finish
from aurous_mock.generation.fake_model import Engine, Pace
from aurous_mock.http.errors import APIError
from aurous_mock.storage.store import (
    Checkpoint,
    InsufficientCredits,
    StartCompletion,
    StartResult,
    Store,
    StoreUnavailable,
)

_CANCEL_TIMEOUT = 10.0
_CHECKPOINT_INTERVAL = 0.2


@dataclass(frozen=True, slots=True)
class Created:
    """The body of a completion, new or replayed. generated: tokens generated for it now"""

    body: bytes
    is_replay: bool
    generated: int = 0


class Service:
    """Creates, retrieves and cancels completions, for any number of teams."""

    def __init__(
        self,
        store: Store,
        engine: Engine,
        concurrency: ConcurrencyLimit | None = None,
        finisher: Finisher | None = None,
    ) -> None:
        self.store = store
        self._engine = engine
        self._concurrency = concurrency or ConcurrencyLimit(None)
        self._finisher = finisher or Finisher(store)
        self._generations: dict[str, Generation] = {}
        self._sync_task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        await self.store.start()
        if self.store.shared:
            self._sync_task = asyncio.create_task(self._sync_with_store())

    async def stop(self) -> None:
        if self._sync_task is not None:
            self._sync_task.cancel()
        await self._engine.stop()
        await self._finisher.stop()
        await self.store.stop()

    def interrupt_all(self) -> None:
        """End every stream, because the server shuts down."""
        for generation in self._generations.values():
            generation.interrupt(BY_SHUTDOWN)

    async def create(
        self, request: ParsedRequest, team: str, claim: Claim | None, pace: Pace, provider_error: APIError | None
    ) -> Created:
        """Create a completion that is not streamed, or replay the one of its key.

        provider_error: raised instead of asking the engine
        """
        draft = self._draft(request)
        with await self._concurrency.acquire(team):
            result = await self._open(draft, team, claim)
            if isinstance(result, Replay):
                return Created(result.body, is_replay=True)
            try:
                if provider_error is not None:
                    raise provider_error
                draft.set_answer(await self._engine.answer(request, pace))
            except BaseException as error:
                failure = failure_of(error) if isinstance(error, APIError) else INTERNAL_ERROR
                await self._fail(draft, failure)
                raise
        finish = finish_of(draft, COMPLETED, None)
        if not await self._finisher.finish(finish):
            raise APIError("chat_provider_unavailable", "The completion was abandoned while it was generated.")
        return Created(finish.body, is_replay=False, generated=draft.usage.generated)

    async def _fail(self, draft: Draft, failure: Failure) -> None:
        # The caller has an error to raise already; the finisher goes on in the background.
        with contextlib.suppress(StoreUnavailable):
            await self._finisher.finish(finish_of(draft, FAILED, failure))

    async def begin(self, request: ParsedRequest, team: str) -> Generation:
        """Begin a streamed completion; the caller adds the deltas to its draft, finishes it and forgets it."""
        draft = self._draft(request)
        slot = await self._concurrency.acquire(team)
        try:
            await self._open(draft, team, None)
        except BaseException:
            slot.release()
            raise
        generation = Generation(self._finisher, draft, slot)
        self._generations[draft.id] = generation
        return generation

    def _draft(self, request: ParsedRequest) -> Draft:
        return Draft(request, identifiers.new("cmp_"), int(self.store.now()))

    def deltas(self, generation: Generation, pace: Pace) -> AsyncIterator[Delta | Finish]:
        """The answer while the engine generates it."""
        return self._engine.stream(generation.draft.request, pace)

    def forget(self, generation: Generation) -> None:
        """Drop a generation that has ended; its record is in the store."""
        self._generations.pop(generation.draft.id, None)

    async def _open(self, draft: Draft, team: str, claim: Claim | None) -> Replay | None:
        request = draft.request
        # Nobody can retrieve it before its end: the id of a completion that is not streamed is in its response.
        visible = request.streamed or self.store.shared
        start = StartCompletion(
            id=draft.id,
            team=team,
            streamed=request.streamed,
            hold=request.hold,
            body=orjson.dumps(draft.body(IN_PROGRESS)) if visible else b"",
            claim=claim,
        )
        result = await self._open_in_store(start, draft)
        match result:
            case InsufficientCredits(available):
                raise APIError(
                    "balance_too_low",
                    f"Team available balance is {pricing.in_credits(available)} credits, the completion requires "
                    f"{pricing.in_credits(request.hold)}.",
                )
            case KeyInUse(reason):
                raise APIError("idempotency_key_in_use", reason, param="Idempotency-Key")
            case Replay():
                return result
            case _:
                return None

    async def _open_in_store(self, start: StartCompletion, draft: Draft) -> StartResult:
        if not self.store.shared:
            return await self.store.open(start)
        opening = asyncio.create_task(self.store.open(start))
        try:
            return await asyncio.shield(opening)
        except asyncio.CancelledError:
            # The transaction may be committed all the same.
            self._finisher.undo(opening, finish_of(draft, FAILED, INTERNAL_ERROR))
            raise

    async def retrieve(self, team: str, completion_id: str) -> bytes:
        """The body of the team's completion now. Raises APIError if there is none."""
        record = await self.store.find(team, completion_id)
        if record is None:
            raise APIError("resource_not_found", f"No completion has the id {completion_id[:80]!r}.", param="id")
        generation = self._generations.get(completion_id)
        if generation is not None and record.status == IN_PROGRESS:
            return orjson.dumps(generation.draft.body(IN_PROGRESS))
        return record.body

    async def check_key(self, team: str, claim: Claim) -> None:
        """Raise APIError for a key that another route uses, on a route that stores no keys itself."""
        entry = await self.store.key(team, claim.key)
        decision = decide(entry, claim, self.store.now())
        if isinstance(decision, KeyInUse):
            raise APIError("idempotency_key_in_use", decision.reason, param="Idempotency-Key")

    async def cancel(self, team: str, completion_id: str) -> bytes:
        """Cancel a streamed completion, on whichever server it is generated, and return its final body."""
        record = await self.store.find(team, completion_id)
        if record is None:
            raise APIError(
                "chat_cancel_target_not_found", f"No completion has the id {completion_id[:80]!r}.", param="id"
            )
        if record.status != IN_PROGRESS:
            raise _already_finished(record.status)
        if not record.streamed:
            raise APIError(
                "chat_cancel_target_not_cancellable", "Only streamed completions can be cancelled.", param="id"
            )
        generation = self._generations.get(completion_id)
        if generation is not None:
            generation.interrupt(BY_REQUEST)
            await generation.finished.wait()
        else:
            await self.store.request_cancel(completion_id)
        return await self._cancelled(team, completion_id)

    async def _cancelled(self, team: str, completion_id: str) -> bytes:
        """The record once it is cancelled; waits for the server that generates it."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _CANCEL_TIMEOUT
        while loop.time() < deadline:
            record = await self.store.find(team, completion_id)
            if record is None:
                break
            if record.status == CANCELLED:
                return record.body
            if record.status != IN_PROGRESS:
                raise _already_finished(record.status)
            await asyncio.sleep(_CHECKPOINT_INTERVAL / 4)
        raise APIError(
            "chat_cancel_target_not_cancellable", "The server that streams the completion did not respond.", param="id"
        )

    async def _sync_with_store(self) -> None:
        """Store checkpoints of the streams of this server, and cancel those that other servers asked to cancel."""
        while True:
            running = [generation for generation in self._generations.values() if generation.status == IN_PROGRESS]
            # At once, so that the store can commit them together. It reports errors, and may be available next time.
            results = await asyncio.gather(*map(self._sync, running), return_exceptions=True)
            for error in results:
                if isinstance(error, BaseException) and not isinstance(error, StoreUnavailable):
                    traceback.print_exception(error)
            await asyncio.sleep(_CHECKPOINT_INTERVAL)

    async def _sync(self, generation: Generation) -> None:
        body = orjson.dumps(generation.draft.body(IN_PROGRESS))
        match await self.store.checkpoint(generation.draft.id, body):
            case Checkpoint.CANCEL_REQUESTED:
                generation.interrupt(BY_REQUEST)
            case Checkpoint.FINISHED:
                generation.interrupt(ABANDONED)


def _already_finished(status: str) -> APIError:
    return APIError("chat_cancel_target_already_terminal", f"The completion is already {status}.", param="id")

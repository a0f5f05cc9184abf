"""Creates, retrieves and cancels completions."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from weakref import WeakValueDictionary

import orjson

from aurous_mock import identifiers, log
from aurous_mock.completions.concurrency import ConcurrencyLimit
from aurous_mock.completions.draft import BY_REQUEST, BY_SHUTDOWN, Draft
from aurous_mock.completions.finisher import Finisher
from aurous_mock.completions.running_completion import RunningCompletion
from aurous_mock.errors import APIError
from aurous_mock.generation.answer import AnswerPart
from aurous_mock.generation.engine import Engine, Pace
from aurous_mock.generation.parsed_request import ParsedRequest
from aurous_mock.metrics import Metrics
from aurous_mock.storage.idempotency import Claim, KeyInUse, decide
from aurous_mock.storage.statuses import ABANDONED, CANCELLED, COMPLETED, IN_PROGRESS
from aurous_mock.storage.store import CheckpointResult, Store, StoreUnavailable

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
        self.finisher = finisher or Finisher(store)
        self.metrics = Metrics()
        # Streams, while something refers to them.
        self._running: WeakValueDictionary[str, RunningCompletion] = WeakValueDictionary()
        self._sync_task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        await self.store.start()
        if self.store.shared:
            self._sync_task = asyncio.create_task(self._sync_with_store())

    async def stop(self) -> None:
        if self._sync_task is not None:
            self._sync_task.cancel()
        await self._engine.stop()
        await self.finisher.stop()
        await self.store.stop()

    def interrupt_all(self) -> None:
        """End every stream, because the server shuts down."""
        for completion in list(self._running.values()):
            completion.interrupt(BY_SHUTDOWN)

    async def create(
        self, request: ParsedRequest, team: str, claim: Claim | None, pace: Pace, provider_error: APIError | None
    ) -> Created:
        """Create a completion that is not streamed, or replay the one of its key.

        provider_error: raised instead of asking the engine
        """
        async with self.run(request, team, claim) as completion:
            if completion.is_replay:
                return Created(completion.body, is_replay=True)
            if provider_error is not None:
                raise provider_error
            completion.draft.set_answer(await self._engine.answer(request, pace))
            await completion.finish(COMPLETED)
            if completion.status != COMPLETED:
                raise APIError("chat_provider_unavailable", "The completion was abandoned while it was generated.")
            return Created(completion.body, is_replay=False, generated=completion.draft.usage.generated)

    @asynccontextmanager
    async def run(
        self, request: ParsedRequest, team: str, claim: Claim | None = None
    ) -> AsyncIterator[RunningCompletion]:
        """Start a completion, for a block that adds to its draft and finishes it.

        However the block ends, the completion has ended after it: its record is final, its hold settled, its key
        answered or free, and its slot released. An error that leaves the block decides how it failed.
        """
        draft = self._draft(request)
        async with self._concurrency.slot(team) as slot:
            completion = RunningCompletion(self.store, self.finisher, draft, slot)
            try:
                with self.metrics.running(streamed=request.streamed):
                    await completion.start(team, claim)
                    if request.streamed:
                        self._running[draft.id] = completion
                    yield completion
            except BaseException as error:
                await completion.fail(error)
                raise
            finally:
                await completion.ensure_finished()
                self._running.pop(draft.id, None)
                self._count(completion)

    def _count(self, completion: RunningCompletion) -> None:
        if completion.is_finished:
            request, usage, charge = completion.draft.request, completion.draft.usage, completion.charge
            self.metrics.count_completion(request.model, completion.status, usage, charge, streamed=request.streamed)
            if completion.failure is not None:
                self.metrics.count_failure(completion.failure.code)

    def _draft(self, request: ParsedRequest) -> Draft:
        return Draft(request, identifiers.new("cmp_"), int(self.store.now()))

    def stream(self, request: ParsedRequest, pace: Pace) -> AbstractAsyncContextManager[AsyncIterator[AnswerPart]]:
        """The answer while the engine generates it."""
        return self._engine.stream(request, pace)

    async def retrieve(self, team: str, completion_id: str) -> bytes:
        """The body of the team's completion now. Raises APIError if there is none."""
        record = await self.store.find(team, completion_id)
        if record is None:
            raise APIError("resource_not_found", f"No completion has the id {completion_id[:80]!r}.", param="id")
        completion = self._running.get(completion_id)
        if completion is not None and record.status == IN_PROGRESS:
            return orjson.dumps(completion.draft.body(IN_PROGRESS))
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
        completion = self._running.get(completion_id)
        if completion is not None:
            completion.interrupt(BY_REQUEST)
            await completion.finished.wait()
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
            streams = list(self._running.values())
            running = [completion for completion in streams if completion.status == IN_PROGRESS]
            # At once, so that the store can commit them together. It reports errors, and may be available next time.
            results = await asyncio.gather(*map(self._sync, running), return_exceptions=True)
            for error in results:
                if isinstance(error, BaseException) and not isinstance(error, StoreUnavailable):
                    log.write_traceback(error)
            await asyncio.sleep(_CHECKPOINT_INTERVAL)

    async def _sync(self, completion: RunningCompletion) -> None:
        body = orjson.dumps(completion.draft.body(IN_PROGRESS))
        match await self.store.checkpoint(completion.draft.id, body):
            case CheckpointResult.CANCEL_REQUESTED:
                completion.interrupt(BY_REQUEST)
            case CheckpointResult.FINISHED:
                completion.interrupt(ABANDONED)


def _already_finished(status: str) -> APIError:
    return APIError("chat_cancel_target_already_terminal", f"The completion is already {status}.", param="id")

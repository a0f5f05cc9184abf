"""Owns the whole life of a completion, from claim and hold to charge; knows nothing of HTTP."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

import orjson

from aurous_mock.billing import pricing
from aurous_mock.completions import identifiers
from aurous_mock.completions.draft import (
    BY_REQUEST,
    BY_SHUTDOWN,
    CANCELLED,
    COMPLETED,
    FAILED,
    IN_PROGRESS,
    Draft,
    Failure,
    failure_of,
)
from aurous_mock.completions.idempotency import Claim, InUse, Replay, decide
from aurous_mock.completions.parsed_request import ParsedRequest
from aurous_mock.generation.answer import Delta, Finish
from aurous_mock.generation.fake_model import Engine, Pace
from aurous_mock.http.errors import APIError
from aurous_mock.storage.store import Closing, Opening, Store, TooLow, Unreachable

BROKEN = Failure("internal_error", "server_error", "The server failed while it made the completion.")
_CANCEL_PATIENCE = 10.0
_CHECKPOINT_EVERY = 0.2


@dataclass(frozen=True, slots=True)
class Created:
    """The body of a completion, new or replayed."""

    body: bytes
    replayed: bool
    # Tokens made for it now.
    made: int = 0


class Run:
    """A streamed completion while it is being made. Whoever ends it first decides how it ended."""

    def __init__(self, store: Store, draft: Draft) -> None:
        self._store = store
        self.draft = draft
        self.failure: Failure | None = None
        self.concluded = asyncio.Event()
        self.status = IN_PROGRESS
        self._producer: asyncio.Task[None] | None = None

    def attach(self, producer: "asyncio.Task[None]") -> None:
        """Tell the run which task to stop when it is interrupted."""
        self._producer = producer
        if self.failure is not None:
            producer.cancel()

    def interrupt(self, failure: Failure) -> None:
        """Ask for an early end; does nothing once an end is on its way."""
        if self.failure is None and self.status == IN_PROGRESS:
            self.failure = failure
            if self._producer is not None:
                self._producer.cancel()

    async def conclude(self, status: str, failure: Failure | None = None) -> None:
        """End the completion: store it, charge it, release its hold."""
        self.status, self.failure = status, failure
        try:
            await self._store.close(_closing(self.draft, status, failure))
        finally:
            self.concluded.set()


class Service:
    """The API's own business, for any number of teams."""

    def __init__(self, store: Store, engine: Engine) -> None:
        self.store = store
        self._engine = engine
        self._runs: dict[str, Run] = {}
        self._watch: asyncio.Task[None] | None = None

    async def start(self) -> None:
        await self.store.start()
        if self.store.shared:
            self._watch = asyncio.create_task(self._keep_in_touch())

    async def stop(self) -> None:
        if self._watch is not None:
            self._watch.cancel()
        await self._engine.stop()
        await self.store.stop()

    def interrupt_all(self) -> None:
        """End every stream, because the server is going away."""
        for run in self._runs.values():
            run.interrupt(BY_SHUTDOWN)

    async def create(
        self, request: ParsedRequest, team: str, claim: Claim | None, pace: Pace, provider_error: APIError | None
    ) -> Created:
        """Make a completion in one go, or replay the one its key has; `provider_error` is raised in its place."""
        draft = Draft(request, identifiers.new("cmp_"), int(self.store.now()))
        verdict = await self._open(draft, team, claim)
        if isinstance(verdict, Replay):
            return Created(verdict.body, replayed=True)
        try:
            if provider_error is not None:
                raise provider_error
            draft.take(await self._engine.answer(request, pace))
        except BaseException as error:
            failure = failure_of(error) if isinstance(error, APIError) else BROKEN
            await self.store.close(_closing(draft, FAILED, failure))
            raise
        closing = _closing(draft, COMPLETED, None)
        if not await self.store.close(closing):
            raise APIError("chat_provider_unavailable", "The completion was given up while it was being made.")
        return Created(closing.body, replayed=False, made=draft.usage.made)

    async def begin(self, request: ParsedRequest, team: str) -> Run:
        """Begin a streamed completion; the caller then feeds `pieces` into its draft and concludes it."""
        draft = Draft(request, identifiers.new("cmp_"), int(self.store.now()))
        await self._open(draft, team, None)
        run = Run(self.store, draft)
        self._runs[draft.id] = run
        return run

    def deltas(self, run: Run, pace: Pace) -> AsyncIterator[Delta | Finish]:
        """The run's answer, as its engine makes it."""
        return self._engine.stream(run.draft.request, pace)

    def forget(self, run: Run) -> None:
        """The run is over; its record is in the store."""
        self._runs.pop(run.draft.id, None)

    async def _open(self, draft: Draft, team: str, claim: Claim | None) -> Replay | None:
        request = draft.request
        # The id of a completion that is not streamed is unknown until it has ended: nobody here could look.
        visible = request.streamed or self.store.shared
        verdict = await self.store.open(
            Opening(
                id=draft.id,
                team=team,
                streamed=request.streamed,
                hold=request.hold,
                body=orjson.dumps(draft.body(IN_PROGRESS)) if visible else b"",
                claim=claim,
            )
        )
        match verdict:
            case TooLow(available):
                raise APIError(
                    "balance_too_low",
                    f"Team available balance is {pricing.in_credits(available)} credits, the completion requires "
                    f"{pricing.in_credits(request.hold)}.",
                )
            case InUse(reason):
                raise APIError("idempotency_key_in_use", reason, param="Idempotency-Key")
            case Replay():
                return verdict
            case _:
                return None

    async def retrieve(self, team: str, completion_id: str) -> bytes:
        """The body of the team's completion as it is now."""
        record = await self.store.find(team, completion_id)
        if record is None:
            raise APIError("resource_not_found", f"No completion has the id {completion_id[:80]!r}.", param="id")
        run = self._runs.get(completion_id)
        if run is not None and record.status == IN_PROGRESS:
            return orjson.dumps(run.draft.body(IN_PROGRESS))
        return record.body

    async def check_key(self, team: str, claim: Claim) -> None:
        """Refuse a key that another route has in use, on a route that keeps no keys itself."""
        entry = await self.store.key(team, claim.key)
        decision = decide(entry, claim, self.store.now())
        if isinstance(decision, InUse):
            raise APIError("idempotency_key_in_use", decision.reason, param="Idempotency-Key")

    async def cancel(self, team: str, completion_id: str) -> bytes:
        """Stop a streamed completion, wherever it is being made, and return its last body."""
        record = await self.store.find(team, completion_id)
        if record is None:
            raise APIError(
                "chat_cancel_target_not_found", f"No completion has the id {completion_id[:80]!r}.", param="id"
            )
        if record.status != IN_PROGRESS:
            raise _already(record.status)
        if not record.streamed:
            raise APIError(
                "chat_cancel_target_not_cancellable", "Only streamed completions can be cancelled.", param="id"
            )
        run = self._runs.get(completion_id)
        if run is not None:
            run.interrupt(BY_REQUEST)
            await run.concluded.wait()
        else:
            await self.store.ask_to_cancel(completion_id)
        return await self._cancelled(team, completion_id)

    async def _cancelled(self, team: str, completion_id: str) -> bytes:
        """The cancelled record, once whoever makes it has ended it."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _CANCEL_PATIENCE
        while loop.time() < deadline:
            record = await self.store.find(team, completion_id)
            if record is None:
                break
            if record.status == CANCELLED:
                return record.body
            if record.status != IN_PROGRESS:
                raise _already(record.status)
            await asyncio.sleep(_CHECKPOINT_EVERY / 4)
        raise APIError(
            "chat_cancel_target_not_cancellable", "The instance that streams the completion did not answer.", param="id"
        )

    async def _keep_in_touch(self) -> None:
        """Let the servers that share the store see how far our streams are, and ask us to cancel them."""
        while True:
            # Out of reach now, it may be back next time; the store says so itself.
            with contextlib.suppress(Unreachable):
                for run in list(self._runs.values()):
                    if run.status == IN_PROGRESS:
                        body = orjson.dumps(run.draft.body(IN_PROGRESS))
                        if await self.store.checkpoint(run.draft.id, body):
                            run.interrupt(BY_REQUEST)
            await asyncio.sleep(_CHECKPOINT_EVERY)


def _already(status: str) -> APIError:
    return APIError("chat_cancel_target_already_terminal", f"The completion is already {status}.", param="id")


def _closing(draft: Draft, status: str, failure: Failure | None) -> Closing:
    return Closing(
        id=draft.id, status=status, body=orjson.dumps(draft.body(status, failure)), charge=draft.charge(status)
    )

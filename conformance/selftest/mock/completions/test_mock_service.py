"""The service on its own: what no client can bring about over HTTP."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aurous_mock.completions.service import Service
from aurous_mock.errors import APIError
from aurous_mock.generation import parsed_request
from aurous_mock.generation.answer import Answer, AnswerEnd, AnswerPart
from aurous_mock.generation.engine import Pace
from aurous_mock.generation.parsed_request import ParsedRequest
from aurous_mock.storage.memory_store import MemoryStore
from aurous_mock.storage.store import StartCompletion, StartResult
from mockkit import chat


class Patient:
    """An engine that answers when it is told to."""

    def __init__(self, error: Exception | None = None) -> None:
        self.go = asyncio.Event()
        self._error = error

    async def answer(self, request: ParsedRequest, pace: Pace) -> Answer:
        await self.go.wait()
        if self._error is not None:
            raise self._error
        return Answer(("done",), (), AnswerEnd("stop"))

    @asynccontextmanager
    async def stream(self, request: ParsedRequest, pace: Pace) -> AsyncIterator[AsyncIterator[AnswerPart]]:
        yield self._deltas()

    async def _deltas(self) -> AsyncIterator[AnswerPart]:
        yield AnswerEnd("stop")

    async def stop(self) -> None:
        """Nothing to let go of."""


class Watched(MemoryStore):
    """A store that remembers what it started."""

    def __init__(self, initial_credits: int) -> None:
        super().__init__(initial_credits)
        self.started: list[str] = []

    async def start_completion(self, start: StartCompletion) -> StartResult:
        self.started.append(start.id)
        return await super().start_completion(start)


async def begin(engine: Patient) -> tuple[Watched, Service, "asyncio.Task[object]"]:
    store = Watched(10**9)
    service = Service(store, engine)
    task: asyncio.Task[object] = asyncio.create_task(
        service.create(parsed_request.read(chat()), "t", None, Pace(), None)
    )
    while not store.started:
        await asyncio.sleep(0)
    return store, service, task


def test_running_document_cannot_be_cancelled() -> None:
    async def go() -> None:
        engine = Patient()
        store, service, task = await begin(engine)
        with pytest.raises(APIError) as refused:
            await service.cancel("t", store.started[0])
        assert refused.value.code == "chat_cancel_target_not_cancellable"
        engine.go.set()
        await task

    asyncio.run(go())


@pytest.mark.parametrize("error", [RuntimeError("a bug"), APIError("chat_provider_unavailable", "gone")], ids=str)
def test_failing_model_leaves_a_failed_record_and_no_hold(error: Exception) -> None:
    async def go() -> None:
        engine = Patient(error)
        store, _, task = await begin(engine)
        assert (await store.balance("t")).held > 0
        engine.go.set()
        with pytest.raises(type(error)):
            await task
        record = await store.find("t", store.started[0])
        assert record is not None
        assert record.status == "failed"
        assert (await store.balance("t")).held == 0
        assert await store.charges() == []

    asyncio.run(go())


def test_abandoned_request_leaves_a_failed_record() -> None:
    async def go() -> None:
        store, _, task = await begin(Patient())
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        record = await store.find("t", store.started[0])
        assert record is not None
        assert record.status == "failed"

    asyncio.run(go())


def test_completion_failed_by_another_server_is_not_returned() -> None:
    async def go() -> None:
        engine = Patient()
        store, _, task = await begin(engine)
        await store.reset()
        engine.go.set()
        with pytest.raises(APIError) as refused:
            await task
        assert refused.value.code == "chat_provider_unavailable"
        assert await store.charges() == []

    asyncio.run(go())

"""The end of a completion reaches the store, whatever happens to the store or to the request."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aurous_mock.completions.finisher import Finisher
from aurous_mock.completions.service import Created, Service
from aurous_mock.contract import spec
from aurous_mock.errors import APIError
from aurous_mock.generation import parsed_request
from aurous_mock.generation.answer import Answer, AnswerPart, Delta
from aurous_mock.generation.engine import Pace
from aurous_mock.generation.fake_model import FakeModel
from aurous_mock.generation.parsed_request import ParsedRequest
from aurous_mock.http.request_context import RequestContext
from aurous_mock.http.sse_response import SSEResponse, StreamOptions
from aurous_mock.storage.idempotency import Claim
from aurous_mock.storage.memory_store import MemoryStore
from aurous_mock.storage.store import FinishCompletion, StartCompletion, StartResult, StoreUnavailable
from mockkit import chat
from testkit.conditions import PATIENCE

OPTIONS = StreamOptions(
    warn=False, keep_alive=15, pace=Pace(), error_frame=None, provider_error=None, notice_disconnect=True
)
CLAIM = Claim("key", "/v1/chat/completions", "fingerprint")


class FailingStore(MemoryStore):
    """A store whose `close` fails as often as told, as one whose database is away."""

    shared = True

    def __init__(self, failures: int = 0, error: Exception | None = None) -> None:
        super().__init__(10**12)
        self.failures = failures
        self.error = error or StoreUnavailable("the database is away")
        self.started: list[str] = []
        self.may_open = asyncio.Event()
        self.may_open.set()

    async def start_completion(self, start: StartCompletion) -> StartResult:
        await self.may_open.wait()
        self.started.append(start.id)
        return await super().start_completion(start)

    async def finish_completion(self, finish: FinishCompletion) -> bool:
        if self.failures:
            self.failures -= 1
            raise self.error
        return await super().finish_completion(finish)


class Sleeps:
    """Instead of waiting: the delays, and a gate that the retries wait for."""

    def __init__(self, is_open: bool = True) -> None:
        self.delays: list[float] = []
        self.gate = asyncio.Event()
        if is_open:
            self.gate.set()

    async def __call__(self, seconds: float) -> None:
        self.delays.append(seconds)
        await self.gate.wait()
        await asyncio.sleep(0)


async def create(service: Service, claim: Claim | None = CLAIM) -> Created:
    return await service.create(parsed_request.read(chat()), "t", claim, Pace(), None)


def test_close_that_fails_is_retried_until_it_is_stored() -> None:
    async def scenario() -> None:
        store, sleeps = FailingStore(failures=30), Sleeps()
        service = Service(store, FakeModel(0), finisher=Finisher(store, sleeps))
        created = await create(service)
        assert not created.is_replay
        assert len(sleeps.delays) == 30
        assert max(sleeps.delays) <= 2.0
        assert (await store.balance("t")).held == 0
        assert len(await store.charges()) == 1
        assert (await create(service)).body == created.body

    asyncio.run(scenario())


def test_call_whose_start_fails_is_refused_without_waiting_for_its_end() -> None:
    class LostStore(FailingStore):
        """A store whose start is committed, and then reported as failed."""

        async def start_completion(self, start: StartCompletion) -> StartResult:
            await super().start_completion(start)
            raise StoreUnavailable("the connection was lost")

    async def scenario() -> None:
        store, sleeps = LostStore(failures=2), Sleeps(is_open=False)
        finisher = Finisher(store, sleeps, wait_seconds=PATIENCE)
        service = Service(store, FakeModel(0), finisher=finisher)
        async with asyncio.timeout(PATIENCE / 2):
            with pytest.raises(StoreUnavailable):
                await create(service)
        assert (finisher.pending, (await store.balance("t")).held > 0) == (1, True)
        sleeps.gate.set()
        await finisher.stop(PATIENCE)
        assert (await store.balance("t")).held == 0
        assert await store.charges() == []

    asyncio.run(scenario())


def test_call_is_refused_while_its_end_is_not_stored_and_replayed_afterwards() -> None:
    async def scenario() -> None:
        store, sleeps = FailingStore(failures=1), Sleeps(is_open=False)
        finisher = Finisher(store, sleeps, wait_seconds=0)
        service = Service(store, FakeModel(0), finisher=finisher)
        with pytest.raises(StoreUnavailable):
            await create(service)
        with pytest.raises(APIError) as refused:
            await create(service)
        assert refused.value.code == "idempotency_key_in_use"
        sleeps.gate.set()
        while finisher.pending:
            await asyncio.sleep(0)
        assert (await create(service)).is_replay
        assert (await store.balance("t")).held == 0
        assert len(await store.charges()) == 1

    asyncio.run(scenario())


def test_end_that_cannot_be_stored_is_replaced_by_a_free_failure() -> None:
    async def scenario() -> None:
        store = FailingStore(failures=1, error=ValueError("integer out of range"))
        service = Service(store, FakeModel(0), finisher=Finisher(store, Sleeps()))
        with pytest.raises(APIError):
            await create(service)
        assert (await store.balance("t")).held == 0
        assert await store.charges() == []
        record = await store.find("t", store.started[0])
        assert record is not None
        assert record.status == "failed"
        assert b'"credits_charged":0.0' in record.body
        assert not (await create(service)).is_replay

    asyncio.run(scenario())


def test_request_cancelled_while_it_starts_leaves_no_hold() -> None:
    async def scenario() -> None:
        store = FailingStore()
        store.may_open.clear()
        finisher = Finisher(store, Sleeps())
        task = asyncio.create_task(create(Service(store, FakeModel(0), finisher=finisher)))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        store.may_open.set()
        while finisher.pending:
            await asyncio.sleep(0)
        assert store.started
        assert (await store.balance("t")).held == 0
        assert not (await create(Service(store, FakeModel(0)))).is_replay

    asyncio.run(scenario())


class BrokenEngine:
    """An engine that fails after one delta."""

    async def answer(self, request: ParsedRequest, pace: Pace) -> Answer:
        raise RuntimeError("broken")

    @contextlib.asynccontextmanager
    async def stream(self, request: ParsedRequest, pace: Pace) -> AsyncIterator[AsyncIterator[AnswerPart]]:
        yield self._deltas()

    async def _deltas(self) -> AsyncIterator[AnswerPart]:
        yield Delta("a")
        raise RuntimeError("broken")

    async def stop(self) -> None:
        """Nothing to close."""


async def stream(store: "FailingStore", engine: Any, send: Any) -> str:
    """Stream one completion to `send`, and return its id."""
    service = Service(store, engine, finisher=Finisher(store, Sleeps()))

    async def receive() -> dict[str, Any]:
        await asyncio.Event().wait()
        return {}

    async def settle(generated: int) -> None:
        """No tokens are limited."""

    context = RequestContext("req_1", spec.load(()).current, {})
    request = parsed_request.read(chat(stream=True))
    response = SSEResponse(service, request, "t", OPTIONS, context, on_end=settle)
    with contextlib.suppress(ConnectionError, RuntimeError):
        await response({"type": "http"}, receive, send)
    return store.started[-1]


@pytest.mark.parametrize("failing_send", range(5))
@pytest.mark.parametrize("engine", [FakeModel(0), BrokenEngine()], ids=["answering", "broken"])
def test_stream_releases_its_hold_wherever_it_fails(engine: Any, failing_send: int) -> None:
    async def scenario() -> None:
        store, sends = FailingStore(failures=2), 0

        async def send(message: Any) -> None:
            nonlocal sends
            sends += 1
            if sends > failing_send:
                raise ConnectionResetError

        completion_id = await stream(store, engine, send)
        assert (await store.balance("t")).held == 0
        record = await store.find("t", completion_id)
        assert record is not None
        assert record.status in ("failed", "cancelled")

    asyncio.run(scenario())


def test_stream_failed_by_another_server_sends_an_error_frame() -> None:
    async def scenario() -> None:
        store, sent = FailingStore(), b""

        async def send(message: Any) -> None:
            nonlocal sent
            sent += message.get("body", b"")
            if len(store.started) == 1 and b"delta" in sent:
                await store.finish_completion(
                    FinishCompletion(id=store.started[0], status="failed", body=b"{}", charge=0)
                )

        await stream(store, FakeModel(0), send)
        assert b"chat_provider_unavailable" in sent
        assert b'finish_reason":"stop' not in sent
        assert await store.charges() == []

    asyncio.run(scenario())


def test_stream_whose_end_is_not_stored_sends_no_done() -> None:
    async def scenario() -> None:
        store, sent = FailingStore(failures=1), b""
        finisher = Finisher(store, Sleeps(is_open=False), wait_seconds=0)
        service = Service(store, FakeModel(0), finisher=finisher)
        with pytest.raises(StoreUnavailable):
            async with service.run(parsed_request.read(chat(stream=True)), "t") as generation:
                await generation.finish("completed")
        assert generation.finished.is_set()
        assert sent == b""

    asyncio.run(scenario())

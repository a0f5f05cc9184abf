"""Whatever happens in a handler, a completion ends: wherever an error is raised, or the request is cancelled."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from aurous_mock.contract import spec
from aurous_mock.generation.answer import Answer, AnswerEnd, AnswerPart, Delta, ToolCall
from aurous_mock.generation.engine import Pace
from aurous_mock.generation.parsed_request import ParsedRequest
from aurous_mock.http import middleware
from aurous_mock.server.application import Application
from aurous_mock.settings import DEFAULT_KEY, DEFAULT_TEAM, Settings
from aurous_mock.storage.memory_store import MemoryStore
from aurous_mock.storage.store import Started
from mockkit import CREATE, chat
from testkit.line_tracer import LineTracer

SOURCE = Path(middleware.__file__).parents[1]
# What one request passes through, but for the store: its methods are transactions.
TRACED = tuple(str(SOURCE / name) for name in ("http", "completions"))
CREDITS = 10**12


class RecordingStore(MemoryStore):
    """A store in memory that lists the ids of the completions it was given."""

    def __init__(self, credits: int) -> None:
        super().__init__(credits)
        self.ids: list[str] = []

    async def start_completion(self, start: Any) -> Any:
        result = await super().start_completion(start)
        if isinstance(result, Started):
            self.ids.append(start.id)
        return result


class SharedStore(RecordingStore):
    """A store that gives way to other tasks before and after each transaction, as one in a database does."""

    shared = True

    async def start_completion(self, start: Any) -> Any:
        await asyncio.sleep(0)
        result = await super().start_completion(start)
        await asyncio.sleep(0)
        return result

    async def finish_completion(self, finish: Any) -> bool:
        await asyncio.sleep(0)
        closed = await super().finish_completion(finish)
        await asyncio.sleep(0)
        return closed


class Engine:
    """An engine that gives way to other tasks before each part of its answer."""

    async def answer(self, request: ParsedRequest, pace: Pace) -> Answer:
        await asyncio.sleep(0)
        return Answer(("a", "b"), (ToolCall("call_1", "f", "{}"),), AnswerEnd("stop"))

    @contextlib.asynccontextmanager
    async def stream(self, request: ParsedRequest, pace: Pace) -> AsyncIterator[AsyncIterator[AnswerPart]]:
        await asyncio.sleep(0)
        yield self._deltas()

    async def _deltas(self) -> AsyncIterator[AnswerPart]:
        for delta in (Delta("a"), Delta("", 0, ToolCall("call_1", "f", "")), Delta("{}", 0), AnswerEnd("stop")):
            await asyncio.sleep(0)
            yield delta

    async def stop(self) -> None:
        """Nothing to close."""


class Injected(Exception):  # noqa: N818 - raised where nothing would go wrong
    """An error in an arbitrary line."""


class Injector(LineTracer):
    """Raises `Injected` at one line of the traced modules, by the number of the line among those that are executed for
    the first time. None: only counts them"""

    def __init__(self, at: int | None) -> None:
        super().__init__(TRACED)
        self._at = at
        self._seen: set[tuple[str, int]] = set()
        self.place = ""

    @property
    def lines(self) -> int:
        return len(self._seen)

    def on_line(self, file: str, number: int) -> None:
        if (file, number) not in self._seen:
            self._seen.add((file, number))
            if len(self._seen) == self._at:
                self.place = f"{Path(file).name}:{number}"
                raise Injected(self.place)


@pytest.fixture(autouse=True)
def known_contracts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read the spec once, and not for each of a thousand applications."""
    contracts = spec.load(())
    monkeypatch.setattr(spec, "load", lambda paths: contracts)


def make_application(store: RecordingStore, engine: Engine | None = None) -> Application:
    settings = Settings(credits=CREDITS, max_concurrent=1, access_log=False)
    return Application(settings, store=store, engine=engine or Engine())


async def send_request(application: Application, *, streamed: bool) -> bytes:
    """The response to a request with a key, sent to the application as a server does."""
    body = orjson.dumps(chat(stream=True) if streamed else chat())
    headers = {"x-api-key": DEFAULT_KEY, "idempotency-key": "key", "content-type": "application/json"}
    scope = {
        "type": "http",
        "method": "POST",
        "path": CREATE,
        "raw_path": CREATE.encode(),
        "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        "client": ("127.0.0.1", 1),
    }
    requests = iter([{"type": "http.request", "body": body, "more_body": False}])
    sent = b""

    async def receive() -> Any:
        with contextlib.suppress(StopIteration):
            return next(requests)
        return await asyncio.Event().wait()

    async def send(message: Any) -> None:
        nonlocal sent
        await asyncio.sleep(0)
        sent += message.get("body", b"")

    await application.asgi(scope, receive, send)
    return sent


async def check_ended(application: Application, place: str) -> None:
    """Raise AssertionError unless everything that was begun has ended, and the team can go on."""
    service, store = application.service, application.service.store
    assert isinstance(store, RecordingStore)
    while service.finisher.pending:
        await asyncio.sleep(0)
    records = [await store.find(DEFAULT_TEAM, completion_id) for completion_id in store.ids]
    statuses = [record.status for record in records if record is not None]
    assert len(statuses) == len(store.ids), place
    assert "in_progress" not in statuses, place
    balance = await store.balance(DEFAULT_TEAM)
    assert balance.held == 0, place
    assert CREDITS - balance.credits == sum(charge.amount for charge in await store.charges()), place
    entry = await store.key(DEFAULT_TEAM, "key")
    assert entry is None or entry.body is not None, place
    assert entry is None or statuses == ["completed"], place
    # The one slot of the team is free, and so is the key.
    assert b'"status":"completed"' in await send_request(application, streamed=False), place
    assert len(asyncio.all_tasks()) == 1, f"{place} left tasks behind: {asyncio.all_tasks()}"


STORES = [RecordingStore, SharedStore]


@pytest.mark.slow
# Of a task that an error keeps from being made.
@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning")
@pytest.mark.parametrize("store", [RecordingStore, SharedStore])
@pytest.mark.parametrize("streamed", [False, True], ids=["call", "stream"])
def test_error_in_any_line_of_a_handler_leaves_nothing_running(
    store: type[RecordingStore], streamed: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    async def scenario(at: int | None) -> int:
        application = make_application(store(CREDITS))
        injector = Injector(at)
        with contextlib.suppress(Injected, ExceptionGroup), injector:
            await send_request(application, streamed=streamed)
        await check_ended(application, injector.place)
        return injector.lines

    with asyncio.Runner() as runner:
        lines = runner.run(scenario(None))
        assert lines > 200
        for at in range(1, lines + 1):
            runner.run(scenario(at))
            capsys.readouterr()


@pytest.mark.parametrize("store", STORES)
@pytest.mark.parametrize("streamed", [False, True], ids=["call", "stream"])
def test_cancellation_at_any_await_of_a_handler_leaves_nothing_running(
    store: type[RecordingStore], streamed: bool
) -> None:
    async def scenario(steps: int) -> bool:
        """Cancel the request after so many steps of the event loop. True if it was still running."""
        application = make_application(store(CREDITS))
        task = asyncio.create_task(send_request(application, streamed=streamed))
        for _ in range(steps):
            await asyncio.sleep(0)
        is_running = not task.done()
        task.cancel()
        await asyncio.wait([task])
        await check_ended(application, f"step {steps}")
        return is_running

    steps = 0
    with asyncio.Runner() as runner:
        while runner.run(scenario(steps)):
            steps += 1
    assert steps > 2


def test_answer_that_cannot_be_stored_is_dropped_and_fails() -> None:
    class FirstUnstorable(Engine):
        calls = 0

        async def answer(self, request: ParsedRequest, pace: Pace) -> Answer:
            self.calls += 1
            if self.calls > 1:
                return await super().answer(request, pace)
            return Answer(("\ud800",), (), AnswerEnd("stop"))

    async def scenario() -> None:
        application = make_application(RecordingStore(CREDITS), FirstUnstorable())
        assert b"internal_error" in await send_request(application, streamed=False)
        await check_ended(application, "the end")

    asyncio.run(scenario())

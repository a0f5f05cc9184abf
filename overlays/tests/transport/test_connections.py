"""Connections: how many, whose, after a fork, in which loop, and when they are closed."""

from __future__ import annotations

import asyncio
import copy
import gc
import multiprocessing
import threading
import traceback
import warnings
import weakref
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import aurous
import httpx
import pytest
import trio
from aurous import errors
from aurous.transport.client_factory import make_client
from aurous.transport.locks import fork_safe_lock, renew_locks, share_lock
from aurous.transport.tracebacks import chain, without_frames
from aurous_mock.server.launcher import Mock
from clientkit.callers import Make, Time
from clientkit.internals import locked
from testkit.raw_server import RawServer
from testkit.responses import GOOD, KEY, MESSAGES, MODEL, answer, completion


def create(client: aurous.Aurous, **options: Any) -> aurous.models.ChatCompletion:
    return client.chat.completions.create(model=MODEL, messages=MESSAGES, **options)


async def aask(client: aurous.AsyncAurous, **options: Any) -> aurous.models.ChatCompletion:
    return await client.chat.completions.create(model=MODEL, messages=MESSAGES, **options)


def test_sequential_calls_share_one_connection(wire: RawServer, make: Make) -> None:
    wire.plays(GOOD, answer(503, b"busy"), GOOD, answer(404, b"{}"), GOOD)
    caller = make(wire.url)
    for _ in range(2):
        caller.create()
    with pytest.raises(errors.NotFoundError):
        caller.create()
    caller.create()
    assert len(wire.requests) == 5
    assert wire.connections == 1


@pytest.mark.parametrize("suffix", ["", "/", "/v1", "/v1/"])
@pytest.mark.parametrize("prefix", ["", "/gateway/aurous"])
def test_every_form_of_base_url_reaches_the_same_paths(prefix: str, suffix: str, wire: RawServer, make: Make) -> None:
    wire.plays(GOOD)
    make(f"{wire.url}{prefix}{suffix}").create()
    assert wire.requests[0].line == f"POST {prefix}/v1/chat/completions HTTP/1.1"


def test_base_url_may_be_an_ipv6_address() -> None:
    hosts = []

    def handle(request: httpx.Request) -> httpx.Response:
        hosts.append((request.url.host, request.url.port, request.headers["Host"]))
        return httpx.Response(200, json=completion())

    create(
        aurous.Aurous(
            KEY, base_url="http://[::1]:81/v1", http_client=httpx.Client(transport=httpx.MockTransport(handle))
        )
    )
    assert hosts == [("::1", 81, "[::1]:81")]


def test_with_options_shares_connection_and_ledger(wire: RawServer, make: Make) -> None:
    wire.plays(*(answer(200, {**completion(), "id": f"cmp_{number}"}) for number in range(3)))
    caller = make(wire.url)
    caller.create()
    caller.client = caller.client.with_options(timeout=5, max_retries=0)
    caller.create()
    caller.client = caller.client.with_options(api_version=None)
    caller.create()
    assert wire.connections == 1
    assert [sent.header("Aurous-Version") for sent in wire.requests] == [
        aurous.API_VERSION,
        aurous.API_VERSION,
        None,
    ]
    assert caller.client.ledger.by_model[MODEL].calls == 3


def test_closing_a_with_options_client_keeps_the_shared_pool(wire: RawServer) -> None:
    wire.plays(GOOD)
    with aurous.Aurous(KEY, base_url=wire.url) as client:
        with client.with_options(max_retries=0) as variant:
            create(variant)
        create(client)
    assert wire.connections == 1


@pytest.fixture
def pools(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The connection pools that synchronous clients have made."""
    clients: list[Any] = []

    def make(user_client: httpx.Client | None) -> Any:
        clients.append(make_client(user_client))
        return clients[-1]

    monkeypatch.setattr("aurous.transport.sync.make_client", make)
    return clients


def test_with_options_opens_no_pool(wire: RawServer, pools: list[Any]) -> None:
    wire.plays(GOOD)
    with aurous.Aurous(KEY, base_url=wire.url) as client:
        variants = [client.with_options(max_retries=number) for number in range(200)]
        assert pools == []
        for variant in variants[:10]:
            create(variant)
    assert (len(pools), wire.connections) == (1, 1)


def test_threads_that_start_together_share_one_pool(wire: RawServer, pools: list[Any]) -> None:
    wire.plays(GOOD)
    gate = threading.Barrier(16)

    def first(_: int) -> object:
        gate.wait()
        return create(client)

    with aurous.Aurous(KEY, base_url=wire.url) as client, ThreadPoolExecutor(16) as executor:
        assert len(list(executor.map(first, range(16)))) == 16
    assert len(pools) == 1


def test_closed_client_refuses_calls(wire: RawServer, make: Make) -> None:
    wire.plays(GOOD)
    caller = make(wire.url)
    caller.create()
    variant = caller.client.with_options(max_retries=0)
    caller.run(lambda client: client.close())
    for client in (caller.client, variant):
        caller.client = client
        with pytest.raises(errors.AurousError, match="the client is closed") as caught:
            caller.create()
        assert type(caught.value) is errors.AurousError
    assert len(wire.requests) == 1


class TestClientOfTheCaller:
    def test_http_client_of_the_caller_is_used_and_stays_open(self, wire: RawServer) -> None:
        wire.plays(GOOD)
        with httpx.Client(headers={"X-Mine": "yes"}) as given:
            with aurous.Aurous(KEY, base_url=wire.url, http_client=given) as client:
                create(client)
            assert wire.requests[0].header("X-Mine") == "yes"
            assert wire.requests[0].header("X-Api-Key") == KEY
            assert not given.is_closed
            with pytest.raises(errors.AurousError, match="closed"):
                create(client)

    def test_closed_http_client_of_the_caller_raises(self, wire: RawServer) -> None:
        given = httpx.Client()
        given.close()
        with pytest.raises(errors.AurousError, match="the client is closed"):
            create(aurous.Aurous(KEY, base_url=wire.url, http_client=given))

    @pytest.mark.parametrize("wrong", [httpx.AsyncClient(), object(), "http", httpx])
    def test_http_client_of_the_wrong_type_is_refused(self, wrong: Any) -> None:
        with pytest.raises(errors.ConfigurationError, match=r"must be an httpx\.Client, not "):
            aurous.Aurous(KEY, http_client=wrong)

    def test_sync_http_client_in_async_client_is_refused(self) -> None:
        with pytest.raises(errors.ConfigurationError, match=r"must be an httpx\.AsyncClient, not httpx\.Client"):
            aurous.AsyncAurous(KEY, http_client=httpx.Client())  # type: ignore[arg-type]

    def test_failing_event_hook_of_the_caller_is_shown_in_the_traceback(self, wire: RawServer) -> None:
        def hook(request: httpx.Request) -> None:
            raise ZeroDivisionError from KeyError("why")

        wire.plays(GOOD)
        with (
            httpx.Client(event_hooks={"request": [hook]}) as given,
            pytest.raises(ZeroDivisionError) as caught,
        ):
            create(aurous.Aurous(KEY, base_url=wire.url, http_client=given))
        names = [frame.name for frame in traceback.extract_tb(caught.value.__traceback__)]
        assert names[-1] == "hook"
        assert isinstance(caught.value.__cause__, KeyError)

    def test_http_client_of_a_closed_event_loop_raises(self, wire: RawServer) -> None:
        wire.plays(GOOD)
        client = aurous.AsyncAurous(KEY, base_url=wire.url, http_client=httpx.AsyncClient())
        asyncio.run(aask(client))
        with pytest.raises(errors.AurousError, match="the http_client belongs to an event loop that is closed"):
            asyncio.run(aask(client))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)
            del client
            gc.collect()

    def test_http_client_with_mock_transport_is_served_alike(self) -> None:
        def handle(request: httpx.Request) -> httpx.Response:
            return httpx.Response(200, json=completion())

        given = httpx.Client(transport=httpx.MockTransport(handle))
        assert create(aurous.Aurous(KEY, base_url="http://127.0.0.1:9", http_client=given)).status == "completed"


def _ask_in_child(client: aurous.Aurous, answers: Any) -> None:
    answers.put(create(client).id)


def test_forked_process_opens_its_own_connections(mock: Mock) -> None:
    context = multiprocessing.get_context("fork")
    answers = context.SimpleQueue()
    with aurous.Aurous(KEY, base_url=mock.url) as client:
        before = create(client).id
        # As if another thread were at work on both at the moment of the fork.
        with locked(client):
            child = context.Process(target=_ask_in_child, args=(client, answers))
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)
                child.start()
        in_child = answers.get()
        child.join(10)
        assert child.exitcode == 0
        assert len({before, in_child, create(client).id}) == 3
    assert len(mock.ledger()) == 3


def test_client_serves_several_event_loops_in_turn(mock: Mock) -> None:
    client = aurous.AsyncAurous(KEY, base_url=mock.url)
    loops = weakref.WeakSet[Any]()

    async def call() -> str:
        loops.add(asyncio.get_running_loop())
        return (await aask(client)).id

    first = asyncio.run(call())
    second = asyncio.run(call())
    third = trio.run(aask, client).id
    fourth = trio.run(aask, client).id
    fifth = asyncio.run(call())
    assert len({first, second, third, fourth, fifth}) == 5
    # What belonged to loops that are over is not kept, except by the last.
    gc.collect()
    assert len(loops) <= 1
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


def test_event_loops_in_threads_do_not_share_connections(wire: RawServer) -> None:
    wire.plays(GOOD)
    client = aurous.AsyncAurous(KEY, base_url=wire.url)
    gate = threading.Barrier(2)

    async def both() -> None:
        for _ in range(5):
            await asyncio.to_thread(gate.wait)
            await aask(client)

    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(asyncio.run, both()) for _ in range(2)]:
            done.result()
    assert len(wire.requests) == 10
    assert wire.connections == 2


def test_calls_under_trio_can_be_cancelled(wire: RawServer) -> None:
    wire.plays(lambda connection: not connection.over.wait(5))
    client = aurous.AsyncAurous(KEY, base_url=wire.url)

    async def impatient() -> None:
        with trio.move_on_after(0.05) as scope:
            await aask(client)
        assert scope.cancelled_caught
        await client.close()

    trio.run(impatient)


async def cancelled(client: aurous.AsyncAurous, wire: RawServer) -> None:
    """A call that is cancelled once the server has its request."""
    task = asyncio.create_task(aask(client))
    while not wire.requests:
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def test_hooks_receive_cancellation_at_once(wire: RawServer) -> None:
    wire.plays(lambda connection: not connection.over.wait(5))
    ends: list[BaseException | None] = []

    class Watching(aurous.Hooks):
        def on_end(self, call: aurous.CallDetails, result: object, error: BaseException | None) -> None:
            ends.append(error)

    async def once() -> None:
        client = aurous.AsyncAurous(KEY, base_url=wire.url, hooks=[Watching()])
        await cancelled(client, wire)
        assert [type(error) for error in ends] == [asyncio.CancelledError]
        await client.close()

    asyncio.run(once())


def test_cancelled_call_closes_its_connection(wire: RawServer) -> None:
    wire.plays(lambda connection: not connection.over.wait(5), GOOD)

    async def twice() -> None:
        client = aurous.AsyncAurous(KEY, base_url=wire.url)
        await cancelled(client, wire)
        assert (await aask(client)).status == "completed"
        await client.close()

    asyncio.run(twice())
    assert wire.connections == 2


def test_generated_operations_are_retried_and_keyed_by_the_client(wire: RawServer, time: Time) -> None:
    from aurous_client.api.chat import create_chat_completion

    body = {"model": MODEL, "messages": MESSAGES}
    wire.plays(lambda connection: False, GOOD)
    with aurous.Aurous(KEY, base_url=f"{wire.url}/v1", retry=aurous.RetryPolicy(initial_delay=0)) as client:
        result = create_chat_completion.sync(client=client, body=body)
        assert aurous.response_info(result).attempts[0].error
        assert len(set(wire.keys)) == 1
        assert wire.requests[1].header("X-Api-Key") == KEY
        with pytest.raises(aurous.EncodeError, match="stream"):
            create_chat_completion.sync(client=client, body={**body, "stream": True})
        wire.plays(answer(404, b""))
        with pytest.raises(errors.NotFoundError):
            create_chat_completion.sync(client=client, body=body)
        assert KEY not in repr(client)

    async def go() -> None:
        wire.plays(GOOD)
        async with aurous.AsyncAurous(KEY, base_url=wire.url) as client:
            assert (await create_chat_completion.asyncio(client=client, body=body)).status == "completed"

    asyncio.run(go())


class Owner:
    def __init__(self) -> None:
        self._lock = fork_safe_lock(self)

    @property
    def lock(self) -> Any:
        return self._lock


def test_renewed_lock_is_open_and_still_shared() -> None:
    owner = Owner()
    other = copy.copy(owner)
    share_lock(other)
    with ThreadPoolExecutor(1) as thread:
        thread.submit(owner.lock.acquire).result()
        assert not owner.lock.acquire(blocking=False)
        renew_locks()
        assert owner.lock.acquire(blocking=False)
        assert other.lock is owner.lock


def test_frames_of_a_package_are_removed_from_tracebacks() -> None:
    with pytest.raises(httpx.ConnectError) as caught:
        httpx.get("http://127.0.0.1:1")
    links = list(chain(caught.value))
    assert len(links) > 2
    left = without_frames(caught.value.__traceback__, {"httpx", "httpcore"})
    names = {frame.f_globals["__name__"] for frame, _ in traceback.walk_tb(left)}
    assert not any(name.startswith("http") for name in names)
    assert __name__ in names

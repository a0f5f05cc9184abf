"""The asynchronous tool loop: concurrent calls, threads for plain functions, cancellation."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import aurous
import pytest
from aurous.tools.loop import (
    arun_tools,
    run_tools,
    tool,
)
from aurous_mock.server.launcher import Mock
from clientkit.tool_loops import (
    ANSWER,
    QUESTION,
    AsyncClient,
    call,
    completion,
    double,
    run_async,
    run_sync,
    slow_double,
)
from testkit.responses import KEY, MODEL


def test_async_functions_need_arun_tools() -> None:
    with pytest.raises(TypeError, match="slow_double: async functions need arun_tools"):
        run_sync(ANSWER, tools=[double, slow_double])
    with pytest.raises(TypeError, match="slow_double is async: use ainvoke"):
        tool(slow_double).invoke('{"number": 4}')
    ran, client = run_async(completion(call("slow_double", '{"number": 4}')), ANSWER, tools=[slow_double])
    assert (ran.text, client.tool_results) == ("It is warm.", ["8"])


def test_client_of_the_other_kind_is_refused_before_it_is_called(mock: Mock) -> None:
    client: Any = aurous.Aurous(KEY, base_url=mock.url)
    with client, pytest.raises(TypeError, match="arun_tools needs an asynchronous client"):
        asyncio.run(arun_tools(client, model=MODEL, messages=QUESTION, tools=[double]))
    client = aurous.AsyncAurous(KEY, base_url=mock.url)
    with pytest.raises(TypeError, match="an asynchronous client needs arun_tools"):
        run_tools(client, model=MODEL, messages=QUESTION, tools=[double])
    assert mock.ledger() == []


def test_arun_tools_runs_the_calls_of_a_round_concurrently() -> None:
    async def main() -> list[str]:
        barrier = asyncio.Barrier(3)

        async def meet(number: int) -> int:
            await barrier.wait()
            return number

        calls = [call("meet", f'{{"number": {number}}}', f"call_{number}") for number in range(3)]
        client = AsyncClient(completion(*calls), ANSWER)
        await arun_tools(client, model="m", messages=QUESTION, tools=[meet])
        return client.tool_results

    assert asyncio.run(asyncio.wait_for(main(), 10)) == ["0", "1", "2"]


def test_plain_functions_run_in_threads_under_arun_tools() -> None:
    async def main() -> list[str]:
        released = threading.Event()

        def wait() -> bool:
            return released.wait(10)

        async def release() -> None:
            released.set()

        client = AsyncClient(completion(call("wait", ""), call("release", "")), ANSWER)
        await arun_tools(client, model="m", messages=QUESTION, tools=[wait, release])
        return client.tool_results

    assert asyncio.run(main()) == ["true", "null"]


def test_cancelling_arun_tools_cancels_its_calls() -> None:
    async def main() -> bool:
        started, cancelled = asyncio.Event(), False

        async def hang() -> None:
            nonlocal cancelled
            started.set()
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                cancelled = True
                raise

        client = AsyncClient(completion(call("hang", "")), ANSWER)
        running = asyncio.create_task(arun_tools(client, model="m", messages=QUESTION, tools=[hang]))
        await started.wait()
        running.cancel()
        await asyncio.wait([running])
        return cancelled and running.cancelled()

    assert asyncio.run(main())

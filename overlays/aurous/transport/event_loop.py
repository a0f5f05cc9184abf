"""What differs between event loops of asyncio and trio. Imports neither before it is used."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import Any


def running() -> Any:
    """An object that identifies the running event loop."""
    import asyncio

    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        import trio

        return trio.lowlevel.current_trio_token()


def is_asyncio() -> bool:
    """Whether the running event loop is asyncio's."""
    import asyncio

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def is_closed_loop(loop: Any) -> bool:
    """Whether a loop is closed, so that its connections are unusable."""
    if hasattr(loop, "is_closed"):
        return bool(loop.is_closed())
    try:
        loop.run_sync_soon(int)
    except RuntimeError:
        return True
    return False


def start_soon(loop: Any, function: Callable[[], Awaitable[object]]) -> None:
    """Run a coroutine in a loop from any thread. Exceptions are dropped. Raises RuntimeError if the loop is over."""

    async def run() -> None:
        with suppress(Exception):
            await function()

    if hasattr(loop, "call_soon_threadsafe"):
        loop.call_soon_threadsafe(_start_task, loop, run)
    else:
        import trio

        loop.run_sync_soon(trio.lowlevel.spawn_system_task, run)


def _start_task(loop: Any, function: Callable[[], Awaitable[object]]) -> None:
    task = loop.create_task(function())
    # The loop itself keeps only weak references.
    _tasks.add(task)
    task.add_done_callback(_tasks.discard)


_tasks: set[Any] = set()


def timeout(seconds: float) -> AbstractAsyncContextManager[object]:
    """Raises TimeoutError if a block takes longer."""
    if not is_asyncio():
        return _trio_timeout(seconds)
    import asyncio

    # anyio's does the same, and costs several times as much.
    return asyncio.timeout(seconds)


@asynccontextmanager
async def _trio_timeout(seconds: float) -> AsyncIterator[None]:
    import anyio

    with anyio.fail_after(seconds):
        yield


async def sleep(seconds: float) -> None:
    import anyio

    await anyio.sleep(seconds)

"""Tells event loops apart, those of asyncio and of trio. Imports neither before it is used."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any


def running() -> Any:
    """What stands for the event loop in which this runs."""
    import asyncio

    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        import trio

        return trio.lowlevel.current_trio_token()


def is_asyncio() -> bool:
    """Whether what runs is a loop of asyncio."""
    import asyncio

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def is_over(loop: Any) -> bool:
    """Whether a loop has ended, so that what belongs to it is of no use any more."""
    if hasattr(loop, "is_closed"):
        return bool(loop.is_closed())
    try:
        loop.run_sync_soon(int)
    except RuntimeError:
        return True
    return False


def within(seconds: float) -> AbstractAsyncContextManager[object]:
    """Raises TimeoutError where a block takes longer."""
    if not is_asyncio():
        return _within(seconds)
    import asyncio

    # That of anyio does the same, and takes several times as long to be made.
    return asyncio.timeout(seconds)


@asynccontextmanager
async def _within(seconds: float) -> AsyncIterator[None]:
    import anyio

    with anyio.fail_after(seconds):
        yield


async def sleep(seconds: float) -> None:
    import anyio

    await anyio.sleep(seconds)

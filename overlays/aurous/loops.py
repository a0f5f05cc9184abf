"""Tells event loops apart, those of asyncio and of trio. Imports neither before it is used."""

from __future__ import annotations

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


async def sleep(seconds: float) -> None:
    import anyio

    await anyio.sleep(seconds)

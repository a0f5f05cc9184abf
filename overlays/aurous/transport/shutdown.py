"""Closes what is still open when its event loop shuts down, or when its owner was garbage-collected."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import suppress
from typing import Any

# Strong references: a generator that is collected before it was closed would be reported by asyncio and trio.
_guards: set[ShutdownGuard] = set()


class ShutdownGuard:
    """Calls `close` when the event loop shuts down, or soon after `trigger`, unless it was stopped before.

    asyncio and trio have no other hook for their end than to close the async generators that are still suspended.
    """

    def __init__(self, loop: Any, close: Callable[[], Awaitable[None]]) -> None:
        self.loop = loop
        self._close = close
        self._generator: AsyncGenerator[None, None] | None = None

    async def start(self) -> None:
        """Start guarding; to be called within the event loop."""
        self._generator = self._wait()
        _guards.add(self)
        await anext(self._generator)

    async def stop(self) -> None:
        """There is nothing to guard any more."""
        generator = self._release()
        if generator is not None:
            await generator.aclose()

    def trigger(self) -> None:
        """Let the event loop close it soon. May be called from any thread; does nothing if the loop is over."""
        if self._generator is None:
            return
        if is_closed_loop(self.loop):
            self._release()
            return
        # Until the task has run, the guard is kept: a loop that shuts down cancels tasks, but not generators.
        with suppress(RuntimeError):
            _start_soon(self.loop, self._generator.aclose)

    async def _wait(self) -> AsyncGenerator[None, None]:
        try:
            yield
        finally:
            if self._release() is not None:
                await self._close()

    def _release(self) -> AsyncGenerator[None, None] | None:
        _guards.discard(self)
        generator, self._generator = self._generator, None
        return generator


def is_closed_loop(loop: Any) -> bool:
    """Whether a loop is closed, so that its connections are unusable."""
    if hasattr(loop, "is_closed"):
        return bool(loop.is_closed())
    try:
        loop.run_sync_soon(int)
    except RuntimeError:
        return True
    return False


def _start_soon(loop: Any, function: Callable[[], Awaitable[object]]) -> None:
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

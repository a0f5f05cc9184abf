"""Closes what is still open when its event loop shuts down, or when its owner was garbage-collected."""

from __future__ import annotations

import socket
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import suppress
from typing import Any

from . import event_loop

# Strong references: a generator that is collected before it was closed would be reported by asyncio and trio.
_guards: set[ShutdownGuard] = set()


class ShutdownGuard:
    """Calls `close` when the event loop shuts down, or soon after `trigger`, unless it was stopped before.

    asyncio and trio have no other hook for their end than to close the async generators that are still suspended.
    """

    def __init__(self, close: Callable[[], Awaitable[None]]) -> None:
        self._close = close
        self.loop = event_loop.running()
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
        if event_loop.is_closed_loop(self.loop):
            self._release()
            return
        # Until the task has run, the guard is kept: a loop that shuts down cancels tasks, but not generators.
        with suppress(RuntimeError):
            event_loop.start_soon(self.loop, self._generator.aclose)

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


def shut_down(network_stream: Any) -> None:
    """End a connection of httpcore at once, from any thread and without its event loop. It must be closed all the same.

    The caller makes sure that nothing else uses the connection.
    """
    if network_stream is not None:
        shut_down_socket(network_stream.get_extra_info("socket"))


def shut_down_socket(connected: Any) -> None:
    """As `shut_down`, for a socket or an object like one."""
    # Those of uvloop refuse with TypeError; they are closed by their loop.
    with suppress(OSError, AttributeError, TypeError):
        connected.shutdown(socket.SHUT_RDWR)

"""The unread body of a stream in coroutines: read within a timeout, and closed with its event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final

from .convert import make_decoder
from .effects import TransportFailure
from .interfaces import AsyncHTTPResponse
from .shutdown import ShutdownGuard, is_closed_loop

# anyio is imported where trio needs it; `exceptions` where something fails, since the libraries behind it are slow to
# import.

# Maximum seconds of a timer; a shorter timeout after a long one then seldom needs a new timer.
_MAX_TIMER: Final = 5.0


class AsyncBody:
    """The unread body of a stream. Closed when its event loop shuts down, if nobody does so before."""

    on_shutdown: Callable[[], Callable[[], None] | None] | None = None
    """A weak reference to what is called when the event loop shuts down before the body was closed."""

    def __init__(self, response: AsyncHTTPResponse, loop: Any) -> None:
        self._response = response
        self._decoder = make_decoder(response.content_encoding)
        self._is_exhausted = self._is_closed = False
        self._timeout = ReusableTimeout(loop) if isinstance(loop, asyncio.AbstractEventLoop) else None
        self.guard = ShutdownGuard(loop, self._close_at_shutdown)

    async def read(self, remaining: Callable[[], float]) -> bytes | TransportFailure | None:
        timeout, seconds = self._timeout, remaining()
        if timeout is None:
            return await self._read_within(seconds)
        timeout.start(seconds)
        try:
            data = await self._response.receive() if self._decoder is None else await self._decode()
            self._is_exhausted = data is None
            return data
        except BaseException as error:
            from .exceptions import FAILURES, read_timeout_failure, to_transport_failure

            if isinstance(error, FAILURES):
                return to_transport_failure(error, None)
            if not timeout.expired():
                raise
            return read_timeout_failure(seconds, error)
        finally:
            timeout.stop()

    async def _read_within(self, seconds: float) -> bytes | TransportFailure | None:
        """`read` for event loops other than asyncio's."""
        import anyio

        try:
            with anyio.fail_after(seconds):
                data = await self._response.receive() if self._decoder is None else await self._decode()
                self._is_exhausted = data is None
                return data
        except Exception as error:
            from .exceptions import FAILURES, read_timeout_failure, to_transport_failure

            if isinstance(error, TimeoutError):
                return read_timeout_failure(seconds, error)
            if not isinstance(error, FAILURES):
                raise
            return to_transport_failure(error, None)

    async def _decode(self) -> bytes | None:
        decoder = self._decoder
        assert decoder is not None
        data = b"" if decoder.has_more else await self._response.receive()
        if data is not None:
            return decoder.decode(data)
        decoder.finish()
        return None

    def abandon(self) -> None:
        """Disconnect at once without waiting, from any thread, for a body whose owner is gone."""
        if self._is_closed:
            return
        if not self._is_exhausted:
            self._response.abandon(is_loop_closed=is_closed_loop(self.guard.loop))
        self.guard.trigger()

    async def _close_at_shutdown(self) -> None:
        callback = None if self.on_shutdown is None else self.on_shutdown()
        if callback is not None:
            callback()
        await self.close()

    async def close(self) -> None:
        self._is_closed = True
        await self.guard.stop()
        if self._timeout is not None:
            self._timeout.close()
        await self._response.close(is_exhausted=self._is_exhausted)


class ReusableTimeout:
    """An asyncio timeout with one timer for all reads of a stream. Cancels the waiting task, as `asyncio.timeout` does.

    timeout.start(seconds)
    try:
        await something()
    except asyncio.CancelledError:
        if not timeout.expired():
            raise
    finally:
        timeout.stop()
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._timer: asyncio.TimerHandle | None = None
        # When the timer fires, and when the timeout expires: never before the timer.
        self._timer_at = self._expires_at = 0.0
        self._task: asyncio.Task[Any] | None = None
        self._cancelling = 0
        self._expired = False

    def start(self, seconds: float) -> None:
        """Start the timeout for the current task."""
        self._task = task = asyncio.current_task()
        assert task is not None
        self._cancelling = task.cancelling()
        now = self._loop.time()
        self._expires_at = moment = now + seconds
        if self._timer is None or moment < self._timer_at:
            self._start_timer(now)

    def expired(self) -> bool:
        """Whether a cancellation came from this timeout, and from nothing else."""
        if not self._expired or self._task is None:
            return False
        self._expired = False
        return self._task.uncancel() <= self._cancelling

    def stop(self) -> None:
        """End the wait; `start` can follow."""
        if self._expired and self._task is not None:
            # Expired just as the wait ended in another way.
            self._task.uncancel()
            self._expired = False
        self._task = None

    def close(self) -> None:
        """Cancel the timer."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _start_timer(self, now: float) -> None:
        self.close()
        self._timer_at = min(self._expires_at, now + _MAX_TIMER)
        self._timer = self._loop.call_at(self._timer_at, self._expire)

    def _expire(self) -> None:
        self._timer = None
        if self._task is None:
            return
        if self._expires_at > self._timer_at:
            self._start_timer(self._loop.time())
            return
        self._expired = True
        self._task.cancel()

"""One exchange in a coroutine: sends a request, and reads the response or hands on the body of a stream."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

import httpx

from . import event_loop
from .convert import is_event_stream, refused_response, to_raw_response, truncated_response
from .decoding import BodyBuffer, make_decoder
from .effects import RawResponse, SendRequest, TransportError
from .exceptions import FAILURES, deadline_error, read_timeout_error, scrub, to_transport_error
from .shutdown import ShutdownGuard

if TYPE_CHECKING:
    from .asyncio_timeout import ReusableTimeout


class AsyncHTTPResponse(Protocol):
    """A response whose body is unread."""

    status_code: int
    headers: dict[str, str]
    content_encoding: str
    is_http1: bool

    async def receive(self) -> bytes | None:
        """The next data, None at the end."""

    async def close(self, *, is_exhausted: bool) -> None:
        """Close the response, also if the task is cancelled. Its connection is reused if the body was exhausted."""

    def abandon(self, *, is_loop_closed: bool) -> None:
        """Disconnect at once, from any thread."""


class AsyncHTTPClient(Protocol):
    """A client of one of the HTTP libraries."""

    async def send(self, request: SendRequest) -> AsyncHTTPResponse:
        """Send a request, and receive the head of its response."""
        ...

    async def close(self) -> None: ...


async def exchange(client: AsyncHTTPClient, request: SendRequest) -> RawResponse | TransportError:
    """Send a request once. Errors of the network are returned."""
    response: AsyncHTTPResponse | None = None
    content = bytearray()
    is_exhausted = False
    limit = min(request.read, request.total) if request.streams else request.total
    try:
        async with event_loop.timeout(limit):
            response = await client.send(request)
            if request.streams and is_event_stream(response.status_code, response.headers):
                body = AsyncBody(response)
                await body.guard.start()
                result = to_raw_response(response.status_code, response.headers, is_http1=response.is_http1, body=body)
                response = None
                return result
            try:
                buffer = BodyBuffer(response.content_encoding)
                content = buffer.content
                while (data := await response.receive()) is not None:
                    buffer.receive_data(data)
                is_exhausted = True
                buffer.finish()
            except FAILURES as error:
                failure = to_transport_error(error, request)
                return truncated_response(response.status_code, response.headers, content, failure)
            return to_raw_response(
                response.status_code, response.headers, is_http1=response.is_http1, content=bytes(content)
            )
    except TimeoutError as error:
        failure = deadline_error(limit, error)
        if response is None:
            return failure
        return truncated_response(response.status_code, response.headers, content, failure)
    except FAILURES as error:
        return to_transport_error(error, request)
    except httpx.HTTPStatusError as error:
        return refused_response(error)
    except BaseException as error:
        scrub(error)
        raise
    finally:
        if response is not None:
            await response.close(is_exhausted=is_exhausted)


class AsyncBody:
    """The unread body of a stream."""

    on_shutdown: Callable[[], None] | None = None
    """Called when the event loop shuts down before the body was closed."""

    def __init__(self, response: AsyncHTTPResponse) -> None:
        self._response = response
        self._decoder = make_decoder(response.content_encoding)
        self._is_exhausted = self._is_closed = False
        self._timeout: ReusableTimeout | None = None
        if event_loop.is_asyncio():
            from .asyncio_timeout import ReusableTimeout

            self._timeout = ReusableTimeout()
        self.guard = ShutdownGuard(self._close_at_shutdown)

    async def read(self, remaining: Callable[[], float]) -> bytes | TransportError | None:
        timeout, seconds = self._timeout, remaining()
        if timeout is None:
            return await self._read_within(seconds)
        timeout.start(seconds)
        try:
            data = await self._response.receive() if self._decoder is None else await self._decode()
            self._is_exhausted = data is None
            return data
        except FAILURES as error:
            return to_transport_error(error, None)
        except BaseException as error:
            if not timeout.expired():
                raise
            return read_timeout_error(seconds, error)
        finally:
            timeout.stop()

    async def _read_within(self, seconds: float) -> bytes | TransportError | None:
        """`read` for event loops other than asyncio's."""
        import anyio

        try:
            with anyio.fail_after(seconds):
                data = await self._response.receive() if self._decoder is None else await self._decode()
                self._is_exhausted = data is None
                return data
        except TimeoutError as error:
            return read_timeout_error(seconds, error)
        except FAILURES as error:
            return to_transport_error(error, None)

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
            self._response.abandon(is_loop_closed=event_loop.is_closed_loop(self.guard.loop))
        self.guard.trigger()

    async def _close_at_shutdown(self) -> None:
        if self.on_shutdown is not None:
            self.on_shutdown()
        await self.close()

    async def close(self) -> None:
        self._is_closed = True
        await self.guard.stop()
        if self._timeout is not None:
            self._timeout.close()
        await self._response.close(is_exhausted=self._is_exhausted)

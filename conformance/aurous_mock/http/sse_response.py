"""Streams a generation as server-sent events, and ends it when the client disconnects."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

from starlette.types import Receive, Scope, Send

from aurous_mock.completions.draft import BY_DISCONNECT, CANCELLED, COMPLETED, FAILED, INTERNAL_ERROR, failure_of
from aurous_mock.completions.streamed_generation import Generation
from aurous_mock.generation.answer import Delta, Finish
from aurous_mock.http.errors import APIError, envelope
from aurous_mock.http.frames import DONE, KEEP_ALIVE, FrameWriter, frame
from aurous_mock.http.request_context import RequestContext
from aurous_mock.server import sockets
from aurous_mock.storage.store import StoreUnavailable

EVENT_HEADERS = (
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache, no-transform"),
    (b"x-accel-buffering", b"no"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamOptions:
    """How one stream is sent.

    warn: begin with the warning that the idempotency key is ignored
    keep_alive: seconds of silence before a comment
    error_frame: after how many deltas to fail, as an injected fault
    """

    warn: bool
    keep_alive: float
    error_frame: int | None
    provider_error: APIError | None
    notice_disconnect: bool


class SSEResponse:
    """The ASGI response that streams a generation. The generation has ended when it returns, whatever the client does.

    on_end: called when all is sent, or the client is gone
    """

    def __init__(
        self,
        generation: Generation,
        deltas: AsyncIterator[Delta | Finish],
        options: StreamOptions,
        context: RequestContext,
        *,
        on_end: Callable[[], Awaitable[None]],
    ) -> None:
        self._generation = generation
        self._deltas = deltas
        self._options = options
        self._context = context
        self._on_end = on_end
        self._frames = FrameWriter(generation.draft)
        self._sent_at = 0.0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._receive, self._send = receive, send
        try:
            await self._stream()
        except StoreUnavailable:
            # Its end is not stored, so none is sent: the client finds it by the completion's id later.
            sockets.close(scope)
            await sockets.flush(scope)
        finally:
            await self._on_end()

    async def _stream(self) -> None:
        status = b"ignored_streaming" if self._options.warn else b"not_set"
        headers = [*EVENT_HEADERS, (b"aurous-idempotency-status", status)]
        helpers: list[asyncio.Task[None]] = []
        producer: asyncio.Task[None] | None = None
        try:
            await self._send({"type": "http.response.start", "status": 200, "headers": headers})
            helpers.append(asyncio.create_task(self._send_keep_alives()))
            if self._options.notice_disconnect:
                helpers.append(asyncio.create_task(self._watch_for_disconnect()))
            producer = asyncio.create_task(self._produce())
            self._generation.attach(producer)
            await asyncio.wait([producer])
        finally:
            try:
                await self._finish_generation(producer)
            finally:
                for helper in helpers:
                    helper.cancel()
        await self._finish()

    async def _produce(self) -> None:
        if self._options.warn:
            await self._emit(self._frames.warning())
        await self._emit(self._frames.role())
        number = 0
        async for delta in self._deltas:
            if number == self._options.error_frame:
                raise self._options.provider_error or APIError(
                    "chat_provider_unavailable", "The provider failed mid-stream."
                )
            if isinstance(delta, Finish):
                self._generation.draft.end(delta)
                return
            # Into the draft first: the record has whatever the client may have received.
            self._generation.draft.add(delta)
            await self._emit(self._frames.delta(delta))
            number += 1

    async def _finish_generation(self, producer: "asyncio.Task[None] | None") -> None:
        generation = self._generation
        if producer is not None:
            producer.cancel()
        if producer is not None and producer.done() and not producer.cancelled():
            error = producer.exception()
            if error is None:
                await generation.finish(COMPLETED)
            else:
                await generation.finish(FAILED, failure_of(error) if isinstance(error, APIError) else INTERNAL_ERROR)
        else:
            await generation.finish(CANCELLED, generation.failure or BY_DISCONNECT)

    async def _finish(self) -> None:
        """Send the last frames: usage, or the error. The server drops them if the client is gone."""
        if self._generation.status == FAILED:
            assert self._generation.failure is not None
            error = APIError(self._generation.failure.code, self._generation.failure.message)
            code = self._context.contract.code(error.code)
            await self._emit(frame(envelope(error, code, self._context.request_id)))
        else:
            await self._emit(self._frames.final(self._generation.status))
        await self._emit(DONE)
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _emit(self, event: bytes) -> None:
        self._sent_at = asyncio.get_running_loop().time()
        await self._send({"type": "http.response.body", "body": event, "more_body": True})

    async def _watch_for_disconnect(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._generation.interrupt(BY_DISCONNECT)

    async def _send_keep_alives(self) -> None:
        """Send a comment after `keep_alive` seconds of silence, so that proxies keep the connection."""
        loop = asyncio.get_running_loop()
        while True:
            silence = loop.time() - self._sent_at if self._sent_at else 0.0
            if silence >= self._options.keep_alive:
                await self._emit(KEEP_ALIVE)
                silence = 0.0
            await asyncio.sleep(self._options.keep_alive - silence)

"""Streams a completion as server-sent events, and ends it when the client disconnects."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from starlette.types import Receive, Scope, Send

from aurous_mock import log
from aurous_mock.completions.draft import BY_DISCONNECT, INTERNAL_ERROR, failure_of
from aurous_mock.completions.running_completion import RunningCompletion
from aurous_mock.completions.service import Service
from aurous_mock.errors import APIError, envelope
from aurous_mock.generation.answer import AnswerEnd
from aurous_mock.generation.engine import Pace
from aurous_mock.generation.parsed_request import ParsedRequest
from aurous_mock.http import sockets
from aurous_mock.http.frames import DONE, KEEP_ALIVE, FrameWriter, frame
from aurous_mock.http.request_context import RequestContext
from aurous_mock.storage.statuses import CANCELLED, COMPLETED, FAILED
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
    pace: Pace
    error_frame: int | None
    provider_error: APIError | None
    notice_disconnect: bool


class SSEResponse:
    """The ASGI response that runs a completion and streams it. The completion has ended when it returns, whatever the
    client does. A completion that fails before there is anything to send raises, so that its error has a status.

    on_end: called with the number of generated tokens when all is sent, or the client is gone
    """

    def __init__(
        self,
        service: Service,
        request: ParsedRequest,
        team: str,
        options: StreamOptions,
        context: RequestContext,
        *,
        on_end: Callable[[int], Awaitable[None]],
    ) -> None:
        self._service = service
        self._request = request
        self._team = team
        self._options = options
        self._context = context
        self._on_end = on_end
        self._is_started = False
        self._sent_at = 0.0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._receive, self._send = receive, send
        generated = 0
        try:
            async with self._service.run(self._request, self._team) as completion:
                self._frames = FrameWriter(completion.draft)
                try:
                    await self._stream(completion)
                finally:
                    generated = completion.draft.usage.generated
        except StoreUnavailable:
            if not self._is_started:
                raise
            # Its end is not stored, so none is sent: the client finds it by the completion's id later.
            sockets.close(scope)
            await sockets.flush(scope)
        finally:
            await self._on_end(generated)

    async def _stream(self, completion: RunningCompletion) -> None:
        if self._options.provider_error is not None and self._options.error_frame is None:
            raise self._options.provider_error
        try:
            error = await self._run(completion)
        except BaseExceptionGroup as errors:
            # Of the task group.
            raise errors.exceptions[0] from None
        if error is not None and not self._is_started:
            raise error
        await self._end(completion)

    async def _run(self, completion: RunningCompletion) -> Exception | None:
        """Send what the engine generates, and finish the completion. Returns the error that ended it."""
        async with asyncio.TaskGroup() as group:
            helpers = [group.create_task(self._send_keep_alives())]
            if self._options.notice_disconnect:
                helpers.append(group.create_task(self._watch_for_disconnect(completion)))
            producer = group.create_task(self._produce(completion))
            completion.attach(producer)
            await asyncio.wait([producer])
            error = None if producer.cancelled() else producer.result()
            if error is None or self._is_started:
                await _finish(completion, error, is_interrupted=producer.cancelled())
            for helper in helpers:
                helper.cancel()
        return error

    async def _produce(self, completion: RunningCompletion) -> Exception | None:
        """Send what the engine generates. Returns the error that ends it: raised, it would end the whole group."""
        began = asyncio.get_running_loop().time()
        try:
            async with self._service.stream(self._request, self._options.pace) as deltas:
                await self._start()
                number = 0
                async for delta in deltas:
                    if number == self._options.error_frame:
                        raise self._options.provider_error or APIError(
                            "chat_provider_unavailable", "The provider failed mid-stream."
                        )
                    if isinstance(delta, AnswerEnd):
                        completion.draft.end(delta)
                        return None
                    # Into the draft first: the record has whatever the client may have received.
                    completion.draft.add(delta)
                    await self._emit(self._frames.delta(delta))
                    if number == 0:
                        self._service.metrics.observe_first_delta(
                            self._request.model, asyncio.get_running_loop().time() - began
                        )
                    number += 1
        except Exception as error:
            return error
        return RuntimeError("the engine ended its stream without a reason")

    async def _start(self) -> None:
        """Send the head and the first frames, if they are not sent yet."""
        if self._is_started:
            return
        status = b"ignored_streaming" if self._options.warn else b"not_set"
        headers = [*EVENT_HEADERS, (b"aurous-idempotency-status", status)]
        self._is_started = True
        await self._send({"type": "http.response.start", "status": 200, "headers": headers})
        if self._options.warn:
            await self._emit(self._frames.warning())
        await self._emit(self._frames.role())

    async def _end(self, completion: RunningCompletion) -> None:
        """Send the last frames: usage, or the error. The server drops them if the client is gone."""
        await self._start()
        if completion.status == FAILED:
            assert completion.failure is not None
            error = APIError(completion.failure.code, completion.failure.message)
            code = self._context.contract.code(error.code)
            await self._emit(frame(envelope(error, code, self._context.request_id)))
        else:
            await self._emit(self._frames.final(completion.status))
        await self._emit(DONE)
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _emit(self, event: bytes) -> None:
        self._sent_at = asyncio.get_running_loop().time()
        await self._send({"type": "http.response.body", "body": event, "more_body": True})

    async def _watch_for_disconnect(self, completion: RunningCompletion) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        completion.interrupt(BY_DISCONNECT)

    async def _send_keep_alives(self) -> None:
        """Send a comment after `keep_alive` seconds of silence, so that proxies keep the connection."""
        loop = asyncio.get_running_loop()
        while True:
            silence = loop.time() - self._sent_at if self._sent_at else 0.0
            if silence >= self._options.keep_alive:
                await self._emit(KEEP_ALIVE)
                silence = 0.0
            await asyncio.sleep(self._options.keep_alive - silence)


async def _finish(completion: RunningCompletion, error: Exception | None, *, is_interrupted: bool) -> None:
    if is_interrupted:
        await completion.finish(CANCELLED, completion.failure or BY_DISCONNECT)
    elif isinstance(error, APIError):
        await completion.finish(FAILED, failure_of(error))
    elif error is not None:
        log.write_traceback(error)
        await completion.finish(FAILED, INTERNAL_ERROR)
    else:
        await completion.finish(COMPLETED)

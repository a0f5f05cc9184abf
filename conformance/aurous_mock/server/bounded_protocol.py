"""uvicorn's HTTP protocol with bounds on what a connection may send, and how slowly, before a request is served."""

import asyncio
import resource
from collections.abc import Callable
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from aurous_mock.http.sockets import EXTENSION

# What is not body: request line, headers, chunk sizes, trailers. One block of a socket may come on top.
MAX_OVERHEAD: Final = 64 * 1024
MAX_HEADERS: Final = 100
# Chunks of one byte have five bytes around it.
_OVERHEAD_PER_BODY_BYTE: Final = 8
MAX_PIPELINED: Final = 16
HEAD_SECONDS: Final = 10.0
BODY_SECONDS: Final = 20.0
BODY_BYTES_PER_SECOND: Final = 10_000
# Descriptors that are kept free for the state, the upstream server and the process itself.
_RESERVED_DESCRIPTORS: Final = 64


class LimitExceeded(Exception):  # noqa: N818 - the parser makes an error of it
    """A connection sent more than it may. Ends the parsing of a block."""


class BoundedProtocol(HttpToolsProtocol):
    """Answers 400 and closes the connection where a bound is exceeded."""

    max_connections = 10_000
    head_seconds = HEAD_SECONDS
    body_seconds = BODY_SECONDS

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._overhead = 0
        self._body_bytes = 0
        self._in_head = True
        self._deadline: asyncio.TimerHandle | None = None
        # The request that is being answered; `cycle` is the one that was read last.
        self._answering: RequestResponseCycle | None = None
        self._is_refused = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > self.max_connections:
            self._close_an_idle_connection()
        self._set_deadline(self.head_seconds)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._cancel_deadline()
        if self._answering is not None:
            # uvicorn tells only the last of several pipelined requests.
            self._answering.disconnected = True
            self._answering.message_event.set()
        # They refer to each other: without this, requests that nobody waits for stay until a garbage collection.
        self.pipeline.clear()
        self._answering = None
        self.cycle = None  # type: ignore[assignment]
        self.scope = None  # type: ignore[assignment]
        self.headers = None  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        if self._is_refused:
            return
        if self._in_head and self._deadline is None:
            self._set_deadline(self.head_seconds)
        self._overhead += len(data)
        super().data_received(data)
        is_too_much = self._overhead > MAX_OVERHEAD + _OVERHEAD_PER_BODY_BYTE * self._body_bytes
        if is_too_much and not self.transport.is_closing():
            self._refuse()

    def on_message_begin(self) -> None:
        if len(self.pipeline) >= MAX_PIPELINED:
            raise LimitExceeded("too many requests before a response")
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        # Trailers come here too.
        if len(self.headers) >= MAX_HEADERS:
            raise LimitExceeded("too many headers")
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        super().on_headers_complete()
        self._in_head = False
        self._set_deadline(self.body_seconds)

    def on_body(self, body: bytes) -> None:
        self._overhead -= len(body)
        self._body_bytes += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._cancel_deadline()
        # The rest of the block belongs to the next request, and is not counted.
        self._overhead = self._body_bytes = 0
        self._in_head = True

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._answering = cycle
        super()._start_asgi_task(cycle, app)

    def on_response_complete(self) -> None:
        self._answering = None
        # Starts the next request of the pipeline, which sets `_answering` again.
        super().on_response_complete()
        if self._is_refused and self._answering is None and not self.transport.is_closing():
            self.write_bad_request()

    def send_400_response(self, msg: str) -> None:
        """Refuse the request that was read last: now, or by `on_response_complete` after the whole ones before it."""
        self._is_refused = True
        self._cancel_deadline()
        # The newest request that waits; `more_body` says that it is not whole, so it is the refused one.
        if self.pipeline and self.pipeline[0][0].more_body:
            self.pipeline.popleft()
        is_answering_a_whole_one = self._answering is not None and not self._answering.more_body
        if not is_answering_a_whole_one:
            self.write_bad_request()

    def write_bad_request(self) -> None:
        """Send a 400 and close the connection."""
        super().send_400_response("Invalid HTTP request received.")

    def _refuse(self) -> None:
        self.send_400_response("A bound is exceeded.")

    def _set_deadline(self, seconds: float) -> None:
        self._cancel_deadline()
        self._deadline = self.loop.call_later(seconds, self._check_deadline, self._body_bytes)

    def _cancel_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _check_deadline(self, received_before: int) -> None:
        self._deadline = None
        if self.transport.is_closing():
            return
        received = self._body_bytes - received_before
        is_fast_enough = received >= self.body_seconds * BODY_BYTES_PER_SECOND
        if not self._in_head and (is_fast_enough or self.flow.read_paused):
            self._set_deadline(self.body_seconds)
        elif self._overhead or self._body_bytes:
            self._refuse()
        else:
            self.transport.close()

    def _close_an_idle_connection(self) -> None:
        for connection in self.connections:
            if connection is self or not isinstance(connection, BoundedProtocol) or connection.transport.is_closing():
                continue
            if connection.cycle is None or connection.cycle.response_complete:
                connection.transport.close()
                return
        self.transport.close()


def most_connections() -> int:
    """How many connections leave descriptors for the rest of the process. Raises the limit of descriptors first."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard == resource.RLIM_INFINITY or soft < hard:
        try:
            wanted = 65_536 if hard == resource.RLIM_INFINITY else hard
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
            soft = wanted
        except (OSError, ValueError):
            # The system refuses: what there is has to do.
            pass
    return max(soft - _RESERVED_DESCRIPTORS, 16)


def make_protocol(bad_request: Callable[[], bytes]) -> type[asyncio.Protocol]:
    """The protocol of one server, which gives each request access to its transport.

    bad_request: makes the response to bytes that are not HTTP
    """

    class ServerProtocol(BoundedProtocol):
        max_connections = most_connections()

        def on_message_begin(self) -> None:
            super().on_message_begin()
            self.scope["extensions"] = {EXTENSION: {"transport": self.transport}}

        def write_bad_request(self) -> None:
            self.transport.write(bad_request())
            self.transport.close()

    return ServerProtocol

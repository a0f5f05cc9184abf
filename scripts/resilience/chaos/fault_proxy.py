"""A proxy that injects the faults of a plan, and counts them and the completions that pass."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from collections import Counter, defaultdict
from typing import Any, Final

from testkit.sockets import reset_on_close

from resilience.chaos.fault_plan import Fault, FaultPlan, ResponseFault, StreamBreak, StreamEnding, Work
from resilience.chaos.http_messages import LostError, Request, Response, UpstreamRequest, chunk, read_request

_KEY: Final = b"idempotency-key"
_MOCK_FAULT: Final = b"aurous-mock-fault"
_ID: Final = re.compile(rb'"id":\s*"(cmp_[^"]+)"')
_BLANK: Final = b"\n\n"
# As shares of the client's read timeout: how long a duplicate request takes, how far it is ahead of the original, and
# how long a response takes that must time out.
_DUPLICATE_DURATION, _DUPLICATE_HEAD_START, _TOO_SLOW = 0.4, 0.1, 1.5

_HTML: Final = Response(502, ((b"content-type", b"text/html"),), b"<html><h1>502 Bad Gateway</h1></html>\n")


def _envelope(status: int, code: str) -> Response:
    error = {"type": "server_error", "code": code, "message": "Injected by the chaos proxy.", "request_id": "req_chaos"}
    return Response(status, ((b"content-type", b"application/json"),), json.dumps({"error": error}).encode())


_REPLACEMENTS: Final = {
    ResponseFault.HTML: _HTML,
    ResponseFault.FAILED: _envelope(500, "internal_error"),
    ResponseFault.UNAVAILABLE: _envelope(503, "chat_provider_unavailable"),
}


class Proxy:
    """An HTTP proxy between the clients and one server.

    read_timeout: seconds that the clients wait for a response
    drops_keys:   whether the proxy removes idempotency keys, as if the client sent none
    """

    def __init__(self, plan: FaultPlan, *, read_timeout: float, drops_keys: bool = False) -> None:
        self._plan = plan
        self._read_timeout = read_timeout
        self._drops_keys = drops_keys
        self._attempts: Counter[tuple[str, int | None]] = Counter()
        self._numbers: dict[str, int] = {}
        self._connections: set[asyncio.Task[Any]] = set()
        self._unattended: set[asyncio.Task[Any]] = set()
        self._server: asyncio.Server | None = None
        self._upstream = ("127.0.0.1", 0)
        self._is_calm = False
        self.exchanges = 0
        self.injected: Counter[str] = Counter()
        self.outages = 0
        """How many exchanges found no server, or lost it half-way."""
        self.completions: defaultdict[int, set[str]] = defaultdict(set)
        """The ids of the completions created for each call, as far as responses passed through."""

    async def start(self, port: int) -> str:
        """Forward to that port of this machine. Returns the URL of the proxy."""
        self._upstream = ("127.0.0.1", port)
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def calm(self) -> None:
        """Inject no more faults, and wait for the requests that run unattended."""
        self._is_calm = True
        await asyncio.gather(*self._unattended)

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
        tasks = [*self._connections, *self._unattended]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        client = _Client(reader, writer)
        try:
            while not client.is_gone and (request := await read_request(reader)) is not None:
                self.exchanges += 1
                await self._exchange(request, client)
        except (LostError, OSError):
            client.reset()
        except asyncio.CancelledError:
            # Only `stop` cancels, and it waits for this.
            client.reset()
        finally:
            self._connections.discard(task)
            writer.close()

    async def _exchange(self, request: Request, client: _Client) -> None:
        fault = None if self._is_calm else self._choose_fault(request)
        if self._drops_keys:
            request = request.without_header(_KEY)
        if fault is not None:
            self.injected[str(fault)] += 1
        client.is_streaming = False
        try:
            if isinstance(fault, Fault):
                await self._inject(request, fault, client)
            else:
                await self._forward(request, fault, client)
        except LostError:
            self.outages += 1
            if client.is_streaming:
                client.reset()
            else:
                client.send(_HTML.encode())

    def _choose_fault(self, request: Request) -> Fault | StreamBreak | None:
        number = request.number
        if number is None:
            number = self._numbers.get(request.target.split("?")[0].rsplit("/", 1)[-1])
        attempt = self._attempts[request.method, number]
        self._attempts[request.method, number] += 1
        body = json.loads(request.body) if request.body else {}
        if body.get("stream"):
            return self._plan.for_stream(number, attempt, body["max_tokens"])
        return self._plan.for_call(request.method, number, attempt)

    async def _forward(self, request: Request, stream_break: StreamBreak | None, client: _Client) -> None:
        upstream = await UpstreamRequest.send(*self._upstream, request)
        try:
            head = await upstream.head()
            if head.is_stream:
                await self._relay(request, upstream, head, stream_break, client)
            else:
                client.send(self._recorded(request, await upstream.rest(head)).encode())
        except BaseException:
            upstream.close()
            raise

    async def _relay(
        self,
        request: Request,
        upstream: UpstreamRequest,
        head: Response,
        stream_break: StreamBreak | None,
        client: _Client,
    ) -> None:
        """Relay a stream event by event, up to its break."""
        client.is_streaming = True
        client.send(head.encode())
        waiting, events = b"", 0
        async for piece in upstream.pieces():
            *complete, waiting = (waiting + piece).split(_BLANK)
            for event in complete:
                if events == 0:
                    self._record_completion(request, event)
                if stream_break is not None and events == stream_break.events:
                    if stream_break.is_detected:
                        upstream.close()
                    else:
                        self._run_unattended(_drain(upstream))
                    await client.end(stream_break, event)
                    return
                events += 1
                client.send(chunk(event + _BLANK))
        upstream.close()
        client.send(chunk(waiting) if waiting else b"")
        client.send(chunk(b""))

    async def _inject(self, request: Request, fault: Fault, client: _Client) -> None:
        response = None if fault.work is Work.NONE else await self._process(request, fault.work)
        replacement = _REPLACEMENTS.get(fault.response)
        if replacement is not None:
            client.send(replacement.encode())
        elif fault.response is ResponseFault.RESET:
            client.reset()
        elif fault.response is ResponseFault.STALLED:
            await client.wait_closed()
        elif response is None or fault.response is ResponseFault.WHOLE:
            client.send((response or _HTML).encode())
        else:
            # CUT leaves the head whole and closes in good order; TORN cuts anywhere and resets.
            data = response.encode()
            least = len(data) - len(response.body) if fault.response is ResponseFault.CUT else 1
            client.send(data[: least + int((len(data) - least) * fault.place)])
            if fault.response is ResponseFault.TORN:
                client.reset()
            else:
                client.close()

    async def _process(self, request: Request, work: Work) -> Response:
        """Let the server process the request, once or twice. Returns its last response."""
        if work is Work.SLOW:
            request = _paced(request, self._read_timeout * _TOO_SLOW)
        elif work is Work.TWICE:
            self._recorded(request, await (await UpstreamRequest.send(*self._upstream, request)).response())
        elif work is Work.OVERTAKEN:
            self._run_unattended(self._deliver(_paced(request, self._read_timeout * _DUPLICATE_DURATION)))
            await asyncio.sleep(self._read_timeout * _DUPLICATE_HEAD_START)
        return await self._deliver(request)

    async def _deliver(self, request: Request) -> Response:
        return self._recorded(request, await (await UpstreamRequest.send(*self._upstream, request)).response())

    def _recorded(self, request: Request, response: Response) -> Response:
        if response.status == 200:
            self._record_completion(request, response.body)
        return response

    def _record_completion(self, request: Request, text: bytes) -> None:
        """Record for which call a completion was created."""
        match, number = _ID.search(text), request.number
        if match and number is not None:
            completion_id = match[1].decode()
            self.completions[number].add(completion_id)
            self._numbers[completion_id] = number

    def _run_unattended(self, coroutine: Any) -> None:
        """Run a coroutine that no client waits for."""
        task = asyncio.ensure_future(_ignore_lost(coroutine))
        self._unattended.add(task)
        task.add_done_callback(self._unattended.discard)


class _Client:
    """The connection to the client."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self.is_streaming = False
        """Whether a response was begun, so that no other can be sent."""
        self.is_gone = False

    def send(self, data: bytes) -> None:
        self._writer.write(data)

    def reset(self) -> None:
        self.is_gone = True
        connection: Any = self._writer.get_extra_info("socket")
        if connection is not None and connection.fileno() >= 0:
            reset_on_close(connection)
        self._writer.transport.abort()

    def close(self) -> None:
        self.is_gone = True
        self._writer.close()

    async def wait_closed(self) -> None:
        """Wait until the client closes."""
        self.is_gone = True
        while await self._reader.read(1024):
            pass

    async def end(self, stream_break: StreamBreak, event: bytes) -> None:
        """Break a stream off before an event, or inside it."""
        if stream_break.is_inside_event:
            self.send(chunk(event[: len(event) // 2]))
        if stream_break.ending is StreamEnding.RESET:
            self.reset()
        elif stream_break.ending is StreamEnding.STALLED:
            await self.wait_closed()
        else:
            self.send(chunk(b"") if stream_break.ending is StreamEnding.ENDED else b"")
            self.close()


def _paced(request: Request, seconds: float) -> Request:
    """The request, with a fault header that makes the mock take so many seconds."""
    tokens = json.loads(request.body)["max_tokens"]
    return request.with_header(_MOCK_FAULT, b"pace=%.4f" % (tokens / seconds))


async def _drain(upstream: UpstreamRequest) -> None:
    try:
        async for _ in upstream.pieces():
            pass
    finally:
        upstream.close()


async def _ignore_lost(coroutine: Any) -> None:
    with contextlib.suppress(LostError):
        await coroutine

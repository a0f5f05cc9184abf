"""A proxy that spoils what passes it. Keeps count of what it did, and of which completions it saw; judges nothing."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import socket
import struct
from collections import Counter, defaultdict
from typing import Any, Final

from resilience.chaos.fault_plan import Answer as Given
from resilience.chaos.fault_plan import Break, Ending, Fault, Lots, Work
from resilience.chaos.http_messages import Answer, Asked, LostError, Request, chunk, read_request

_KEY: Final = b"idempotency-key"
_MOCK_FAULT: Final = b"aurous-mock-fault"
_LINGER_NOT: Final = struct.pack("ii", 1, 0)
_ID: Final = re.compile(rb'"id":\s*"(cmp_[^"]+)"')
_BLANK: Final = b"\n\n"
# In terms of the client's patience: how long a copy of a request takes, and how far it is ahead of the original; and
# how long work takes that outlasts the client.
_COPY_TAKES, _COPY_AHEAD, _TOO_LONG = 0.4, 0.1, 1.5

_HTML: Final = Answer(502, ((b"content-type", b"text/html"),), b"<html><h1>502 Bad Gateway</h1></html>\n")


def _envelope(status: int, code: str) -> Answer:
    error = {"type": "server_error", "code": code, "message": "The trial's proxy says so.", "request_id": "req_trial"}
    return Answer(status, ((b"content-type", b"application/json"),), json.dumps({"error": error}).encode())


_INSTEAD: Final = {
    Given.HTML: _HTML,
    Given.FAILED: _envelope(500, "internal_error"),
    Given.UNAVAILABLE: _envelope(503, "chat_provider_unavailable"),
}


class Proxy:
    """Stands between clients and one server.

    patience:   seconds that the clients wait for an answer
    drops_keys: whether requests lose their idempotency key on the way, as if the client knew of none
    """

    def __init__(self, lots: Lots, *, patience: float, drops_keys: bool = False) -> None:
        self._lots = lots
        self._patience = patience
        self._drops_keys = drops_keys
        self._attempts: Counter[tuple[str, int | None]] = Counter()
        self._numbers: dict[str, int] = {}
        self._connections: set[asyncio.Task[Any]] = set()
        self._unattended: set[asyncio.Task[Any]] = set()
        self._server: asyncio.Server | None = None
        self._upstream = ("127.0.0.1", 0)
        self._is_calm = False
        self.exchanges = 0
        self.struck: Counter[str] = Counter()
        self.outages = 0
        """How many exchanges found no server, or lost it."""
        self.seen: defaultdict[int, set[str]] = defaultdict(set)
        """The ids of the completions that were made for each call, as far as an answer told."""

    async def start(self, port: int) -> str:
        """Pass on to the server at that port of this machine. The URL to send to."""
        self._upstream = ("127.0.0.1", port)
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def calm(self) -> None:
        """Let everything pass unspoilt from now on, and what nobody waits for come to its end."""
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
            # Only `stop` cancels, and it waits for no more than this.
            client.reset()
        finally:
            self._connections.discard(task)
            writer.close()

    async def _exchange(self, request: Request, client: _Client) -> None:
        fault = None if self._is_calm else self._draw(request)
        if self._drops_keys:
            request = request.without(_KEY)
        if fault is not None:
            self.struck[str(fault)] += 1
        client.is_streaming = False
        try:
            if isinstance(fault, Fault):
                await self._spoil(request, fault, client)
            else:
                await self._pass(request, fault, client)
        except LostError:
            self.outages += 1
            if client.is_streaming:
                client.reset()
            else:
                client.send(_HTML.encode())

    def _draw(self, request: Request) -> Fault | Break | None:
        number = request.number
        if number is None:
            number = self._numbers.get(request.target.split("?")[0].rsplit("/", 1)[-1])
        attempt = self._attempts[request.method, number]
        self._attempts[request.method, number] += 1
        body = json.loads(request.body) if request.body else {}
        if body.get("stream"):
            return self._lots.for_stream(number, attempt, body["max_tokens"])
        return self._lots.for_call(request.method, number, attempt)

    async def _pass(self, request: Request, broken: Break | None, client: _Client) -> None:
        asked = await Asked.send(*self._upstream, request)
        try:
            head = await asked.head()
            if head.is_stream:
                await self._relay(request, asked, head, broken, client)
            else:
                client.send(self._noted(request, await asked.rest(head)).encode())
        except BaseException:
            asked.hang_up()
            raise

    async def _relay(self, request: Request, asked: Asked, head: Answer, broken: Break | None, client: _Client) -> None:
        """A stream, event by event, as far as it is to come."""
        client.is_streaming = True
        client.send(head.encode())
        waiting, events = b"", 0
        async for piece in asked.pieces():
            *whole, waiting = (waiting + piece).split(_BLANK)
            for event in whole:
                if events == 0:
                    self._note(request, event)
                if broken is not None and events == broken.events:
                    if broken.is_noticed:
                        asked.hang_up()
                    else:
                        self._go_on(_exhaust(asked))
                    await client.end(broken, event)
                    return
                events += 1
                client.send(chunk(event + _BLANK))
        asked.hang_up()
        client.send(chunk(waiting) if waiting else b"")
        client.send(chunk(b""))

    async def _spoil(self, request: Request, fault: Fault, client: _Client) -> None:
        answer = None if fault.work is Work.NONE else await self._work(request, fault.work)
        instead = _INSTEAD.get(fault.answer)
        if instead is not None:
            client.send(instead.encode())
        elif fault.answer is Given.RESET:
            client.reset()
        elif fault.answer is Given.STALLED:
            await client.gone()
        elif answer is None or fault.answer is Given.WHOLE:
            client.send((answer or _HTML).encode())
        else:
            # Cut in good order is only what comes after the head; torn is whatever.
            whole = answer.encode()
            least = len(whole) - len(answer.body) if fault.answer is Given.CUT else 1
            client.send(whole[: least + int((len(whole) - least) * fault.place)])
            if fault.answer is Given.TORN:
                client.reset()
            else:
                client.close()

    async def _work(self, request: Request, work: Work) -> Answer:
        """Let the server do it, once or twice. Its last answer."""
        if work is Work.SLOW:
            request = _paced(request, self._patience * _TOO_LONG)
        elif work is Work.TWICE:
            self._noted(request, await (await Asked.send(*self._upstream, request)).whole())
        elif work is Work.OVERTAKEN:
            self._go_on(self._deliver(_paced(request, self._patience * _COPY_TAKES)))
            await asyncio.sleep(self._patience * _COPY_AHEAD)
        return await self._deliver(request)

    async def _deliver(self, request: Request) -> Answer:
        return self._noted(request, await (await Asked.send(*self._upstream, request)).whole())

    def _noted(self, request: Request, answer: Answer) -> Answer:
        if answer.status == 200:
            self._note(request, answer.body)
        return answer

    def _note(self, request: Request, text: bytes) -> None:
        """Remember for which call a completion was made."""
        found, number = _ID.search(text), request.number
        if found and number is not None:
            completion_id = found[1].decode()
            self.seen[number].add(completion_id)
            self._numbers[completion_id] = number

    def _go_on(self, doing: Any) -> None:
        """Have something done that nobody waits for."""
        task = asyncio.ensure_future(_quietly(doing))
        self._unattended.add(task)
        task.add_done_callback(self._unattended.discard)


class _Client:
    """The side that the client is on."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self.is_streaming = False
        """Whether an answer was begun, so that no other can be given."""
        self.is_gone = False

    def send(self, data: bytes) -> None:
        self._writer.write(data)

    def reset(self) -> None:
        self.is_gone = True
        connection: Any = self._writer.get_extra_info("socket")
        if connection is not None and connection.fileno() >= 0:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOT)
        self._writer.transport.abort()

    def close(self) -> None:
        self.is_gone = True
        self._writer.close()

    async def gone(self) -> None:
        """Until the client has had enough."""
        self.is_gone = True
        while await self._reader.read(1024):
            pass

    async def end(self, broken: Break, event: bytes) -> None:
        """Break a stream off before an event, or within it."""
        if broken.is_within:
            self.send(chunk(event[: len(event) // 2]))
        if broken.ending is Ending.RESET:
            self.reset()
        elif broken.ending is Ending.STALLED:
            await self.gone()
        else:
            self.send(chunk(b"") if broken.ending is Ending.ENDED else b"")
            self.close()


def _paced(request: Request, seconds: float) -> Request:
    """The request, with word for the mock to take so long over it."""
    tokens = json.loads(request.body)["max_tokens"]
    return request.having(_MOCK_FAULT, b"pace=%.4f" % (tokens / seconds))


async def _exhaust(asked: Asked) -> None:
    try:
        async for _ in asked.pieces():
            pass
    finally:
        asked.hang_up()


async def _quietly(doing: Any) -> None:
    with contextlib.suppress(LostError):
        await doing

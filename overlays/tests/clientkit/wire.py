"""What the tests of the client share: time that they can move, both clients as one, a server of raw sockets."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from typing import Any

import aurous
from attrs import define, field, frozen
from aurous.transport.async_ import AsyncTransport
from aurous.transport.sync import SyncTransport
from hypothesis import HealthCheck, settings

KEY = "al_live_" + "5ec4e7" * 10 + "beef"
MODEL = "aurous-grow-2.0-pro"
# The client for threads, and that for coroutines on either kind of connections.
KINDS: dict[str, Any] = {"sync": None, "async": "httpx", "aiohttp": "aiohttp"}
# For servers that say nothing more. What a busy machine has too late for this is for the next attempt.
IMPATIENT = aurous.Timeouts(read=0.1, first_event=0.1)
# For Hypothesis: the machine that runs these may be busy with something else.
CALM = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
MESSAGES = [{"role": "user", "content": "Name three colours."}]


class Time:
    """A clock that moves when somebody sleeps by it."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    async def asleep(self, seconds: float) -> None:
        self.sleep(seconds)


class Caller:
    """Either client, called alike. kind: one of `KINDS`"""

    def __init__(self, kind: str, time: Time, url: str, http_client: Any = None, **options: Any) -> None:
        self.kind = kind
        options = {"retry": aurous.RetryPolicy(jitter=0), "base_url": url, "api_key": KEY, **options}
        if kind == "sync":
            self.client: Any = aurous.Aurous(http_client=http_client, **options)
            self.client._transport = SyncTransport(http_client, clock=time.clock, sleep=time.sleep)
        else:
            self.client = aurous.AsyncAurous(http_client=http_client, **options)
            self.client._transport = AsyncTransport(
                http_client, backend=KINDS[kind], clock=time.clock, sleep=time.asleep
            )
            self.runner = asyncio.Runner()

    def run(self, call: Callable[[Any], Any]) -> Any:
        """What `call(client)` gives, awaited where that is to be."""
        if self.kind == "sync":
            return call(self.client)

        async def awaited() -> Any:
            return await call(self.client)

        return self.runner.run(awaited())

    def create(self, **options: Any) -> aurous.models.ChatCompletion:
        arguments = {"model": MODEL, "messages": MESSAGES, **options}
        result: aurous.models.ChatCompletion = self.run(lambda client: client.chat.completions.create(**arguments))
        return result

    def stream(self, **options: Any) -> str:
        """The text of a stream, read to its end."""
        arguments = {"model": MODEL, "messages": MESSAGES, **options}

        async def read() -> str:
            async with self.client.chat.completions.stream(**arguments) as stream:
                return "".join([text async for text in stream.text])

        if self.kind != "sync":
            return self.runner.run(read())
        with self.client.chat.completions.stream(**arguments) as stream:
            return "".join(stream.text)

    def close(self) -> None:
        self.run(lambda client: client.close())
        if self.kind != "sync":
            self.runner.close()


# A fixture that makes them: of a URL and the client's options.
Make = Callable[..., Caller]
# What a server of raw sockets does with one request. True if it can take another one on the same connection.
Action = Callable[["Connection"], bool]


@frozen
class Seen:
    """A request as it came."""

    connection: int
    line: str
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str | None:
        values = [value for known, value in self.headers if known.lower() == name.lower()]
        assert len(values) < 2, f"{name} was sent {len(values)} times"
        return values[0] if values else None


@define
class Connection:
    """One accepted connection."""

    number: int
    socket: socket.socket
    over: threading.Event
    _buffer: bytes = b""

    def receive(self) -> Seen | None:
        """The next request; None where the client hangs up instead."""
        head = self._until(lambda data: data.find(b"\r\n\r\n") + 4 if b"\r\n\r\n" in data else None)
        if head is None:
            return None
        line, *lines = head.decode("latin-1").strip().split("\r\n")
        headers = tuple((name, value.strip()) for name, _, value in (text.partition(":") for text in lines))
        size = int(next((value for name, value in headers if name.lower() == "content-length"), "0"))
        body = self._until(lambda data: size if len(data) >= size else None)
        return None if body is None else Seen(self.number, line, headers, body)

    def send(self, data: bytes) -> None:
        with contextlib.suppress(OSError):
            self.socket.sendall(data)

    def reset(self) -> None:
        """End with RST rather than FIN."""
        with contextlib.suppress(OSError):
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def _until(self, size_of: Callable[[bytes], int | None]) -> bytes | None:
        while (size := size_of(self._buffer)) is None:
            try:
                piece = self.socket.recv(65536)
            except OSError:
                return None
            if not piece:
                return None
            self._buffer += piece
        taken, self._buffer = self._buffer[:size], self._buffer[size:]
        return taken


@define
class Wire:
    """A server that does what it is told, one action for each request; the last one for all that follow."""

    url: str
    seen: list[Seen] = field(factory=list)
    connections: int = 0
    _script: list[Action] = field(factory=list)
    _lock: threading.Lock = field(factory=threading.Lock)

    def plays(self, *actions: Action) -> Wire:
        self._script[:] = actions
        return self

    @property
    def keys(self) -> list[str | None]:
        """The idempotency keys of the requests."""
        return [seen.header("Idempotency-Key") for seen in self.seen]

    def serve(self, connection: Connection) -> None:
        with connection.socket:
            while (seen := connection.receive()) is not None:
                with self._lock:
                    self.seen.append(seen)
                    action = self._script.pop(0) if len(self._script) > 1 else self._script[0]
                if not action(connection):
                    return


@contextlib.contextmanager
def serving() -> Iterator[Wire]:
    """A server for the length of a block."""
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        made = Wire(f"http://127.0.0.1:{listener.getsockname()[1]}")
        threads: list[threading.Thread] = []
        sockets: list[socket.socket] = []

        def accept() -> None:
            while True:
                try:
                    peer, _ = listener.accept()
                except OSError:
                    return
                if over.is_set():
                    peer.close()
                    return
                made.connections += 1
                sockets.append(peer)
                connection = Connection(made.connections, peer, over)
                threads.append(threading.Thread(target=made.serve, args=(connection,), daemon=True))
                threads[-1].start()

        threads.append(threading.Thread(target=accept, daemon=True))
        threads[0].start()
        try:
            yield made
        finally:
            over.set()
            # Closing a listener does not wake the thread that waits for it; a visitor does.
            with contextlib.suppress(OSError):
                socket.create_connection(listener.getsockname()).close()
            for peer in sockets:
                with contextlib.suppress(OSError):
                    peer.shutdown(socket.SHUT_RDWR)
            for thread in threads:
                thread.join(10)


def raw(data: bytes, *, then: str = "close") -> Action:
    """Send exactly this; then `keep` the connection for another request, `close` it, `reset` it or `stall`."""

    def act(connection: Connection) -> bool:
        connection.send(data)
        if then == "reset":
            connection.reset()
        elif then == "stall":
            connection.over.wait(30)
        return then == "keep"

    return act


def drip(data: bytes, *, fast: int = 0, pause: float = 0.01) -> Action:
    """Send this byte by byte, after the first `fast` ones."""

    def act(connection: Connection) -> bool:
        connection.send(data[:fast])
        for position in range(fast, len(data)):
            if connection.over.wait(pause):
                break
            connection.send(data[position : position + 1])
        return False

    return act


def answer(
    status: int, body: Any = b"", *, headers: dict[str, str] | None = None, kind: str = "application/json"
) -> Action:
    """A whole answer. A body that is not bytes is sent as JSON."""
    return raw(response(status, body, headers=headers, kind=kind), then="keep")


def response(
    status: int, body: Any = b"", *, headers: dict[str, str] | None = None, kind: str = "application/json"
) -> bytes:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    fields = {"Content-Type": kind, "Content-Length": str(len(content)), **(headers or {})}
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"HTTP/1.1 {status} Whatever\r\n{head}\r\n".encode("latin-1") + content


def envelope(code: str, kind: str = "invalid_request", **members: Any) -> dict[str, Any]:
    request_id = "req_01HXMQ7Z3K8Y2ABCDEFGHJKM"
    url = f"https://docs.aurous-labs.com/errors#{code}"
    known = {"type": kind, "code": code, "message": f"This is {code}.", "doc_url": url, "request_id": request_id}
    return {"error": {**known, **members}}


def completion(content: str = "Red, green, blue.", **usage: Any) -> dict[str, Any]:
    """A record as the API sends it."""
    figures = {
        "prompt_tokens": 200,
        "completion_tokens": 600,
        "total_tokens": 850,
        "reasoning_tokens": 50,
        "credits_charged": 0.2856,
        "breakdown": {
            "input_credits": 0.0006,
            "output_credits": 0.27,
            "reasoning_credits": 0.015,
            "model": MODEL,
            "pricing_version": 7,
        },
    }
    message = {"role": "assistant", "content": content}
    return {
        "id": "cmp_01HXMQ7Z3K8Y2ABCDEFGHJKM",
        "object": "chat.completion",
        "created": 1731948000,
        "model": MODEL,
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": {**figures, **usage},
        "status": "completed",
    }


GOOD = answer(200, completion(), headers={"Aurous-Request-Id": "req_good", "Aurous-Version": "2026-05-15"})
BUSY = answer(503, envelope("provider_unavailable", "server_error"))
IN_USE = answer(409, envelope("idempotency_key_in_use"))
HANG_UP = raw(b"")
# Of the same answer as GOOD's.
BODY = json.dumps(completion()).encode()
WHOLE = response(200, completion())
HTML = b"<!doctype html><title>Bad Gateway</title><h1>502 Bad Gateway</h1>"
GZIPPED = {"Content-Encoding": "gzip"}

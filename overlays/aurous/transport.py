"""Sends what a course of steps asks for, over httpx. The only module of this package that knows httpx.

`SyncTransport` and `AsyncTransport` differ in how they send, wait and stream; what is sent, and whether again, is not
their affair.
"""

from __future__ import annotations

import asyncio
import os
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import anyio
import httpx

from .calls import EVENT_STREAM, KEY_HEADER, Failure, Reply, Send, Steps, Wait
from .errors import AurousError, ConfigurationError

T = TypeVar("T")

# Generous, for gateways that fan out; httpx's own 100 would make the 101st stream wait for a connection.
LIMITS = httpx.Limits(max_connections=1000, max_keepalive_connections=100, keepalive_expiry=60.0)

_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol, httpx.ProxyError)
_FAILURES = (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, OSError)


class SyncTransport:
    """Sends from threads. Safe to share between them, and after a fork."""

    def __init__(self, http_client: httpx.Client | None = None, *, sleep: Callable[[float], None] = time.sleep) -> None:
        if http_client is not None and not isinstance(http_client, httpx.Client):
            raise ConfigurationError(f"http_client must be an httpx.Client, not {type(http_client).__name__}")
        self._given = http_client
        self._made: httpx.Client | None = None
        self._process = os.getpid()
        self._lock = threading.Lock()
        self._closed = False
        self._sleep = sleep

    def run(self, steps: Steps[T]) -> T:
        """Carry out steps to their result."""
        came: Reply | Failure | None = None
        while True:
            try:
                step = steps.send(came)
            except StopIteration as end:
                result: T = end.value
                return result
            if isinstance(step, Wait):
                self._sleep(step.seconds)
                came = None
            else:
                came = self.send(step)

    def send(self, step: Send) -> Reply | Failure:
        try:
            client = self.http_client()
            began = time.monotonic()
            response = client.send(_request(client, step), stream=True, follow_redirects=False)
        except _FAILURES as error:
            return _failure(error, step)
        except RuntimeError as error:
            raise _closed(error) from None
        if step.streams and _opens_stream(response):
            return _reply(response, body=SyncBody(response))
        try:
            return _reply(response, content=b"".join(_until(response.iter_bytes(), began + step.total)))
        except _FAILURES as error:
            return _failure(error, step)
        finally:
            response.close()

    def http_client(self) -> httpx.Client:
        """The httpx client in use, made on first use, and anew in a forked process."""
        if self._given is not None:
            return self._given
        if self._made is not None and self._process == os.getpid() and not self._closed:
            return self._made
        with self._lock:
            if self._closed:
                raise RuntimeError("the client is closed")
            if self._made is None or self._process != os.getpid():
                self._made, self._process = httpx.Client(limits=LIMITS), os.getpid()
            return self._made

    def close(self) -> None:
        """Close the connections, unless they are those of a client that was given."""
        with self._lock:
            client, self._made, self._closed = self._made, None, True
        if client is not None:
            client.close()


class AsyncTransport:
    """Sends from coroutines, of asyncio or trio. Safe between tasks; each event loop gets its own connections."""

    def __init__(
        self, http_client: httpx.AsyncClient | None = None, *, sleep: Callable[[float], Any] | None = None
    ) -> None:
        if http_client is not None and not isinstance(http_client, httpx.AsyncClient):
            raise ConfigurationError(f"http_client must be an httpx.AsyncClient, not {type(http_client).__name__}")
        self._given = http_client
        self._made: httpx.AsyncClient | None = None
        self._home: tuple[int, Callable[[], object]] | None = None
        self._closed = False
        self._sleep = sleep or anyio.sleep

    async def run(self, steps: Steps[T]) -> T:
        """Carry out steps to their result."""
        came: Reply | Failure | None = None
        while True:
            try:
                step = steps.send(came)
            except StopIteration as end:
                result: T = end.value
                return result
            if isinstance(step, Wait):
                await self._sleep(step.seconds)
                came = None
            else:
                came = await self.send(step)

    async def send(self, step: Send) -> Reply | Failure:
        response: httpx.Response | None = None
        try:
            with anyio.fail_after(step.total):
                client = self.http_client()
                response = await client.send(_request(client, step), stream=True, follow_redirects=False)
                if step.streams and _opens_stream(response):
                    opened, response = response, None
                    return _reply(opened, body=AsyncBody(opened))
                return _reply(response, content=b"".join([piece async for piece in response.aiter_bytes()]))
        except TimeoutError as error:
            return _late(step, error)
        except _FAILURES as error:
            return _failure(error, step)
        except RuntimeError as error:
            raise _closed(error) from None
        finally:
            if response is not None:
                with anyio.CancelScope(shield=True):
                    await response.aclose()

    def http_client(self) -> httpx.AsyncClient:
        """The httpx client in use, made on first use, and anew for another event loop or a forked process."""
        if self._given is not None:
            return self._given
        if self._closed:
            raise RuntimeError("the client is closed")
        loop = _running_loop()
        # Connections belong to the loop that opened them.
        if self._made is None or self._home is None or self._home[0] != os.getpid() or self._home[1]() is not loop:
            self._made = httpx.AsyncClient(limits=LIMITS)
            self._home = (os.getpid(), weakref.ref(loop) if loop is not None else lambda: None)
        return self._made

    async def close(self) -> None:
        """Close the connections, unless they are those of a client that was given."""
        client, self._made, self._closed = self._made, None, True
        if client is not None:
            await client.aclose()


class SyncBody:
    """What is left of a response: pieces of bytes as they arrive."""

    def __init__(self, response: httpx.Response) -> None:
        self._response = response
        self._patience = _Patience(response)
        self._pieces = response.iter_bytes() if "content-encoding" in response.headers else response.iter_raw()

    def read(self, patience: float) -> bytes | Failure | None:
        """The next piece, if it comes within so many seconds; a Failure if not; None after the last."""
        self._patience.seconds = patience
        try:
            return next(self._pieces, None)
        except _FAILURES as error:
            return _failure(error, None)

    def drain(self, patience: float) -> None:
        """Read what is left, if it comes soon: only a response read to its end leaves its connection usable."""
        deadline = time.monotonic() + patience
        while (left := deadline - time.monotonic()) > 0 and isinstance(self.read(left), bytes):
            pass

    def close(self) -> None:
        self._patience.end()
        self._response.close()


class AsyncBody:
    """As `SyncBody`, for coroutines."""

    def __init__(self, response: httpx.Response) -> None:
        self._response = response
        self._patience = _Patience(response)
        self._pieces = response.aiter_bytes() if "content-encoding" in response.headers else response.aiter_raw()

    async def read(self, patience: float) -> bytes | Failure | None:
        self._patience.seconds = patience
        try:
            return await anext(self._pieces, None)
        except _FAILURES as error:
            return _failure(error, None)

    async def drain(self, patience: float) -> None:
        deadline = time.monotonic() + patience
        while (left := deadline - time.monotonic()) > 0 and isinstance(await self.read(left), bytes):
            pass

    async def close(self) -> None:
        self._patience.end()
        with anyio.CancelScope(shield=True):
            await self._response.aclose()


class _Patience:
    """Gives each read of a body a timeout of its own; httpx has one for all of them.

    Where the connection is not httpcore's, httpx's stays: the timeout for the first event.
    """

    def __init__(self, response: httpx.Response) -> None:
        self.seconds = 0.0
        stream: Any = response.extensions.get("network_stream")
        read = getattr(stream, "read", None)
        self._stream = None if read is None else stream
        if read is not None:
            stream.read = lambda max_bytes, timeout=None: read(max_bytes, self.seconds)

    def end(self) -> None:
        """The connection goes back to the pool and serves others."""
        stream, self._stream = self._stream, None
        if stream is not None:
            del stream.read


def _request(client: httpx.Client | httpx.AsyncClient, step: Send) -> httpx.Request:
    # Apart, so that no frame with the key in one of its variables is part of a traceback.
    return client.build_request(
        step.method,
        step.url,
        params=step.query or None,
        headers={**step.headers, KEY_HEADER: step.key.reveal()},
        content=step.content,
        timeout=httpx.Timeout(connect=step.connect, read=step.read, write=step.write, pool=step.connect),
    )


def _reply(response: httpx.Response, *, content: bytes = b"", body: object = None) -> Reply:
    headers = {name.lower(): value for name, value in response.headers.items()}
    return Reply(status_code=response.status_code, headers=headers, content=content, body=body)


def _opens_stream(response: httpx.Response) -> bool:
    kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    return response.is_success and kind == EVENT_STREAM


def _until(pieces: Iterator[bytes], deadline: float) -> Iterator[bytes]:
    """The pieces, unless they come so slowly that the deadline passes: a read timeout starts anew with every byte."""
    for piece in pieces:
        yield piece
        if time.monotonic() > deadline:
            raise httpx.ReadTimeout("the answer came too slowly")


def _failure(error: BaseException, step: Send | None) -> Failure:
    kind = _WORDS.get(type(error), "the connection broke")
    said = str(error).strip()
    if isinstance(error, httpx.ReadTimeout) and step is not None and not said:
        said = f"nothing for {step.read:g} s"
    return Failure(
        message=f"{kind}: {said}" if said else kind,
        sent=not isinstance(error, (*_NOT_SENT, httpx.InvalidURL)),
        timed_out=isinstance(error, httpx.TimeoutException),
        cause=_without_frames(error),
    )


def _late(step: Send, error: BaseException) -> Failure:
    return Failure(
        message=f"no answer within {step.total:g} s", sent=True, timed_out=True, cause=_without_frames(error)
    )


def _closed(error: RuntimeError) -> Exception:
    return AurousError("the client is closed; make a new one") if "closed" in str(error) else error


def _without_frames(error: BaseException) -> BaseException:
    """The error and all behind it, without the frames that hold requests, and with them the key."""
    link: BaseException | None = error
    while link is not None:
        link.__traceback__ = None
        link = link.__cause__ or link.__context__
    return error


def _running_loop() -> object | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


_WORDS: dict[type[BaseException], str] = {
    httpx.ConnectError: "cannot connect",
    httpx.ConnectTimeout: "cannot connect in time",
    httpx.PoolTimeout: "no free connection in time",
    httpx.ReadTimeout: "no answer in time",
    httpx.WriteTimeout: "the request could not be sent in time",
    httpx.RemoteProtocolError: "the answer was cut short",
    httpx.DecodingError: "the body cannot be decompressed",
    httpx.ProxyError: "the proxy refused",
    httpx.UnsupportedProtocol: "the address cannot be used",
    httpx.InvalidURL: "the address cannot be used",
}

"""Sends what a course of steps asks for, over httpx. The only module of this package that knows httpx.

`SyncTransport` and `AsyncTransport` differ in how they send, wait and stream; what is sent, and whether again, is not
their affair.
"""

from __future__ import annotations

import contextlib
import math
import os
import ssl
import time
from collections.abc import AsyncIterable, Callable, Iterable, Mapping
from typing import Any, Final, TypeVar, cast

import httpx

from . import loops
from .errors import AurousError, ConfigurationError
from .locks import Lock
from .patience import BOUND, bind, hold
from .steps import EVENT_STREAM, KEY_HEADER, Failure, Reply, Send, Steps, Wait
from .traces import chain, without_frames

# anyio, and asyncio with it, are imported where they are used: programs without coroutines need not load them.

T = TypeVar("T")
ClientT = TypeVar("ClientT", httpx.Client, httpx.AsyncClient)

# Generous, for gateways that fan out; httpx's own 100 would make the 101st stream wait for a connection.
LIMITS: Final = httpx.Limits(max_connections=1000, max_keepalive_connections=100, keepalive_expiry=60.0)

# No answer of this API comes near it; without a limit, an endless one would take all memory.
MAX_BODY: Final = 64 * 1024 * 1024

_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)
_UNUSABLE = (httpx.UnsupportedProtocol, httpx.InvalidURL, httpx.LocalProtocolError)
_FAILURES = (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, OSError)


class SyncTransport:
    """Sends from threads. Safe to share between them, and after a fork.

    clock, sleep: of the call that is carried out: its deadline is told by one and waited for by the other
    """

    def __init__(
        self,
        http_client: httpx.Client | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        if http_client is not None and not isinstance(http_client, httpx.Client):
            raise ConfigurationError(f"http_client must be an httpx.Client, not {_name_of(http_client)}")
        self.clock = clock
        self._sleep = sleep
        self._given = http_client
        self._made: httpx.Client | None = None
        self._process = os.getpid()
        self._lock = Lock()
        self._closed = False

    def run(self, steps: Steps[T]) -> T:
        """Carry out steps to their result."""
        came: Reply | Failure | None = None
        try:
            while True:
                step = steps.send(came)
                try:
                    came = self._sleep(step.seconds) if isinstance(step, Wait) else self.send(step)
                except BaseException as error:
                    # So that those who observe the call hear of its end now, and why.
                    steps.throw(error)
                    raise
        except StopIteration as end:
            result: T = end.value
            return result

    def send(self, step: Send) -> Reply | Failure:
        """Send once. Raises AurousError if the client is closed, and what is no failure of the network."""
        began = time.monotonic()
        client = self.http_client()
        response: httpx.Response | None = None
        with BOUND.until(began + step.total):
            try:
                response = client.send(_request(client, step, bind), stream=True, follow_redirects=False)
                if step.streams and _opens_stream(response):
                    opened, response = response, None
                    return _reply(opened, body=SyncBody(opened))
                content = bytearray()
                try:
                    for piece in response.iter_bytes():
                        _take(content, piece, began + step.total)
                except _FAILURES as error:
                    return _cut(response, content, _failure(error, step))
                return _reply(response, content=bytes(content))
            except _FAILURES as error:
                return _failure(error, step)
            except BaseException as error:
                _clean(error)
                raise
            finally:
                if response is not None:
                    response.close()

    def http_client(self) -> httpx.Client:
        """The httpx client in use, made on first use, and anew in a forked process. Raises AurousError if closed."""
        if self._closed:
            raise AurousError(_CLOSED)
        if self._given is not None:
            return self._given
        if self._made is not None and self._process == os.getpid():
            return self._made
        with self._lock:
            if self._closed:
                raise AurousError(_CLOSED)
            if self._made is None or self._process != os.getpid():
                self._made, self._process = _made(httpx.Client), os.getpid()
            return self._made

    def close(self) -> None:
        """Close the connections, unless they are those of a client that was given."""
        with self._lock:
            client, self._made, self._closed = self._made, None, True
        if client is not None:
            client.close()


class AsyncTransport:
    """Sends from coroutines, of asyncio or trio. Safe between tasks; each event loop gets its own connections.

    clock, sleep: as those of `SyncTransport`
    """

    def __init__(
        self,
        http_client: httpx.AsyncClient | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Any] | None = None,
    ) -> None:
        if http_client is not None and not isinstance(http_client, httpx.AsyncClient):
            raise ConfigurationError(f"http_client must be an httpx.AsyncClient, not {_name_of(http_client)}")
        self.clock = clock
        self._sleep = sleep or loops.sleep
        self._given = http_client
        self._made: dict[Any, httpx.AsyncClient] = {}
        self._lock = Lock()
        self._closed = False

    async def run(self, steps: Steps[T]) -> T:
        """Carry out steps to their result."""
        came: Reply | Failure | None = None
        try:
            while True:
                step = steps.send(came)
                try:
                    came = await (self._sleep(step.seconds) if isinstance(step, Wait) else self.send(step))
                except BaseException as error:
                    steps.throw(error)
                    raise
        except StopIteration as end:
            result: T = end.value
            return result

    async def send(self, step: Send) -> Reply | Failure:
        """Send once. Raises AurousError if the client is closed, and what is no failure of the network."""
        import anyio

        client = self.http_client()
        response: httpx.Response | None = None
        content = bytearray()
        try:
            with anyio.fail_after(step.total):
                response = await client.send(_request(client, step), stream=True, follow_redirects=False)
                if step.streams and _opens_stream(response):
                    opened, response = response, None
                    return _reply(opened, body=AsyncBody(opened))
                try:
                    async for piece in response.aiter_bytes():
                        _take(content, piece, math.inf)
                except _FAILURES as error:
                    return _cut(response, content, _failure(error, step))
                return _reply(response, content=bytes(content))
        except TimeoutError as error:
            late = _late(step, error)
            return late if response is None else _cut(response, content, late)
        except _FAILURES as error:
            return _failure(error, step)
        except BaseException as error:
            _clean(error)
            raise
        finally:
            if response is not None:
                with anyio.CancelScope(shield=True):
                    await response.aclose()

    def http_client(self) -> httpx.AsyncClient:
        """The httpx client in use, made on first use in each event loop. Raises AurousError if closed."""
        if self._closed:
            raise AurousError(_CLOSED)
        if self._given is not None:
            return self._given
        # Connections belong to the loop that opened them. A forked process has loops of its own.
        loop = loops.running()
        with self._lock:
            if loop not in self._made:
                self._made = {other: client for other, client in self._made.items() if not loops.is_over(other)}
                self._made[loop] = _made(httpx.AsyncClient)
            return self._made[loop]

    async def close(self) -> None:
        """Close the connections of this event loop, unless they are those of a client that was given."""
        with self._lock:
            made, self._made, self._closed = self._made, {}, True
        client = made.get(loops.running())
        if client is not None:
            await client.aclose()


class SyncBody:
    """What is left of a response: pieces of bytes as they arrive."""

    def __init__(self, response: httpx.Response) -> None:
        self._response = response
        if hold(response.extensions.get("network_stream")):
            # The timeout that remains is that of each read, which httpx does not know.
            response.request.extensions["timeout"]["read"] = None
        # The stream itself, where nothing has to be done to its pieces: `iter_raw` is one more layer under each event.
        plain = response.stream if _is_plain(response) else response.iter_bytes()
        self._pieces = iter(cast(Iterable[bytes], plain))

    def read(self, patience: float) -> bytes | Failure | None:
        """The next piece, if it comes within so many seconds; a Failure if not; None after the last."""
        earlier, BOUND.moment = BOUND.moment, time.monotonic() + patience
        try:
            return next(self._pieces, None)
        except _FAILURES as error:
            return _failure(error, None)
        finally:
            BOUND.moment = earlier

    def close(self) -> None:
        """Only a response that was read to its end leaves its connection usable."""
        self._response.close()


class AsyncBody:
    """As `SyncBody`, for coroutines."""

    def __init__(self, response: httpx.Response) -> None:
        self._response = response
        response.request.extensions["timeout"]["read"] = None
        plain = response.stream if _is_plain(response) else response.aiter_bytes()
        self._pieces = aiter(cast(AsyncIterable[bytes], plain))

    async def read(self, patience: float) -> bytes | Failure | None:
        import anyio

        try:
            with anyio.fail_after(patience):
                return await anext(self._pieces, None)
        except TimeoutError as error:
            message = f"nothing came within {patience:.3g} s"
            return Failure(message=message, sent=True, timed_out=True, cause=_clean(error))
        except _FAILURES as error:
            return _failure(error, None)

    async def close(self) -> None:
        import anyio

        with anyio.CancelScope(shield=True):
            with anyio.CancelScope() as scope, contextlib.suppress(*_FAILURES, RuntimeError):
                # Cancelled where they wait, the generators of httpx clean up behind themselves, the innermost first.
                # Forsaken, they would do so when they are collected, and trio complains of that.
                scope.cancel()
                while await anext(self._pieces, None) is not None:
                    pass
            await self._response.aclose()


def _request(
    client: httpx.Client | httpx.AsyncClient, step: Send, trace: Callable[[str, Mapping[str, Any]], None] | None = None
) -> httpx.Request:
    # Apart, so that no frame with the key in one of its variables is part of a traceback.
    return client.build_request(
        step.method,
        step.url,
        params=step.query or None,
        headers={**step.headers, KEY_HEADER: step.key.reveal()},
        content=step.content,
        timeout=httpx.Timeout(connect=step.connect, read=step.read, write=step.write, pool=step.connect),
        extensions={"trace": trace} if trace else None,
    )


def _reply(response: httpx.Response, *, content: bytes = b"", body: object = None, fault: str | None = None) -> Reply:
    headers = {name.lower(): value for name, value in response.headers.items()}
    return Reply(
        status_code=response.status_code,
        headers=headers,
        content=content,
        body=body,
        fault=fault,
        is_framed=not response.http_version.startswith("HTTP/1")
        or response.status_code in (204, 205)
        or "content-length" in headers
        or "transfer-encoding" in headers,
    )


def _cut(response: httpx.Response, content: bytearray, failure: Failure) -> Reply | Failure:
    """What to make of an answer whose body is not whole: without it a success is none, but an error is one."""
    return failure if response.is_success else _reply(response, content=bytes(content), fault=failure.message)


def _opens_stream(response: httpx.Response) -> bool:
    kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    return response.is_success and kind == EVENT_STREAM


def _is_plain(response: httpx.Response) -> bool:
    return "content-encoding" not in response.headers and not response.is_stream_consumed


def _take(content: bytearray, piece: bytes, deadline: float) -> None:
    content += piece
    if len(content) > MAX_BODY:
        raise httpx.ReadError(f"it is larger than {MAX_BODY // 2**20} MiB")
    # For connections that `patience` has not seen, which are those of clients that were given.
    if time.monotonic() > deadline:
        raise httpx.ReadTimeout("it came too slowly")


def _failure(error: BaseException, step: Send | None) -> Failure:
    kind = next((word for known, word in _WORDS.items() if isinstance(error, known)), "the connection broke")
    said = str(error).strip()
    if isinstance(error, httpx.ReadTimeout) and step is not None:
        said = said if said and said != "timed out" else f"nothing for {step.read:.3g} s"
    return Failure(
        message=f"{kind}: {said}" if said else kind,
        sent=not isinstance(error, (*_NOT_SENT, *_UNUSABLE)),
        timed_out=isinstance(error, httpx.TimeoutException),
        is_final=isinstance(error, _UNUSABLE) or any(isinstance(link, ssl.CertificateError) for link in chain(error)),
        cause=_clean(error),
    )


def _late(step: Send, error: BaseException) -> Failure:
    return Failure(message=f"no answer within {step.total:.3g} s", sent=True, timed_out=True, cause=_clean(error))


def _clean(error: BaseException) -> BaseException:
    """Take out of the error, and all behind it, what leads to a request and so to the key.

    Raises AurousError in its place where it says that the client cannot be used.
    """
    for link in chain(error):
        link.__traceback__ = without_frames(link.__traceback__, _LIBRARIES)
        if isinstance(link, httpx.RequestError) and link._request is not None:
            link.request = httpx.Request(link.request.method, link.request.url)
    if isinstance(error, RuntimeError) and not isinstance(error, httpx.StreamError):
        for words, told in _UNUSABLE_CLIENT.items():
            if words in str(error):
                raise AurousError(told) from None
    return error


def _made(kind: type[ClientT]) -> ClientT:
    try:
        return kind(limits=LIMITS)
    except Exception as error:
        # What httpx reads of the environment: proxies, and where certificates are.
        raise ConfigurationError(f"httpx cannot be set up: {error}") from error


def _name_of(thing: object) -> str:
    return f"{type(thing).__module__.partition('.')[0]}.{type(thing).__qualname__}"


_CLOSED = "the client is closed; make a new one"
_UNUSABLE_CLIENT = {
    "client has been closed": _CLOSED,
    "Event loop is closed": "the http_client belongs to an event loop that is closed; give one that does not",
    "attached to a different loop": "the http_client belongs to another event loop; give one that does not",
    "bound to a different event loop": "the http_client belongs to another event loop; give one that does not",
}
_LIBRARIES = frozenset({"httpx", "httpcore", "h11", "h2", "hpack", "anyio", "trio"})
_WORDS: dict[type[BaseException], str] = {
    httpx.ConnectError: "cannot connect",
    httpx.ConnectTimeout: "cannot connect in time",
    httpx.PoolTimeout: "no free connection in time",
    httpx.ReadTimeout: "no answer in time",
    httpx.WriteTimeout: "the request could not be sent in time",
    httpx.RemoteProtocolError: "the answer was cut short or is no HTTP",
    httpx.DecodingError: "the body cannot be decompressed",
    httpx.ProxyError: "the proxy refused",
    httpx.UnsupportedProtocol: "the address cannot be used",
    httpx.InvalidURL: "the address cannot be used",
    httpx.LocalProtocolError: "the request is no HTTP",
}

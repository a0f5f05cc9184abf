"""Sends from threads, and reads streams in them. What is waited for is bounded by `patience`."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any, TypeVar, cast

import httpx

from ..errors import AurousError, ConfigurationError
from .client_factory import make_client, name_of
from .convert import cut_reply, headers_of, opens_stream, plain_or, reply_of, request_of, take
from .deadlines import BOUND, Timeout, bind, hold
from .effects import Effect, Flow, RawResponse, Read, SendRequest, Shield, Sleep, TransportError
from .exceptions import CLOSED, FAILURES, clean, failure_of
from .locks import ForkSafeLock
from .raw_client import Direct

T = TypeVar("T")


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
            raise ConfigurationError(f"http_client must be an httpx.Client, not {name_of(http_client)}")
        self.clock = clock
        self._sleep = sleep
        self._given = http_client
        self._made: httpx.Client | Direct | None = None
        self._process = os.getpid()
        self._lock = ForkSafeLock()
        self._closed = False

    def run(self, flow: Flow[T]) -> T:
        """Carry out the effects of a flow, to its result."""
        try:
            effect = next(flow)
            while True:
                try:
                    result = self._perform(effect)
                except BaseException as error:
                    # The flow cleans up, and tells the hooks of the error.
                    effect = flow.throw(error)
                else:
                    effect = flow.send(result)
        except StopIteration as end:
            value: T = end.value
            return value

    def _perform(self, effect: Effect) -> Any:
        if isinstance(effect, SendRequest):
            return self.send(effect)
        if isinstance(effect, Sleep):
            return self._sleep(effect.seconds)
        if isinstance(effect, Read):
            return effect.body.read(effect.remaining)
        # A thread cannot be cancelled, so there is nothing to shield from.
        return self.run(effect.flow) if isinstance(effect, Shield) else effect.body.close()

    def send(self, request: SendRequest) -> RawResponse | TransportError:
        """SendRequest once. Raises AurousError if the client is closed, and what is no failure of the network."""
        began = time.monotonic()
        client = self.http_client()
        response: httpx.Response | None = None
        with BOUND.until(began + request.total):
            try:
                response = client.send(
                    request_of(client, request, bind, read=request.read), stream=True, follow_redirects=False
                )
                headers = headers_of(response)
                if request.streams and opens_stream(response, headers):
                    opened, response = response, None
                    return reply_of(opened, headers, body=SyncBody(opened))
                content = bytearray()
                try:
                    for piece in cast(Iterable[bytes], plain_or(response, response.iter_bytes)):
                        take(content, piece, began + request.total)
                except FAILURES as error:
                    return cut_reply(response, content, failure_of(error, request))
                return reply_of(response, headers, content=bytes(content))
            except FAILURES as error:
                return failure_of(error, request)
            except BaseException as error:
                clean(error)
                raise
            finally:
                if response is not None:
                    response.close()

    def http_client(self) -> httpx.Client | Direct:
        """The httpx client in use, made on first use, and anew in a forked process. Raises AurousError if closed."""
        if self._closed:
            raise AurousError(CLOSED)
        if self._given is not None:
            return self._given
        if self._made is not None and self._process == os.getpid():
            return self._made
        with self._lock:
            if self._closed:
                raise AurousError(CLOSED)
            if self._made is None or self._process != os.getpid():
                self._made, self._process = make_client(), os.getpid()
            return self._made

    def close(self) -> None:
        """Close the connections, unless they are those of a client that was given."""
        with self._lock:
            client, self._made, self._closed = self._made, None, True
        if client is not None:
            client.close()


class SyncBody:
    """What is left of a response: pieces of bytes as they arrive."""

    on_shutdown: Callable[[], None] | None = None
    """Only coroutines have an event loop that can shut down."""

    def __init__(self, response: httpx.Response) -> None:
        self._response = response
        self._timeout = Timeout()
        self._is_held = hold(response.extensions.get("network_stream"))
        if self._is_held:
            # In place of one for all that there is to read.
            response.request.extensions["timeout"]["read"] = self._timeout
        self._pieces = iter(cast(Iterable[bytes], plain_or(response, response.iter_bytes)))

    def read(self, patience: Callable[[], float]) -> bytes | TransportError | None:
        """The next piece, if it comes within as many seconds as `patience` says when there is something to wait for; a
        TransportError if not; None after the last.
        """
        if not self._is_held:
            # It will not be asked otherwise.
            patience()
        self._timeout.left = patience
        try:
            return next(self._pieces, None)
        except FAILURES as error:
            return failure_of(error, None)
        finally:
            self._timeout.left = None

    def close(self) -> None:
        """Only a response that was read to its end leaves its connection usable."""
        self._response.close()

    def abandon(self) -> None:
        """As `close`, for a body whose owner is gone."""
        with suppress(*FAILURES):
            self._response.close()

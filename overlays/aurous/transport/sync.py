"""Drives flows in threads."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any, TypeVar, cast

import httpx

from ..errors import AurousError, ConfigurationError
from .client_factory import make_client, type_name
from .convert import (
    build_request,
    is_event_stream,
    merge_headers,
    raw_or_decoded,
    receive_data,
    refused_response,
    to_raw_response,
    truncated_response,
)
from .deadlines import DEADLINE, VariableTimeout, enforce_deadline, enforce_on_connect
from .effects import Effect, Flow, RawResponse, Read, SendRequest, Shield, Sleep, TransportError
from .exceptions import CLOSED, FAILURES, scrub, to_transport_error
from .locks import ForkSafeLock
from .raw_client import RawClient

T = TypeVar("T")


class SyncTransport:
    """Drives flows in threads. Thread-safe and fork-safe.

    http_client: the user's own; by default connections of this transport
    clock:       monotonic seconds
    sleep:       waits between attempts
    """

    def __init__(
        self,
        http_client: httpx.Client | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        if http_client is not None and not isinstance(http_client, httpx.Client):
            raise ConfigurationError(f"http_client must be an httpx.Client, not {type_name(http_client)}")
        self.clock = clock
        self._sleep = sleep
        self._user_client = http_client
        self._client: httpx.Client | RawClient | None = None
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
        """Send a request once. Raises AurousError if the client is closed; errors of the network are returned."""
        started = time.monotonic()
        client = self.http_client()
        response: httpx.Response | None = None
        with DEADLINE.until(started + request.total):
            try:
                response = client.send(
                    build_request(client, request, enforce_on_connect, read=request.read),
                    stream=True,
                    follow_redirects=False,
                )
                headers = merge_headers(response)
                if request.streams and is_event_stream(response, headers):
                    opened, response = response, None
                    return to_raw_response(opened, headers, body=SyncBody(opened))
                content = bytearray()
                try:
                    for data in cast(Iterable[bytes], raw_or_decoded(response, response.iter_bytes)):
                        receive_data(content, data, started + request.total)
                except FAILURES as error:
                    return truncated_response(response, content, to_transport_error(error, request))
                return to_raw_response(response, headers, content=bytes(content))
            except FAILURES as error:
                return to_transport_error(error, request)
            except httpx.HTTPStatusError as error:
                return refused_response(error)
            except BaseException as error:
                scrub(error)
                raise
            finally:
                if response is not None:
                    response.close()

    def http_client(self) -> httpx.Client | RawClient:
        """The client in use, made on first use and again in a forked process. Raises AurousError if closed."""
        if self._closed:
            raise AurousError(CLOSED)
        if self._user_client is not None:
            return self._user_client
        if self._client is not None and self._process == os.getpid():
            return self._client
        with self._lock:
            if self._closed:
                raise AurousError(CLOSED)
            if self._client is None or self._process != os.getpid():
                self._client, self._process = make_client(), os.getpid()
            return self._client

    def close(self) -> None:
        """Close the connections, except those of the user's own client."""
        with self._lock:
            client, self._client, self._closed = self._client, None, True
        if client is not None:
            client.close()


class SyncBody:
    """The unread body of a response."""

    on_shutdown: Callable[[], None] | None = None
    """Only coroutines have an event loop that can shut down."""

    def __init__(self, response: httpx.Response) -> None:
        self._response = response
        self._timeout = VariableTimeout()
        self._is_enforced = enforce_deadline(response.extensions.get("network_stream"))
        if self._is_enforced:
            # Replaces the read timeout, which is the same for all reads.
            response.request.extensions["timeout"]["read"] = self._timeout
        self._chunks = iter(cast(Iterable[bytes], raw_or_decoded(response, response.iter_bytes)))

    def read(self, remaining: Callable[[], float]) -> bytes | TransportError | None:
        """The next chunk, None at the end, or a TransportError.

        remaining: returns the seconds that the read may wait; called when it starts to wait
        """
        if not self._is_enforced:
            # Nothing else calls it.
            remaining()
        self._timeout.remaining = remaining
        try:
            return next(self._chunks, None)
        except FAILURES as error:
            return to_transport_error(error, None)
        finally:
            self._timeout.remaining = None

    def close(self) -> None:
        """Close the response. Its connection is reused only if the body was read to its end."""
        self._response.close()

    def abandon(self) -> None:
        """As `close`, for a body whose owner is gone."""
        with suppress(*FAILURES):
            self._response.close()

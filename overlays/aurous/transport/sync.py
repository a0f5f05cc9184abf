"""Drives flows in threads: sends their requests, and reads responses or hands on open streams."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any, TypeVar

import httpx

from ..errors import AurousError
from .client_factory import check_http_client, make_client
from .convert import BodyBuffer, is_stream, make_decoder, to_raw_response
from .effects import Effect, Flow, RawResponse, Read, SendRequest, Shield, Sleep, TransportFailure
from .interfaces import CLOSED, HTTPClient, HTTPResponse
from .locks import fork_safe_lock

# `exceptions` is imported where something fails: the libraries behind it are slow to import.

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
        if http_client is not None:
            check_http_client(http_client, httpx.Client)
        self.clock = clock
        self._sleep = sleep
        self.user_client = http_client
        """The user's own, which is never closed here. None: the environment says how to connect."""
        self._client: HTTPClient | None = None
        self._process = os.getpid()
        self._lock = fork_safe_lock(self)
        self._closed = False

    def run(self, flow: Flow[T]) -> T:
        """Carry out the effects of a flow, to its result."""
        try:
            effect = next(flow)
            while True:
                try:
                    result = self._perform(effect)
                except BaseException as error:
                    # The flow cleans up, and reports the error to the hooks.
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

    def send(self, request: SendRequest) -> RawResponse | TransportFailure:
        """Send a request once. Raises AurousError if the client is closed; errors of the network are returned."""
        client = self.http_client()
        deadline = time.monotonic() + request.total
        response: HTTPResponse | None = None
        content = bytearray()
        try:
            response = client.send(request, deadline)
            if is_stream(request, response.status_code, response.headers):
                result = to_raw_response(response, body=SyncBody(response))
                response = None
                return result
            buffer = BodyBuffer(response.content_encoding)
            content = buffer.content
            while (data := response.receive()) is not None:
                buffer.receive_data(data)
                # For connections of the user's own client that cannot be patched.
                if time.monotonic() > deadline:
                    raise httpx.ReadTimeout("the body was not complete in time")
            buffer.finish()
            return to_raw_response(response, content)
        except BaseException as error:
            from .exceptions import to_result

            # Raises what is no failure of the network.
            return to_result(error, request, response, content)
        finally:
            # The result has a copy of the body, and tracebacks keep this frame.
            data = None
            content.clear()
            if response is not None:
                response.close()

    def http_client(self) -> HTTPClient:
        """The client in use, made on first use and again in a forked process. Raises AurousError if closed."""
        if self._closed:
            raise AurousError(CLOSED)
        if self._client is not None and self._process == os.getpid():
            return self._client
        with self._lock:
            if self._closed:
                raise AurousError(CLOSED)
            if self._client is None or self._process != os.getpid():
                self._client, self._process = make_client(self.user_client), os.getpid()
            return self._client

    def close(self) -> None:
        """Close the connections, except those of the user's own client."""
        with self._lock:
            client, self._client, self._closed = self._client, None, True
        if client is not None and self.user_client is None:
            client.close()


class SyncBody:
    """The unread body of a stream."""

    on_shutdown: Callable[[], Callable[[], None] | None] | None = None
    """Only coroutines have an event loop that can shut down."""

    def __init__(self, response: HTTPResponse) -> None:
        self._response = response
        self._decoder = make_decoder(response.content_encoding)

    def read(self, remaining: Callable[[], float]) -> bytes | TransportFailure | None:
        """The next chunk, None at the end, or a TransportFailure.

        remaining: returns the seconds that the read may wait; called when it starts to wait
        """
        decoder = self._decoder
        try:
            if decoder is None:
                return self._response.receive(remaining)
            data = b"" if decoder.has_more else self._response.receive(remaining)
            if data is not None:
                return decoder.decode(data)
            decoder.finish()
            return None
        except Exception as error:
            from .exceptions import FAILURES, to_transport_failure

            if not isinstance(error, FAILURES):
                raise
            return to_transport_failure(error, None)

    def close(self) -> None:
        """Close the response. Its connection is reused only if the body was read to its end."""
        self._response.close()

    def abandon(self) -> None:
        """As `close`, for a body whose owner is gone."""
        try:
            self._response.close()
        except Exception as error:
            # Not before: where a program ends with its stream open, nothing can be imported.
            from .exceptions import FAILURES

            if not isinstance(error, FAILURES):
                raise

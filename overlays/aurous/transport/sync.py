"""Drives flows in threads."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import httpx

from ..errors import AurousError, ConfigurationError
from .client_factory import CLOSED, make_client, type_name
from .effects import Effect, Flow, RawResponse, Read, SendRequest, Shield, Sleep, TransportError
from .locks import ForkSafeLock

if TYPE_CHECKING:
    from .exchange import HTTPClient

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
        self._client: HTTPClient | None = None
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
        # Imported late: the libraries behind it are slow to import.
        from .exchange import exchange

        deadline = time.monotonic() + request.total
        return exchange(self.http_client(), request, deadline)

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
                self._client, self._process = make_client(self._user_client), os.getpid()
            return self._client

    def close(self) -> None:
        """Close the connections, except those of the user's own client."""
        with self._lock:
            client, self._client, self._closed = self._client, None, True
        if client is not None and self._user_client is None:
            client.close()

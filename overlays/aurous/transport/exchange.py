"""One exchange in a thread: sends a request, and reads the response or hands on the body of a stream."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

import httpx

from .convert import is_event_stream, refused_response, to_raw_response, truncated_response
from .deadlines import DEADLINE
from .decoding import BodyBuffer, make_decoder
from .effects import RawResponse, SendRequest, TransportError
from .exceptions import FAILURES, scrub, to_transport_error


class HTTPResponse(Protocol):
    """A response whose body is unread."""

    status_code: int
    headers: dict[str, str]
    content_encoding: str
    is_http1: bool

    def receive(self, remaining: Callable[[], float] | None = None) -> bytes | None:
        """The next data, None at the end. remaining: the seconds that it may wait; by default until the deadline"""

    def close(self) -> None:
        """Close the response. Its connection is reused only if the body was read to its end."""


class HTTPClient(Protocol):
    """A client of one of the HTTP libraries."""

    def send(self, request: SendRequest) -> HTTPResponse:
        """Send a request, and receive the head of its response."""
        ...

    def close(self) -> None: ...


def exchange(client: HTTPClient, request: SendRequest, deadline: float) -> RawResponse | TransportError:
    """Send a request once. Errors of the network are returned. deadline: by `time.monotonic`"""
    response: HTTPResponse | None = None
    with DEADLINE.until(deadline):
        try:
            response = client.send(request)
            if request.streams and is_event_stream(response.status_code, response.headers):
                body = SyncBody(response)
                result = to_raw_response(response.status_code, response.headers, is_http1=response.is_http1, body=body)
                response = None
                return result
            return _read_whole(response, request, deadline)
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


def _read_whole(response: HTTPResponse, request: SendRequest, deadline: float) -> RawResponse | TransportError:
    content = bytearray()
    try:
        buffer = BodyBuffer(response.content_encoding)
        content = buffer.content
        while (data := response.receive()) is not None:
            buffer.receive_data(data)
            # For connections of the user's own client that cannot be patched.
            if time.monotonic() > deadline:
                raise httpx.ReadTimeout("the body was not complete in time")
        buffer.finish()
    except FAILURES as error:
        failure = to_transport_error(error, request)
        return truncated_response(response.status_code, response.headers, content, failure)
    return to_raw_response(response.status_code, response.headers, is_http1=response.is_http1, content=bytes(content))


class SyncBody:
    """The unread body of a stream."""

    on_shutdown: Callable[[], None] | None = None
    """Only coroutines have an event loop that can shut down."""

    def __init__(self, response: HTTPResponse) -> None:
        self._response = response
        self._decoder = make_decoder(response.content_encoding)

    def read(self, remaining: Callable[[], float]) -> bytes | TransportError | None:
        """The next chunk, None at the end, or a TransportError.

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
        except FAILURES as error:
            return to_transport_error(error, None)

    def close(self) -> None:
        """Close the response. Its connection is reused only if the body was read to its end."""
        self._response.close()

    def abandon(self) -> None:
        """As `close`, for a body whose owner is gone."""
        with suppress(*FAILURES):
            self._response.close()

"""Sends operations over httpx, once each: no retries, no idempotency keys."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import TracebackType
from typing import Any, NoReturn, Self

import httpx
from attrs import define, evolve, field

from .decoding import decode
from .encoding import to_headers
from .errors import EncodeError, ParseError, StatusError, TransportError
from .operations import Operation, Request, Response, ResultT
from .paging import AsyncPageSource, SyncPageSource
from .types import Timeouts

DEFAULT_TIMEOUT = httpx.Timeout(600.0, connect=10.0)


def _copy(headers: Mapping[str, str]) -> dict[str, str]:
    return dict(headers)


@define(kw_only=True, eq=False)
class Client:
    """Calls operations, without credentials.

    Closed by `with`, `async with`, `close()` or `aclose()`. Safe to share between threads.
    """

    base_url: str = "https://api.aurous-labs.com"
    headers: Mapping[str, str] = field(factory=dict, converter=_copy, repr=False)
    """Sent with every request; copied, never changed."""
    timeout: httpx.Timeout | float = DEFAULT_TIMEOUT
    """Seconds."""
    verify_ssl: Any = True
    """As `verify` of httpx."""
    follow_redirects: bool = False
    """Off, because a redirect to another host would take an `X-Api-Key` along."""
    httpx_args: Mapping[str, Any] = field(factory=dict, repr=False)
    """Further arguments of httpx.Client and httpx.AsyncClient."""
    _sync: httpx.Client | None = field(default=None, init=False, repr=False)
    _async: httpx.AsyncClient | None = field(default=None, init=False, repr=False)
    _lock: threading.Lock = field(factory=threading.Lock, init=False, repr=False)

    def with_headers(self, headers: Mapping[str, str]) -> Self:
        """A client that also sends these headers, with connections of its own; this one stays as it is."""
        return evolve(self, headers={**self.headers, **headers})

    def with_timeout(self, timeout: httpx.Timeout | float) -> Self:
        """A client with another timeout and connections of its own; this one stays as it is."""
        return evolve(self, timeout=timeout)

    def get_httpx_client(self) -> httpx.Client:
        """The httpx client in use, made on first use."""
        with self._lock:
            if self._sync is None:
                self._sync = httpx.Client(**self._httpx_arguments())
            return self._sync

    def get_async_httpx_client(self) -> httpx.AsyncClient:
        """The asynchronous httpx client in use, made on first use."""
        with self._lock:
            if self._async is None:
                self._async = httpx.AsyncClient(**self._httpx_arguments())
            return self._async

    def call(self, operation: Operation[ResultT], request: Request) -> Response[ResultT]:
        """Carry out an operation. Raises TransportError, StatusError or ParseError."""
        with _translate_errors(request):
            client = self.get_httpx_client()
            response = client.send(self._build(client, operation, request))
        result = read_response(operation, response.status_code, response.headers, response.content)
        if operation.paging is not None:
            SyncPageSource(operation, request, self).attach(result)
        return result

    async def acall(self, operation: Operation[ResultT], request: Request) -> Response[ResultT]:
        """As `call`, for asyncio."""
        with _translate_errors(request):
            client = self.get_async_httpx_client()
            response = await client.send(self._build(client, operation, request))
        result = read_response(operation, response.status_code, response.headers, response.content)
        if operation.paging is not None:
            AsyncPageSource(operation, request, self).attach(result)
        return result

    def close(self) -> None:
        """Close the connections of the synchronous client."""
        with self._lock:
            client, self._sync = self._sync, None
        if client is not None:
            client.close()

    async def aclose(self) -> None:
        """Close the connections of the asynchronous client."""
        with self._lock:
            client, self._async = self._async, None
        if client is not None:
            await client.aclose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    def _credentials(self) -> dict[str, str]:
        return {}

    def _httpx_arguments(self) -> dict[str, Any]:
        return {
            "base_url": self.base_url,
            "headers": to_headers(self.headers, self._credentials()),
            "timeout": self.timeout,
            "verify": self.verify_ssl,
            "follow_redirects": self.follow_redirects,
            **self.httpx_args,
        }

    @staticmethod
    def _build(client: httpx.Client | httpx.AsyncClient, operation: Operation[Any], request: Request) -> httpx.Request:
        return client.build_request(
            request.method,
            request.path,
            params=request.query or None,
            headers=to_headers({"Accept": operation.accept}, request.headers),
            content=request.content,
            timeout=_timeout(request.timeout),
        )


@define(kw_only=True, eq=False)
class AuthenticatedClient(Client):
    """Calls operations with a key, by default as `Authorization: Bearer`.

    For the other form give `auth_header_name="X-Api-Key", prefix=""`.
    """

    token: str = field(repr=False)
    prefix: str = "Bearer"
    auth_header_name: str = "Authorization"

    def _credentials(self) -> dict[str, str]:
        return {self.auth_header_name: f"{self.prefix} {self.token}" if self.prefix else self.token}


@contextmanager
def _translate_errors(request: Request) -> Iterator[None]:
    """Translate the exceptions of httpx into those of this package."""
    try:
        yield
    except httpx.InvalidURL as error:
        raise EncodeError(f"{request.method} {request.path}: {error}") from error
    # Python and httpx raise UnicodeError for a host whose name cannot be: one of base_url, or of a redirect.
    except (httpx.HTTPError, UnicodeError) as error:
        detail = str(error) or type(error).__name__
        raise TransportError(f"{request.method} {request.path}: {detail}") from error


def read_response(
    operation: Operation[ResultT], status_code: int, headers: Mapping[str, str], content: bytes
) -> Response[ResultT]:
    """The result of a response. Raises StatusError unless it is a success, ParseError unless the body matches the spec."""
    if not 200 <= status_code < 300:
        raise StatusError(status_code, headers, content)
    content_type = headers.get("content-type")
    form = operation.response_form(status_code, content_type)
    try:
        decoded: Any = decode(form.format, content, content_type, _load_json)
    except ParseError:
        raise
    except (ValueError, RecursionError):
        raise ParseError("a JSON document", content) from None
    return Response(status_code=status_code, headers=headers, content=content, parsed=form.parse(decoded))


def _load_json(content: bytes) -> Any:
    return json.loads(content, parse_constant=_refuse_constant)


def _timeout(timeout: Timeouts | float | None) -> Any:
    """A timeout as httpx has it, which knows none for a whole call."""
    if timeout is None:
        return httpx.USE_CLIENT_DEFAULT
    if isinstance(timeout, (int, float)):
        return timeout
    return httpx.Timeout(connect=timeout.connect, read=timeout.read, write=timeout.write, pool=timeout.connect)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"JSON has no {name}")


__all__ = ["DEFAULT_TIMEOUT", "AuthenticatedClient", "Client", "read_response"]

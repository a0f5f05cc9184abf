"""`connect`: the generated client over this package's transport, for those who call its operations. Knows no rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

from attrs import define, field
from aurous_client.client import Client
from aurous_client.operations import Operation, Request, Response, ResultT

from ._client.client import AsyncAurous, Aurous
from ._client.hooks import Hooks
from ._client.options import FROM_ENVIRONMENT, FromEnvironment, Secret
from ._client.policies import RetryPolicy, StreamPolicy, Timeouts
from .errors import ConfigurationError

if TYPE_CHECKING:
    import httpx


@define(kw_only=True, eq=False)
class ConnectedClient(Client):
    """The generated client over this package's transport: its operations get the key, the version, retries, idempotency
    keys and typed errors. Made by `connect`.
    """

    aurous: Aurous = field(repr=False)
    async_aurous: AsyncAurous = field(repr=False)

    def call(self, operation: Operation[ResultT], request: Request) -> Response[ResultT]:
        return self.aurous.call(operation, request)

    async def acall(self, operation: Operation[ResultT], request: Request) -> Response[ResultT]:
        return await self.async_aurous.acall(operation, request)

    def close(self) -> None:
        self.aurous.close()

    async def aclose(self) -> None:
        await self.async_aurous.close()

    def with_headers(self, headers: Mapping[str, str]) -> Self:
        raise ConfigurationError("give extra headers to httpx: connect(http_client=httpx.Client(headers=...))")

    def with_timeout(self, timeout: httpx.Timeout | float) -> Self:
        raise ConfigurationError("set timeouts by connect(timeout=...)")


def connect(
    api_key: str | None = None,
    *,
    base_url: str | None = None,
    api_version: str | FromEnvironment | None = FROM_ENVIRONMENT,
    timeout: Timeouts | float | None = None,
    max_retries: int | None = None,
    retry: RetryPolicy | None = None,
    streams: StreamPolicy | None = None,
    http_client: httpx.Client | None = None,
    async_http_client: httpx.AsyncClient | None = None,
    hooks: Sequence[Hooks] = (),
) -> ConnectedClient:
    """The generated client, for its operations: `create_chat_completion.sync(client=connect(), body=...)`.

    Arguments and errors as those of `Aurous`. Closed by `with`, `async with`, `close()` or `aclose()`.
    """
    secret, api_key = Secret.of(api_key), None
    settings: dict[str, Any] = {
        "api_key": secret,
        "base_url": base_url,
        "api_version": api_version,
        "timeout": timeout,
        "max_retries": max_retries,
        "retry": retry,
        "streams": streams,
        "hooks": hooks,
    }
    made = Aurous(http_client=http_client, **settings)
    return ConnectedClient(
        base_url=made.base_url, aurous=made, async_aurous=AsyncAurous(http_client=async_http_client, **settings)
    )

"""The clients `Aurous` and `AsyncAurous`: how they are made, copied with other options, and closed.

Their methods (`chat.completions.create`, `models.list` ...) are generated: see `aurous_client.resources`. What those
methods call is in `calls`.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from aurous_client import encoding

from .._config import environment, rerouting
from .._config.options import FROM_ENVIRONMENT, Backend, FromEnvironment, Options, read_options
from .._config.policies import RetryPolicy, StreamPolicy, Timeouts
from .._config.secret import Secret
from .._request.retry_quota import RetryQuota
from ..transport.sync import SyncTransport
from .calls import AsyncCalls, BaseCalls, Calls, LazyLedger

if TYPE_CHECKING:
    from decimal import Decimal

    import httpx

    from .._config.hooks import Hooks
    from ..billing.budget import Budget
    from ..transport.async_ import AsyncTransport


def _response_format(kind: type[Any]) -> Any:
    # Needs an optional dependency.
    from ..tools.structured_output import response_format_for

    return response_format_for(kind)


encoding.class_converter = _response_format


class BaseClient(BaseCalls):
    """The options, and copies with other options."""

    def _set_up(self, options: Options, transport: SyncTransport | AsyncTransport) -> None:
        """Make a client of checked options. Raises ConfigurationError if it could not call anything."""
        if rerouting.installed is None:
            options.check_key()
        if transport.user_client is None:
            environment.check(options.base_url)
        self._options = options
        self._transport = transport
        self._owns_transport = True
        self._shared_ledger = LazyLedger()
        self._retry_quota = RetryQuota(options.retry.quota)

    @property
    def base_url(self) -> str:
        """The server's address, without /v1."""
        return self._options.base_url

    @property
    def api_version(self) -> str | None:
        """The `Aurous-Version` that is sent; None leaves it to the team's default."""
        return self._options.api_version

    @property
    def hooks(self) -> tuple[Hooks, ...]:
        """The observers of its calls. `with_options(hooks=[*client.hooks, another])` adds one."""
        return self._options.hooks

    def budget(self, credits: Decimal | str | int) -> Budget:
        """A sum that calls may spend: those of a block, `with client.budget(credits="5") as budget:`, or those of a
        client, `client.with_options(budget=client.budget(credits="5"))`.

        Once it is spent, calls raise BudgetExceededError before anything is sent. Streams count, also those that were
        cancelled or recovered. The price of a call is known only afterwards: the last one can exceed the budget.
        A block within a generator raises ConfigurationError: others run while it is suspended.
        """
        return self.ledger.budget(credits)

    def with_options(
        self,
        *,
        api_version: str | FromEnvironment | None = FROM_ENVIRONMENT,
        timeout: Timeouts | float | None = None,
        max_retries: int | None = None,
        retry: RetryPolicy | None = None,
        streams: StreamPolicy | None = None,
        hooks: Sequence[Hooks] | None = None,
        budget: Budget | None = None,
    ) -> Self:
        """This client with some options changed. It is cheap: connections and ledger are shared.

        budget: what its calls may spend, wherever they are made; in addition to the budgets that there are
        """
        options = self._options.with_changes(
            api_version=api_version,
            timeout=timeout,
            max_retries=max_retries,
            retry=retry,
            streams=streams,
            hooks=hooks,
        )
        ledger = self._shared_ledger if budget is None else LazyLedger(self.ledger.limited_by(budget))
        is_same_quota = options.retry.quota == self._options.retry.quota
        changed = object.__new__(type(self))
        changed.__dict__.update(
            _options=options,
            _shared_ledger=ledger,
            _retry_quota=self._retry_quota if is_same_quota else RetryQuota(options.retry.quota),
            _transport=self._transport,
            _owns_transport=False,
        )
        return changed

    def __repr__(self) -> str:
        # Also called on a client whose construction failed, by tools that show the variables of a traceback.
        options = self.__dict__.get("_options")
        settings = f"base_url={options.base_url!r}, api_key={options.api_key!r}" if options else ""
        return f"{type(self).__name__}({settings})"

    def __reduce__(self) -> Any:
        raise TypeError("a client holds connections and a key, and cannot be pickled; make one in each process")


class Aurous(BaseClient, Calls):
    """The client: `Aurous().chat.completions.create(model=..., messages=[...])`.

    Make one for the process and share it: it is thread-safe and fork-safe. Close it with `with` or `close()`.

    api_key:     the key; else the environment variable AUROUS_API_KEY
    base_url:    where to send to, with or without /v1; else AUROUS_BASE_URL, else the production server
    api_version: the `Aurous-Version` to send; else AUROUS_API_VERSION, else the one this package was generated from;
                 None leaves it to the team's default
    timeout:     `Timeouts`, or seconds for one attempt; `Timeouts(total=...)` bounds the whole call
    max_retries: attempts after the first; `retry` sets the rest of the policy
    streams:     what a stream does when it is interrupted or left early
    http_client: an httpx.Client of your own, which you close yourself. Its timeout is not used: `timeout` applies. Its
                 limits, proxies, certificates and event hooks are
    hooks:       observers of calls, see `aurous.Hooks`

    Raises ConfigurationError for invalid settings.
    """

    _transport: SyncTransport

    def __init__(
        self,
        api_key: str | None = None,
        *,
        base_url: str | None = None,
        api_version: str | FromEnvironment | None = FROM_ENVIRONMENT,
        timeout: Timeouts | float | None = None,
        max_retries: int | None = None,
        retry: RetryPolicy | None = None,
        streams: StreamPolicy | None = None,
        http_client: httpx.Client | None = None,
        hooks: Sequence[Hooks] = (),
    ) -> None:
        # Error trackers collect local variables; none of them may be the plain key.
        secret, api_key = Secret.of(api_key), None
        options = read_options(
            api_key=secret,
            base_url=base_url,
            api_version=api_version,
            timeout=timeout,
            max_retries=max_retries,
            retry=retry,
            streams=streams,
            hooks=hooks,
        )
        self._set_up(options, SyncTransport(http_client))

    def close(self) -> None:
        """Close the connections, except those of your own `http_client`."""
        if self._owns_transport:
            self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class AsyncAurous(BaseClient, AsyncCalls):
    """The client for asyncio: `await AsyncAurous().chat.completions.create(...)`. Arguments as those of `Aurous`.

    Make one for the process and share it between tasks. Close it with `async with` or `await client.close()`. It can be
    used in several event loops, one after the other or at once: see `close_connections`.

    http_client: an httpx.AsyncClient of your own, which you close yourself. Its timeout is not used: `timeout` applies
    backend:     the connections to use without `http_client`: those of `httpx`; those of `aiohttp`, an extra, which
                 carry many tasks at a fraction of the cost; `auto` is `aiohttp` if it is installed and no tool patches
                 httpx. Under trio, and through a proxy, they are those of httpx in any case
    """

    _transport: AsyncTransport

    def __init__(
        self,
        api_key: str | None = None,
        *,
        base_url: str | None = None,
        api_version: str | FromEnvironment | None = FROM_ENVIRONMENT,
        timeout: Timeouts | float | None = None,
        max_retries: int | None = None,
        retry: RetryPolicy | None = None,
        streams: StreamPolicy | None = None,
        http_client: httpx.AsyncClient | None = None,
        backend: Backend = "auto",
        hooks: Sequence[Hooks] = (),
    ) -> None:
        # Error trackers collect local variables; none of them may be the plain key.
        secret, api_key = Secret.of(api_key), None
        options = read_options(
            api_key=secret,
            base_url=base_url,
            api_version=api_version,
            timeout=timeout,
            max_retries=max_retries,
            retry=retry,
            streams=streams,
            hooks=hooks,
        )
        from ..transport.async_ import AsyncTransport

        self._set_up(options, AsyncTransport(http_client, backend=backend))

    async def close(self) -> None:
        """Close the connections, except those of your own `http_client`."""
        if self._owns_transport:
            await self._transport.close()

    async def close_connections(self) -> None:
        """Close the connections of the running event loop, except those of your own `http_client`.

        The client remains usable. A client that is used in several event loops has connections in each of them. They
        are closed when their loop shuts down, as `asyncio.run` makes it do; call this where a loop is closed without.
        """
        if self._owns_transport:
            await self._transport.close_connections()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

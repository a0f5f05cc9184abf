"""What both clients share: options, the ledger, and the start and end of calls."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Self

from aurous_client import encoding

from .._config import redirect
from .._config.options import FROM_ENVIRONMENT, FromEnvironment, Options
from .._config.policies import RetryPolicy, StreamPolicy, Timeouts
from .._request.retry_quota import RetryQuota
from ..errors import APIResponseValidationError, ConfigurationError
from ..transport.locks import ForkSafeLock

if TYPE_CHECKING:
    from decimal import Decimal

    from aurous_client.operations import Charge, Operation, Request, Response, ResultT

    from .._config.hooks import Hooks
    from .._request.flow import RequestFlow
    from .._stream.state import StreamContext
    from ..billing.budget import Budget
    from ..billing.ledger import Ledger
    from ..types import Receipt

# The code of calls and streams is imported when the first one starts, so that making a client stays cheap.


def _response_format(kind: type[Any]) -> Any:
    # Needs an optional dependency.
    from ..tools.structured_output import response_format_for

    return response_format_for(kind)


encoding.class_converter = _response_format


def refuse_httpx2(http_client: object) -> None:
    """Raise ConfigurationError for a client of httpx's successor, which is not yet supported."""
    for base in type(http_client).__mro__:
        if base.__module__.partition(".")[0] == "httpx2":
            kind = f"httpx2 ({type(http_client).__qualname__})"
            raise ConfigurationError(
                f"http_client must be a client of httpx, not of {kind}, whose errors and timeouts are other classes; "
                "make an httpx.Client or httpx.AsyncClient with the same settings"
            )


class LazyLedger:
    """The ledger shared by clients made with `with_options()`, created on first use."""

    def __init__(self, ledger: Ledger | None = None) -> None:
        self._lock = ForkSafeLock()
        self._ledger = ledger

    @property
    def ledger(self) -> Ledger:
        if self._ledger is None:
            from ..billing.ledger import Ledger

            with self._lock:
                if self._ledger is None:
                    self._ledger = Ledger()
        return self._ledger


class BaseClient:
    """Options, and what clients made with `with_options()` share: a transport, a ledger and a retry quota."""

    _options: Options
    _shared_ledger: LazyLedger
    _retry_quota: RetryQuota
    _transport: Any
    _owns_transport: bool

    @property
    def base_url(self) -> str:
        """The server's address, without /v1."""
        return self._options.base_url

    @property
    def api_version(self) -> str | None:
        """The `Aurous-Version` that is sent; None leaves it to the team's default."""
        return self._options.api_version

    @property
    def ledger(self) -> Ledger:
        """What the calls of this client have cost, by model. Shared by clients made with `with_options()`."""
        return self._shared_ledger.ledger

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
        variant = object.__new__(type(self))
        variant.__dict__.update(
            _options=options,
            _shared_ledger=ledger,
            _retry_quota=self._retry_quota if is_same_quota else RetryQuota(options.retry.quota),
            _transport=self._transport,
            _owns_transport=False,
        )
        return variant

    def __repr__(self) -> str:
        # Also called on a client whose construction failed, by tools that show the variables of a traceback.
        options = self.__dict__.get("_options")
        settings = f"base_url={options.base_url!r}, api_key={options.api_key!r}" if options else ""
        return f"{type(self).__name__}({settings})"

    def __reduce__(self) -> Any:
        raise TypeError("a client holds connections and a key, and cannot be pickled; make one in each process")

    def _request_flow(self, operation: Operation[Any], request: Request, *, streams: bool = False) -> RequestFlow:
        if operation.charge is not None and not operation.charge.is_record:
            self.ledger.check_budgets()
        return self._free_request_flow(operation, request, streams=streams)

    def _free_request_flow(self, operation: Operation[Any], request: Request, *, streams: bool = False) -> RequestFlow:
        """For retrieving and cancelling, which cost nothing and must work when a budget is spent."""
        from .._request.flow import RequestFlow

        return RequestFlow(
            operation,
            request,
            redirect.resolve(self._options),
            streams=streams,
            clock=self._transport.clock,
            random=random.random,
            quota=self._retry_quota,
        )

    def _stream_context(self, operation: Operation[Any], request: Request) -> StreamContext:
        from .._stream.state import StreamContext

        return StreamContext(
            redirect.resolve(self._options),
            self.ledger,
            request,
            clock=self._transport.clock,
            make_flow=self._free_request_flow,
            make_stream_flow=lambda: self._request_flow(operation, request, streams=True),
        )

    @contextmanager
    def _record_unparsed(self, operation: Operation[Any]) -> Iterator[None]:
        """Enter the receipt of a response that cannot be parsed, if it has one."""
        try:
            yield
        except APIResponseValidationError as error:
            if operation.charge is not None:
                from ..billing.receipts import receipt_of_error

                receipt = receipt_of_error(error, operation)
                if receipt is not None:
                    self._enter(operation.charge, receipt, error.headers)
            raise

    def _settle(self, operation: Operation[Any], response: Response[ResultT]) -> Response[ResultT]:
        """Enter the receipt of a result, if the operation is charged."""
        from .._request.response import warn_of_deprecation

        if operation.charge is not None:
            self._enter_result(operation.charge, response)
        warn_of_deprecation(response.headers)
        return response

    def _enter_result(self, charge: Charge, response: Response[Any]) -> None:
        from ..billing.receipts import receipt

        entry = receipt(response.parsed)
        # What a running completion costs is not final.
        is_open = not entry.has_amount or getattr(response.parsed, "status", None) == "in_progress"
        if not (charge.is_record and is_open):
            self._enter(charge, entry, response.headers)

    def _check_budgets(self, operation: Operation[Any]) -> None:
        """Refuse a call that may cost something, if a budget is spent."""
        if operation.idempotency_header is not None:
            self.ledger.check_budgets()

    def _enter_cost(self, operation: Operation[Any], response: Response[ResultT]) -> Response[ResultT]:
        """Enter the receipt of an operation of which the spec says nothing, if its response has one."""
        from aurous_client.operations import Charge

        from ..billing.receipts import read_receipt, usage_of

        usage = usage_of(response.content)
        if usage is not None and "credits_charged" in usage:
            parsed: Any = response.parsed
            found = parsed.get("id") if isinstance(parsed, dict) else getattr(parsed, "id", "")
            charge = Charge(amount=("usage", "credits_charged"), is_record=operation.idempotency_header is None)
            self._enter(charge, read_receipt(str(found or ""), usage), response.headers)
        return response

    def _enter(self, charge: Charge, entry: Receipt, headers: Mapping[str, str]) -> None:
        if charge.is_record:
            self.ledger.settle(entry, created=False)
        else:
            is_replay = headers.get("aurous-idempotent-replayed", "").lower() == "true"
            self.ledger.charge(entry, is_replay=is_replay)

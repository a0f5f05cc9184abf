"""What both clients are: options, connections that are shared, and a ledger. How they wait is in `client`."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Self

from aurous_client import encoding

from ..errors import APIResponseValidationError
from ..transport.locks import Lock
from . import redirect
from .options import FROM_ENVIRONMENT, FromEnvironment, Options
from .policies import RetryPolicy, StreamPolicy, Timeouts

if TYPE_CHECKING:
    from decimal import Decimal

    from aurous_client.operations import Operation, Request, Response, ResultT

    from .._request.flow import Course, Outcome
    from .._stream.controller import Link
    from ..billing.budget import Budget
    from ..billing.ledger import Ledger
    from .hooks import Hooks

# What carries out calls and streams is imported where the first one begins: making a client need not wait for it.


def _response_format(kind: type[Any]) -> Any:
    # Its library is wanted only by those who use it.
    from ..tools.structured_output import response_format_for

    return response_format_for(kind)


encoding.adapt_class = _response_format


class Books:
    """The ledger that a client shares with its variants, opened when it is first needed."""

    def __init__(self, ledger: Ledger | None = None) -> None:
        self._lock = Lock()
        self._ledger = ledger

    @property
    def ledger(self) -> Ledger:
        if self._ledger is None:
            from ..billing.ledger import Ledger

            with self._lock:
                if self._ledger is None:
                    self._ledger = Ledger()
        return self._ledger


class Base:
    """What both clients are: options, a transport and books, both of which options' variants share."""

    _options: Options
    _books: Books
    _transport: Any
    _owner: bool

    @property
    def base_url(self) -> str:
        """Where requests go, without /v1."""
        return self._options.base_url

    @property
    def api_version(self) -> str | None:
        """The `Aurous-Version` that is sent; None leaves it to the team's default."""
        return self._options.api_version

    @property
    def ledger(self) -> Ledger:
        """What the calls of this client have cost, by model. Variants made by `with_options` write to the same one."""
        return self._books.ledger

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
        """This client with some options changed. Costs nothing: connections and ledger are shared.

        budget: what its calls may spend, wherever they are made; it adds to the budgets that there are
        """
        options = self._options.with_changes(
            api_version=api_version,
            timeout=timeout,
            max_retries=max_retries,
            retry=retry,
            streams=streams,
            hooks=hooks,
        )
        books = self._books if budget is None else Books(self.ledger.limited_by(budget))
        variant = object.__new__(type(self))
        variant.__dict__.update(_options=options, _books=books, _transport=self._transport, _owner=False)
        return variant

    def __repr__(self) -> str:
        # One that could not be made is shown too, in the frames of the error that says so.
        options = self.__dict__.get("_options")
        settings = f"base_url={options.base_url!r}, api_key={options.api_key!r}" if options else ""
        return f"{type(self).__name__}({settings})"

    def __reduce__(self) -> Any:
        raise TypeError("a client holds connections and a key, and is not pickled; make one in each process")

    def _course(self, operation: Operation[Any], request: Request, *, streams: bool = False) -> Course:
        # Only what takes a key is charged.
        if operation.idempotency_header is not None:
            self.ledger.check_budgets()
        return self._unbudgeted_course(operation, request, streams=streams)

    def _unbudgeted_course(self, operation: Operation[Any], request: Request, *, streams: bool = False) -> Course:
        """For what follows a call and costs nothing: asking what became of it, or cancelling it."""
        from .._request.flow import Course

        return Course(
            operation,
            request,
            redirect.resolve(self._options),
            streams=streams,
            clock=self._transport.clock,
            chance=random.random,
        )

    def _link(self, operation: Operation[Any], request: Request) -> Link:
        from .._stream.controller import Link

        return Link(
            redirect.resolve(self._options),
            self.ledger,
            request,
            make_course=self._unbudgeted_course,
            make_stream_course=lambda: self._course(operation, request, streams=True),
        )

    @contextmanager
    def _salvaging(self, operation: Operation[Any]) -> Iterator[None]:
        """Enter the receipt of an answer that cannot be read, if it carries one."""
        try:
            yield
        except APIResponseValidationError as error:
            from ..billing import receipts

            found = receipts.salvage(error)
            if found is not None:
                self.ledger.settle(found, created=operation.idempotency_header is not None)
            raise

    def _settle(self, operation: Operation[Any], outcome: Outcome[ResultT]) -> Response[ResultT]:
        """Enter the receipt of a result, if it carries one."""
        from .._request import response_info
        from ..billing import receipts

        parsed: Any = outcome.response.parsed
        # Of a record that is still being made, the figures are those so far.
        if receipts.has_usage(parsed) and getattr(parsed, "status", None) != "in_progress":
            created = operation.idempotency_header is not None
            self.ledger.settle(receipts.receipt(parsed), created=created)
        response_info.warn_of_deprecation(outcome.response.headers)
        return outcome.response

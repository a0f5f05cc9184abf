"""Which operations of the contract a server has been seen to serve, and which it seems to lack."""

from __future__ import annotations

from collections.abc import Iterable

from harness import contract
from harness.client.api_client import ApiClient
from harness.client.exchange import Exchange
from harness.contract import Operation
from harness.results import RunResults
from harness.violations import NotTested, RuleViolation


def called(exchanges: Iterable[Exchange]) -> tuple[str, ...]:
    """The ids of the operations that these requests call, sorted."""
    return tuple(sorted({operation.id for exchange in exchanges if (operation := _operation_of(exchange))}))


def served(exchanges: Iterable[Exchange]) -> tuple[str, ...]:
    """The ids of the operations that these responses show to be served, sorted."""
    return called(exchange for exchange in exchanges if _is_served(exchange))


def require_served(results: RunResults, api: ApiClient) -> None:
    """Turn passed checks of operations that never succeeded into checks that tested nothing.

    A server that answers 404 to every POST refuses all that must be refused. Operations of which this run has seen no
    success, because only a few rules were selected, are requested once.
    """
    for operation in sorted(results.operations_without_success()):
        refusal = _refusal(api, operation)
        if refusal:
            reason = f"no request for {operation} succeeded, so that it refuses some shows nothing: {refusal}"
            results.mark_not_tested(operation, reason)


def leave_unserved(results: RunResults) -> None:
    """The same for a run that was interrupted, which sends nothing any more."""
    for operation in sorted(results.operations_without_success()):
        results.mark_not_tested(operation, f"the run was interrupted before a request for {operation} succeeded")


def _refusal(api: ApiClient, operation: str) -> str:
    """The response of an operation that seems not to be served; empty if it is served, or if that is unknown."""
    try:
        exchange = _ask(api, operation)
    except NotTested:
        return ""
    except RuleViolation as violation:
        return violation.actual
    if exchange is None or _is_served(exchange):
        return ""
    return f"{exchange.method} {exchange.path} is answered {exchange.outcome}"


def _operation_of(exchange: Exchange) -> Operation | None:
    return contract.operation_at(exchange.method, exchange.path)


def _is_served(exchange: Exchange) -> bool:
    # A conflict shows that the resource exists: a completion that has ended cannot be cancelled.
    has_conflict = exchange.status == 409 and "{" in getattr(_operation_of(exchange), "path", "")
    return 200 <= exchange.status < 300 or has_conflict


def _ask(api: ApiClient, operation_id: str) -> Exchange | None:
    """The response to a request that the operation has to serve; None if the suite knows no such request."""
    operation = next(each for each in contract.operations() if each.id == operation_id)
    match operation_id:
        case "createChatCompletion":
            return api.create(api.chat_body())
        case "retrieveChatCompletion":
            return api.retrieve(api.complete(api.chat_body()).at("id"))
        case "cancelChatCompletion":
            return api.cancel(api.complete(api.chat_body()).at("id"))
        case _ if "{" not in operation.path:
            return api.call(operation)
        case _:
            return None

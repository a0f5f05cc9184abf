"""Completions as documents: what must hold for each one that is created, retrieved or cancelled."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from harness import contract
from harness.checks.check import Check
from harness.client.exchange import Exchange
from harness.rules import CREATE, RETRIEVE

ENDED = frozenset({"completed", "failed", "cancelled"})


def is_document(exchange: Exchange) -> bool:
    """Whether this is a completion of its own, and no stream, list or error."""
    return (
        exchange.status == 200
        and "/v1/chat/completions" in exchange.url
        and exchange.media_type == "application/json"
        and isinstance(exchange.get("choices"), list)
    )


def is_completed(exchange: Exchange) -> bool:
    return is_document(exchange) and exchange.get("status") == "completed"


def has_ended(exchange: Exchange) -> bool:
    """Whether it has ended; what a record must have before that is not documented."""
    return is_document(exchange) and exchange.get("status") in ENDED


def _schema(exchange: Exchange) -> Iterator[str]:
    errors = contract.schema_errors("ChatCompletion", exchange.json)
    if errors:
        yield "; ".join(errors[:5])


def _id(exchange: Exchange) -> Iterator[str]:
    actual = exchange.at("id")
    if not (isinstance(actual, str) and actual.startswith("cmp_") and actual != "cmp_"):
        yield f"`id` is {actual!r}"


def _object(exchange: Exchange) -> Iterator[str]:
    if exchange.at("object") != "chat.completion":
        yield f"`object` is {exchange.at('object')!r}"


def _one_choice(exchange: Exchange) -> Iterator[str]:
    if len(exchange.at("choices")) != 1:
        yield f"there are {len(exchange.at('choices'))} choices"


def _choice_index(exchange: Exchange) -> Iterator[str]:
    index = exchange.at("choices", 0, "index")
    if index != 0 or index is False:
        yield f"`index` is {index!r}"


def _role(exchange: Exchange) -> Iterator[str]:
    role = exchange.at("choices", 0, "message", "role")
    if role != "assistant":
        yield f"`role` is {role!r}"


def _finish_reason(exchange: Exchange) -> Iterator[str]:
    reason = exchange.at("choices", 0, "finish_reason")
    # Servers may have others than the listed ones.
    if not isinstance(reason, str) or not reason:
        yield f"`finish_reason` is {reason!r}"


def _no_error(exchange: Exchange) -> Iterator[str]:
    if exchange.get("error") is not None:
        yield f"`error` is {exchange.get('error')}"


def _error_present(exchange: Exchange) -> Iterator[str]:
    error = exchange.get("error")
    errors = contract.schema_errors("CompletionError", error)
    if not isinstance(error, dict) or errors:
        yield f"`status` is {exchange.get('status')!r} and `error` is {error!r}"


def _is_broken_off(exchange: Exchange) -> bool:
    return is_document(exchange) and exchange.get("status") in ("failed", "cancelled")


def _check(
    name: str,
    sentence: str,
    find: Callable[[Exchange], Iterator[str]],
    applies: Callable[[Exchange], bool] = is_document,
    page: str = CREATE,
) -> Check[Exchange]:
    return Check(name, page, sentence, find, applies)


DOCUMENT_CHECKS: list[Check[Exchange]] = [
    _check(
        "completion.schema", "The answer has the documented members, each of its documented type.", _schema, has_ended
    ),
    _check("completion.id", "`id` is `cmp_` and an opaque rest.", _id),
    _check("completion.object", "`object` is `chat.completion`.", _object),
    _check("completion.one_choice", "`choices` always has exactly one entry.", _one_choice),
    _check("completion.choice_index", "The one choice has `index` 0.", _choice_index, has_ended),
    _check("completion.role", "The message's `role` is `assistant`.", _role, has_ended),
    _check(
        "completion.finish_reason",
        "A finished choice has a `finish_reason`: stop, length, tool_calls, content_filter, cancelled or a new one.",
        _finish_reason,
        is_completed,
    ),
    _check("completion.no_error", "`error` is absent or null when `status` is `completed`.", _no_error, is_completed),
    _check(
        "retrieval.error_present",
        "`error` is present when `status` is `failed` or `cancelled`.",
        _error_present,
        _is_broken_off,
        RETRIEVE,
    ),
]

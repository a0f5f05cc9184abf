"""Faults of how the bodies sent with one idempotency key are compared."""

from __future__ import annotations

import json
from typing import Any

from ..application import Application
from ..changes import FAULTS

CHAT = "api-reference/chat/idempotency"
GLOBAL = "idempotency"


def _fingerprint(application: Application, function: Any) -> None:
    application.chat.idempotency.fingerprint = function  # type: ignore[method-assign]


@FAULTS.plant(GLOBAL, "same_order", "same_nested_order", "same_white_space", "same_numbers", "same_escapes")
def bodies_compared_as_bytes(application: Application) -> None:
    """Bodies are compared byte by byte."""
    _fingerprint(application, lambda raw, body: raw)


@FAULTS.plant(GLOBAL, "same_nested_order")
def nested_order_counts(application: Application) -> None:
    """The order of members counts inside of nested objects."""

    def top(raw: bytes, body: dict[str, Any]) -> str:
        return json.dumps([[name, body[name]] for name in sorted(body)])

    _fingerprint(application, top)


@FAULTS.plant(GLOBAL, "same_order")
def order_counts(application: Application) -> None:
    """The order of the body's own members counts."""
    _fingerprint(
        application, lambda raw, body: json.dumps([[name, json.dumps(body[name], sort_keys=True)] for name in body])
    )


@FAULTS.plant(GLOBAL, "same_white_space")
def white_space_counts(application: Application) -> None:
    """White space between members counts, while their order does not."""
    _fingerprint(application, lambda raw, body: [json.dumps(body, sort_keys=True), raw.count(b"\n")])


@FAULTS.plant(GLOBAL, "same_numbers", "same_exponents")
def numbers_compared_as_text(application: Application) -> None:
    """1, 1.0 and 1e0 count as different numbers."""
    _fingerprint(
        application, lambda raw, body: json.dumps(json.loads(raw, parse_float=str, parse_int=str), sort_keys=True)
    )


@FAULTS.plant(GLOBAL, "same_escapes")
def escapes_count(application: Application) -> None:
    """A character and its escape count as different."""
    _fingerprint(application, lambda raw, body: [json.dumps(body, sort_keys=True), raw.count(b"\\u")])


@FAULTS.plant(GLOBAL, "conflict_by_type")
def true_equals_one(application: Application) -> None:
    """true and 1 count as equal."""
    _fingerprint(application, lambda raw, body: json.loads(json.dumps(body)))


@FAULTS.plant(GLOBAL, "conflict_by_white_space")
def white_space_in_strings_ignored(application: Application) -> None:
    """White space inside of strings does not count."""
    _fingerprint(application, lambda raw, body: "".join(json.dumps(body, sort_keys=True).split()))


@FAULTS.plant(GLOBAL, "conflict_by_parameter", "conflict_by_nested_member", "conflict_by_type")
def only_messages_compared(application: Application) -> None:
    """Only the messages are compared, not the whole body."""
    _fingerprint(application, lambda raw, body: json.dumps(body["messages"], sort_keys=True))


@FAULTS.plant(GLOBAL, "conflict_by_nested_member")
def arrays_compared_as_sets(application: Application) -> None:
    """The order inside of arrays does not count."""
    _fingerprint(application, lambda raw, body: sorted(json.dumps(body)))


@FAULTS.plant(CHAT, "conflict", "conflict_by_parameter")
def other_body_gets_the_first_answer(application: Application) -> None:
    """A key with another body gets the first answer."""
    _fingerprint(application, lambda raw, body: None)

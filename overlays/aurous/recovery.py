"""What becomes of a stream that broke off: asks for the stored record until it is final, and compares. Pure steps.

Never sends the request again: a stream has no idempotency key, so that would be a second completion, charged again.
Pages: api-reference/chat/retrieve-a-stored-chat-completion, api-reference/chat/streaming.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Literal, TypeAlias

from attrs import frozen
from aurous_client.api.chat import cancel_chat_completion, retrieve_chat_completion
from aurous_client.models import ChatCompletion
from aurous_client.types import Operation, Request

from .calls import Course, Steps, Wait
from .errors import ConflictError
from .receipts import Ledger, Receipt, has_usage, receipt

Outcome: TypeAlias = Literal["completed", "cancelled", "failed", "in_progress"]
MakeCourse: TypeAlias = Callable[[Operation[Any], Request], Course]

# Seconds between two questions, doubled up to the second figure.
_FIRST_PAUSE: Final = 0.25
_LONGEST_PAUSE: Final = 4.0
_STATUSES: Final[dict[str, Outcome]] = {"completed": "completed", "cancelled": "cancelled", "failed": "failed"}


@frozen(kw_only=True)
class Recovery:
    """What the stored record says of a stream that broke off."""

    outcome: Outcome
    """`completed`: the answer is whole. `cancelled`: the disconnect ended it; it is partial, and charged. `failed`: the
    provider or platform failed, and nothing was charged. `in_progress`: it had not ended when the deadline passed."""
    completion: ChatCompletion
    """The record."""
    rest: str
    """The text of the record that had not been delivered; empty if the two disagree."""
    agrees: bool
    """Whether what was delivered is how the record begins."""
    receipt: Receipt | None
    """What was charged."""


def recover(
    completion_id: str,
    delivered: str,
    *,
    make_course: MakeCourse,
    ledger: Ledger,
    clock: Callable[[], float],
    within: float,
) -> Steps[Recovery]:
    """The steps to a final record, or to the last one seen within so many seconds."""
    ledger.begin(completion_id)
    deadline = clock() + within
    pause = _FIRST_PAUSE
    while True:
        request = retrieve_chat_completion.build_request(completion_id)
        outcome = yield from make_course(retrieve_chat_completion.OPERATION, request).for_result()
        record: ChatCompletion = outcome.response.parsed
        if record.status != "in_progress" or clock() + pause >= deadline:
            return _compare(record, delivered, ledger)
        yield Wait(pause)
        pause = min(pause * 2, _LONGEST_PAUSE)


def cancel(completion_id: str, *, make_course: MakeCourse, ledger: Ledger) -> Steps[ChatCompletion]:
    """The steps to a record that is final: cancelled, or as it was if it had ended already."""
    ledger.begin(completion_id)
    request = cancel_chat_completion.build_request(completion_id)
    try:
        outcome = yield from make_course(cancel_chat_completion.OPERATION, request).for_result()
    except ConflictError:
        request = retrieve_chat_completion.build_request(completion_id)
        outcome = yield from make_course(retrieve_chat_completion.OPERATION, request).for_result()
    record: ChatCompletion = outcome.response.parsed
    _settle(record, ledger)
    return record


def _compare(record: ChatCompletion, delivered: str, ledger: Ledger) -> Recovery:
    content = record.choices[0].message.content or "" if record.choices else ""
    agrees = content.startswith(delivered)
    return Recovery(
        outcome=_STATUSES.get(record.status, "in_progress"),
        completion=record,
        rest=content[len(delivered) :] if agrees else "",
        agrees=agrees,
        receipt=_settle(record, ledger),
    )


def _settle(record: ChatCompletion, ledger: Ledger) -> Receipt | None:
    if record.status == "in_progress" or not has_usage(record):
        return None
    found = receipt(record)
    ledger.settle(found, created=False)
    return found

"""What became of a stream that broke off: asks for its record until it is final, and compares. Pure steps.

Never sends the request again: a stream has no idempotency key, so that would be a second completion, charged again.
Pages: api-reference/chat/retrieve-a-stored-chat-completion, api-reference/chat/cancel-an-in-flight-chat-completion.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any, Final, Literal, TypeAlias

from attrs import field, frozen
from aurous_client.api.chat import cancel_chat_completion, retrieve_chat_completion
from aurous_client.models import (
    ChatCompletion,
    ChatCompletionChunk,
    Choice,
    ChunkChoice,
    ChunkDelta,
    FunctionCallDelta,
    Logprobs,
    ToolCall,
    ToolCallDelta,
)
from aurous_client.operations import Operation, Request
from aurous_client.types import UNSET

from .._request.effects import Steps, Wait
from .._request.flow import Course
from ..billing.ledger import Ledger
from ..billing.receipts import Receipt, has_usage, receipt
from ..errors import APITimeoutError, ConflictError

Outcome: TypeAlias = Literal["completed", "cancelled", "failed", "in_progress"]
MakeCourse: TypeAlias = Callable[[Operation[Any], Request], Course]

# Seconds between two questions, doubled up to the second figure.
_FIRST_PAUSE: Final = 0.25
_LONGEST_PAUSE: Final = 4.0
# Seconds that a question may take even where the deadline is nearer: one that nobody can answer is not worth asking.
_LEAST_PATIENCE: Final = 1.0
# Seconds that a cancel may take, since somebody waits for it who wants to leave.
_CANCEL_PATIENCE: Final = 15.0
_FINAL: Final[dict[str, Outcome]] = {"completed": "completed", "cancelled": "cancelled", "failed": "failed"}


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
    """Whether what was delivered, text and tool calls, is how the record begins."""
    receipt: Receipt | None
    """What was charged; None while that is open."""
    continuation: ChatCompletionChunk | None = field(default=None, repr=False)
    """All that had not been delivered as one chunk: text, tool calls, log probabilities, finish_reason, usage. None if
    there is nothing left, or the two disagree."""


def recover(
    completion_id: str,
    delivered: Choice,
    *,
    make_course: MakeCourse,
    ledger: Ledger,
    clock: Callable[[], float],
    within: float,
) -> Steps[Recovery]:
    """The steps to a final record, or to the last one seen within so many seconds. Raises the errors of a call."""
    deadline = clock() + within
    pause = _FIRST_PAUSE
    seen: ChatCompletion | None = None
    while True:
        left = deadline - clock()
        request = replace(retrieve_chat_completion.build_request(completion_id), timeout=max(left, _LEAST_PATIENCE))
        try:
            outcome = yield from make_course(retrieve_chat_completion.OPERATION, request).for_result()
        except APITimeoutError:
            # What was seen before is worth more than that there was no time to see it again.
            if seen is None:
                raise
            return compare(seen, delivered, ledger)
        record: ChatCompletion = outcome.response.parsed
        left = deadline - clock()
        if record.status in _FINAL or left <= 0:
            return compare(record, delivered, ledger)
        seen = record
        yield Wait(min(pause, left))
        pause = min(pause * 2, _LONGEST_PAUSE)


def cancel(completion_id: str, *, make_course: MakeCourse, ledger: Ledger) -> Steps[ChatCompletion]:
    """The steps to the record of a completion that is cancelled, or had ended before. Raises the errors of a call."""
    request = replace(cancel_chat_completion.build_request(completion_id), timeout=_CANCEL_PATIENCE)
    try:
        outcome = yield from make_course(cancel_chat_completion.OPERATION, request).for_result()
    except ConflictError:
        request = replace(retrieve_chat_completion.build_request(completion_id), timeout=_CANCEL_PATIENCE)
        outcome = yield from make_course(retrieve_chat_completion.OPERATION, request).for_result()
    record: ChatCompletion = outcome.response.parsed
    _settle(record, ledger)
    return record


def is_final(record: ChatCompletion) -> bool:
    """Whether a record will not change any more."""
    return record.status in _FINAL


def receipt_of(record: ChatCompletion) -> Receipt | None:
    """What a record was charged; None while that is open."""
    return receipt(record) if is_final(record) and has_usage(record) else None


def compare(record: ChatCompletion, delivered: Choice, ledger: Ledger) -> Recovery:
    """What a record says of a stream that had delivered so much of it. Enters its receipt, if it is final."""
    whole = record.choices[0] if record.choices else delivered
    text, come = whole.message.content or "", delivered.message.content or ""
    calls = _rest_of_calls(whole.message.tool_calls or (), delivered.message.tool_calls or ())
    agrees = text.startswith(come) and calls is not None
    rest = text[len(come) :] if agrees else ""
    return Recovery(
        outcome=_FINAL.get(record.status, "in_progress"),
        completion=record,
        rest=rest,
        agrees=agrees,
        receipt=_settle(record, ledger),
        continuation=_continuation(record, whole, delivered, rest, calls) if agrees and calls is not None else None,
    )


def _continuation(
    record: ChatCompletion, whole: Choice, delivered: Choice, rest: str, calls: list[ToolCallDelta]
) -> ChatCompletionChunk | None:
    ends = whole.finish_reason is not None and delivered.finish_reason is None
    if not (rest or calls or ends):
        return None
    delta = ChunkDelta(content=rest or UNSET, tool_calls=calls or UNSET)
    tokens = (whole.logprobs.content or [])[_count_tokens(delivered) :] if whole.logprobs else []
    choice = ChunkChoice(
        index=whole.index,
        delta=delta,
        finish_reason=whole.finish_reason,
        logprobs=Logprobs(content=tokens) if tokens else UNSET,
    )
    return ChatCompletionChunk(
        id=record.id, created=record.created, model=record.model, choices=[choice], usage=record.usage
    )


def _rest_of_calls(whole: Sequence[ToolCall], delivered: Sequence[ToolCall]) -> list[ToolCallDelta] | None:
    """What of the calls had not been delivered; None where what was delivered is none of their beginnings."""
    if len(delivered) > len(whole) or not all(map(_begins, delivered, whole)):
        return None
    begun = _rest_of_begun(whole, delivered)
    return [*begun, *(_as_delta(index, whole[index]) for index in range(len(delivered), len(whole)))]


def _begins(come: ToolCall, call: ToolCall) -> bool:
    # Of a call whose first piece has come, an id or a name can still be empty.
    names = ((come.id, call.id), (come.function.name, call.function.name))
    return all(known in ("", full) for known, full in names) and call.function.arguments.startswith(
        come.function.arguments
    )


def _rest_of_begun(whole: Sequence[ToolCall], delivered: Sequence[ToolCall]) -> Iterator[ToolCallDelta]:
    for index, (call, come) in enumerate(zip(whole, delivered, strict=False)):
        arguments = call.function.arguments[len(come.function.arguments) :]
        name = UNSET if come.function.name else call.function.name
        if arguments or name or not come.id:
            function = FunctionCallDelta(name=name, arguments=arguments)
            yield ToolCallDelta(index=index, id=UNSET if come.id else call.id, function=function)


def _as_delta(index: int, call: ToolCall) -> ToolCallDelta:
    function = FunctionCallDelta(name=call.function.name, arguments=call.function.arguments)
    return ToolCallDelta(index=index, id=call.id, type=call.type, function=function)


def _count_tokens(choice: Choice) -> int:
    return len(choice.logprobs.content or ()) if choice.logprobs else 0


def _settle(record: ChatCompletion, ledger: Ledger) -> Receipt | None:
    found = receipt_of(record)
    if found is not None:
        ledger.settle(found, created=False)
    return found

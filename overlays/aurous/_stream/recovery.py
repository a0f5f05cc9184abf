"""Recovers an interrupted stream: retrieves its record until it is final, and compares it with what was delivered.

The request is never sent again: a stream has no idempotency key, so that would be a second completion and charge.
Pages: api-reference/chat/retrieve-a-stored-chat-completion, api-reference/chat/cancel-an-in-flight-chat-completion.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from attrs import frozen
from aurous_client.api.chat import cancel_chat_completion, retrieve_chat_completion
from aurous_client.errors import EncodeError
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
from aurous_client.operations import Request
from aurous_client.types import UNSET

from .._config.policies import Timeouts
from ..billing.ledger import Ledger
from ..billing.receipts import has_usage, receipt
from ..errors import APITimeoutError, AurousError, ConflictError, StreamInterruptedError
from ..transport.effects import Flow, Sleep
from ..types import Receipt, Recovery, RecoveryOutcome
from .chat_state import ChatState
from .context import StreamContext

# Seconds between two requests for the record; doubled each time, up to the maximum.
_FIRST_DELAY: Final = 0.25
_MAX_DELAY: Final = 4.0
# Seconds that such a request may take even if the deadline is nearer: a shorter one would be pointless.
_MIN_RETRIEVE_TIMEOUT: Final = 1.0
# Seconds. The caller wants to leave, so this is short.
_CANCEL_TIMEOUT: Final = 15.0
_FINAL: Final[dict[str, RecoveryOutcome]] = {"completed": "completed", "cancelled": "cancelled", "failed": "failed"}


@frozen
class StoredRecord:
    """Retrieves or cancels the record, and stores the outcome in the stream's state."""

    context: StreamContext
    state: ChatState
    timeouts: Timeouts

    def cancel(self, completion_id: str) -> Flow[ChatCompletion]:
        """Cancel the completion. Returns its record, which is kept if it is final."""
        record = yield from cancel(completion_id, self.context, self.timeouts)
        self._keep(record)
        return record

    def recover(self, within: float) -> Flow[Recovery]:
        """Retrieve the record until it is final, for so many seconds."""
        state = self.state
        delivered = state.delivered or state.accumulator.choice
        recovery = yield from recover(state.id or "", delivered, self.context, self.timeouts, within=within)
        state.recovery = recovery
        self._keep(recovery.completion)
        return recovery

    def complete(
        self,
        error: StreamInterruptedError,
        *,
        within: float,
        error_of_record: Callable[[ChatCompletion], AurousError],
    ) -> Flow[None]:
        """Put what the record has beyond the stream into `state.continuation`, and into `state.error` how the stream
        ends after it: with None if the record is a whole answer.

        error: what interrupted the stream; raised if the record cannot be retrieved
        """
        state = self.state
        remaining = state.response.deadline - self.context.clock() if state.response else 0.0
        try:
            recovery = yield from self.recover(min(within, remaining))
        except AurousError as failure:
            error.add_note(f"Its record could not be retrieved: {failure}")
            raise error from error.__cause__
        error.recovery = recovery
        if recovery.outcome == "failed":
            state.error = state.with_partial(error_of_record(recovery.completion))
            state.error.__cause__ = error
        elif recovery.outcome != "completed" or not recovery.agrees:
            mismatch = "" if recovery.agrees else ", but does not begin with what was delivered"
            status = f"{recovery.outcome}{mismatch}"
            error.add_note(f"Its record is {status}; see `recovery`.")
            state.error = error
        if recovery.continuation is not None:
            state.continuation = recovery.continuation
            state.accumulator.add(recovery.continuation)
        if state.error is not None:
            state.error.text = state.accumulator.text

    def _keep(self, record: ChatCompletion) -> None:
        # Its receipt is in the ledger already.
        if is_final(record):
            self.state.record = record
            self.state.receipt = receipt_of(record) or self.state.receipt


def recover(
    completion_id: str, delivered: Choice, context: StreamContext, timeouts: Timeouts, *, within: float
) -> Flow[Recovery]:
    """The final record, or the last one seen within so many seconds. Raises the errors of a call."""
    clock, ledger = context.clock, context.ledger
    deadline = clock() + within
    delay = _FIRST_DELAY
    last: ChatCompletion | None = None
    while True:
        remaining = deadline - clock()
        timeout = replace(timeouts, total=max(remaining, _MIN_RETRIEVE_TIMEOUT))
        request = _request(retrieve_chat_completion.build_request, completion_id, timeout)
        try:
            response = yield from context.make_flow(retrieve_chat_completion.OPERATION, request).for_result()
        except APITimeoutError:
            # The last record seen is worth more than a timeout.
            if last is None:
                raise
            return compare(last, delivered, ledger)
        record: ChatCompletion = response.parsed
        remaining = deadline - clock()
        if record.status in _FINAL or remaining <= 0:
            return compare(record, delivered, ledger)
        last = record
        yield Sleep(min(delay, remaining))
        delay = min(delay * 2, _MAX_DELAY)


def cancel(completion_id: str, context: StreamContext, timeouts: Timeouts) -> Flow[ChatCompletion]:
    """Cancel a completion. Returns its record, also if it had ended before. Raises the errors of a call."""
    timeout = replace(timeouts, total=_CANCEL_TIMEOUT)
    request = _request(cancel_chat_completion.build_request, completion_id, timeout)
    try:
        response = yield from context.make_flow(cancel_chat_completion.OPERATION, request).for_result()
    except ConflictError:
        request = _request(retrieve_chat_completion.build_request, completion_id, timeout)
        response = yield from context.make_flow(retrieve_chat_completion.OPERATION, request).for_result()
    record: ChatCompletion = response.parsed
    _settle(record, context.ledger)
    return record


def _request(build: Callable[[str], Request], completion_id: str, timeout: Timeouts) -> Request:
    """A request for a completion. Raises AurousError for an id that no path can have: it is the server's, not the
    caller's.
    """
    try:
        return replace(build(completion_id), timeout=timeout)
    except EncodeError as error:
        raise AurousError(f"the server gave the completion an id that cannot be requested: {error}") from None


def is_final(record: ChatCompletion) -> bool:
    """Whether a record will not change any more."""
    return record.status in _FINAL


def receipt_of(record: ChatCompletion) -> Receipt | None:
    """The charge of a record; None while it is open."""
    return receipt(record) if is_final(record) and has_usage(record) else None


def compare(record: ChatCompletion, delivered: Choice, ledger: Ledger) -> Recovery:
    """Compare a record with what was delivered, and enter its receipt if it is final."""
    whole = record.choices[0] if record.choices else delivered
    text, received = whole.message.content or "", delivered.message.content or ""
    calls = _undelivered_calls(whole.message.tool_calls or (), delivered.message.tool_calls or ())
    agrees = text.startswith(received) and calls is not None
    rest = text[len(received) :] if agrees else ""
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


def _undelivered_calls(whole: Sequence[ToolCall], delivered: Sequence[ToolCall]) -> list[ToolCallDelta] | None:
    """The parts of the calls that were not delivered; None if what was delivered is not their beginning."""
    if len(delivered) > len(whole) or not all(map(_begins, delivered, whole)):
        return None
    started = _undelivered_arguments(whole, delivered)
    return [*started, *(_as_delta(index, whole[index]) for index in range(len(delivered), len(whole)))]


def _begins(received: ToolCall, call: ToolCall) -> bool:
    # After the first piece of a call, its id or name can still be empty.
    names = ((received.id, call.id), (received.function.name, call.function.name))
    return all(known in ("", full) for known, full in names) and call.function.arguments.startswith(
        received.function.arguments
    )


def _undelivered_arguments(whole: Sequence[ToolCall], delivered: Sequence[ToolCall]) -> Iterator[ToolCallDelta]:
    for index, (call, received) in enumerate(zip(whole, delivered, strict=False)):
        arguments = call.function.arguments[len(received.function.arguments) :]
        name = UNSET if received.function.name else call.function.name
        if arguments or name or not received.id:
            function = FunctionCallDelta(name=name, arguments=arguments)
            yield ToolCallDelta(index=index, id=UNSET if received.id else call.id, function=function)


def _as_delta(index: int, call: ToolCall) -> ToolCallDelta:
    function = FunctionCallDelta(name=call.function.name, arguments=call.function.arguments)
    return ToolCallDelta(index=index, id=call.id, type=call.type, function=function)


def _count_tokens(choice: Choice) -> int:
    return len(choice.logprobs.content or ()) if choice.logprobs else 0


def _settle(record: ChatCompletion, ledger: Ledger) -> Receipt | None:
    charge = receipt_of(record)
    if charge is not None:
        ledger.settle(charge, created=False)
    return charge

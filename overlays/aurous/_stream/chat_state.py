"""The state of one chat stream: what its events add up to, how it ended, and what it cost."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from contextlib import suppress
from contextvars import Context, copy_context
from typing import Final

from aurous_client.errors import ParseError
from aurous_client.models import ChatCompletion, ChatCompletionChunk, Choice, StreamWarning

from .._json import decode
from .._request.flow import RequestFlow, StreamResponse
from .._request.response import attach, caller_level
from ..billing.ledger import Ledger
from ..billing.receipts import read_receipt, usage_of
from ..errors import APIResponseValidationError, AurousError, IncompleteCompletionError, StreamInterruptedError
from ..transport.effects import TransportFailure
from ..types import EndReason, Receipt, Recovery, ResponseContext
from .accumulator import Accumulator, CompletionWithoutUsage
from .chunk_parser import DONE, IGNORED_KEY_CODE, Inconsistency, StreamEvent, StreamNotice, UsageReceived
from .context import StreamContext
from .timeouts import StreamTimeouts

KEY_IGNORED: Final = StreamWarning(
    code=IGNORED_KEY_CODE,
    message="the API ignores the idempotency key of a stream; sent again, this request is made and charged again",
)


class ChatState:
    """What is known about a chat stream. Changed by `apply`, and by the controller.

    redact: removes the key from ids, which errors, logs and spans show
    """

    # Of the request, from `start` on. Charges count for the budgets that were active then, wherever it is read.
    _flow: RequestFlow
    _ledger: Ledger
    _started_in: Context
    _has_hooks = False

    def __init__(self, redact: Callable[[str], str] = str) -> None:
        self.response: StreamResponse | None = None
        """None before the stream is open."""
        self.accumulator = Accumulator(redact)
        self.warnings: list[StreamWarning] = []
        self.new_warnings: list[StreamWarning] = []
        """Those that were not passed on yet."""
        self.usage: UsageReceived | None = None
        """The last `usage` that was received."""
        self.is_done = False
        """Whether `[DONE]` was received; nothing after it is parsed."""
        self.is_reading = False
        """Whether chunks are still taken from the body."""
        self.stopped_by: AurousError | TransportFailure | None = None
        """Why reading stopped; None after the body's end."""
        self.continuation: ChatCompletionChunk | None = None
        """A last chunk from the stored record, not delivered yet."""
        self.delivered: Choice | None = None
        """What the caller got, if more than that was received."""
        self.end: EndReason | None = None
        """None while the stream has not ended."""
        self.error: AurousError | None = None
        """Raised to callers that ask for more."""
        self.receipt: Receipt | None = None
        """The charge, once it is final."""
        self.record: ChatCompletion | None = None
        """The stored record, if it was retrieved and is final."""
        self.recovery: Recovery | None = None
        self.is_in_ledger = False
        """Whether the ledger knows of the completion."""
        self.is_closed = False
        """Whether the receipt was entered, or that it is unsettled, and the end was reported to the hooks."""
        self._completion: ChatCompletion | CompletionWithoutUsage | None = None
        self._is_settled = False

    def start(self, flow: RequestFlow, context: StreamContext) -> None:
        """The request is about to be sent."""
        self._flow, self._ledger, self._started_in = flow, context.ledger, copy_context()
        self._has_hooks = bool(context.options.hooks)

    def begin(self, response: StreamResponse) -> None:
        """The stream is open."""
        self.response, self.is_reading = response, True
        if response.info.idempotency_status == "ignored_streaming":
            self._add_warning(KEY_IGNORED)

    def stop(self, reason: AurousError | TransportFailure | None) -> None:
        """No more is read: an error event, a transport error, or the body's end."""
        self.is_reading, self.stopped_by = False, reason

    def apply(self, event: StreamEvent) -> ChatCompletionChunk | None:
        """Take in an event. Returns its chunk, with exactly one choice, if there is one to deliver. Raises errors."""
        if isinstance(event, ChatCompletionChunk):
            accumulator = self.accumulator
            accumulator.add(event)
            choices = event.choices
            if len(choices) == 1 and choices[0].index == accumulator.index:
                return event
            event.choices = [choice for choice in choices if choice.index == accumulator.index][:1]
            return event if event.choices else None
        if isinstance(event, UsageReceived):
            self.usage = event
        elif isinstance(event, Inconsistency):
            self.accumulator.note(event.place, event.message)
        elif isinstance(event, StreamWarning):
            self._add_warning(event)
        elif isinstance(event, AurousError):
            raise self.with_partial(event)
        elif event is DONE:
            self.is_done = True
        return None

    def issue_warnings(self) -> None:
        """Issue the server's new warnings as Python warnings, at the line of the caller."""
        new, self.new_warnings = self.new_warnings, []
        for warning in new:
            warnings.warn(StreamNotice(f"{warning.code}: {warning.message}"), stacklevel=caller_level())

    def begin_charge(self) -> None:
        """Expect a receipt, if the completion has an id: it is unsettled from now on."""
        if self.accumulator.id is not None and not self.is_in_ledger:
            self.is_in_ledger = True
            self._started_in.run(self._ledger.begin, self.accumulator.id)

    def settle_and_report(self, error: BaseException | None) -> None:
        """Enter the receipt, or that it is unsettled, and report the end to the hooks."""
        self.begin_charge()
        if self.receipt is None and self.is_complete:
            self._settle(self.streamed_receipt)
        result: ChatCompletion | CompletionWithoutUsage | None = None
        # Building the completion of a long text takes time, so it is done only if hooks will see it.
        if error is None and self._has_hooks:
            with suppress(AurousError):
                result = self.completion
        self._flow.report_end(result, error)
        # Last, so that a stream whose report is interrupted reports again when it is collected.
        self.is_closed = True

    def settle_completion_in(self, error: APIResponseValidationError) -> None:
        """Settle a completion that the server sent in place of a stream."""
        whole = completion_in(error.content)
        if whole is not None:
            completion, receipt = whole
            self._settle(receipt)
            error.completion_id = completion.id
            error.text = (completion.choices[0].message.content or "") if completion.choices else ""

    @property
    def id(self) -> str | None:
        return self.accumulator.id

    @property
    def is_complete(self) -> bool:
        """Whether the answer is whole."""
        return self.is_done or self.accumulator.finished

    @property
    def needs_nothing(self) -> bool:
        """Whether everything that a caller can want was received."""
        return self.is_done or (self.accumulator.finished and self.usage is not None)

    @property
    def complete_end(self) -> EndReason:
        """How a complete stream ended."""
        return "finished" if self.accumulator.finished else "done_without_finish_reason"

    @property
    def streamed_receipt(self) -> Receipt | None:
        """The receipt in the last `usage`, to the digit; None without one."""
        if self.usage is None:
            return None
        return read_receipt(self.id or self.usage.completion_id, usage_of(self.usage.content) or {})

    @property
    def completion(self) -> ChatCompletion | CompletionWithoutUsage:
        """The whole answer. Raises AurousError if it is not known, or IncompleteCompletionError if it never will be."""
        if self.record is not None:
            return self.record
        if self._completion is None:
            if self.end == "done_without_finish_reason":
                raise self.error or self.unfinished()
            if self.response is None or self.end != "finished":
                raise AurousError("the stream has not come to its end; `snapshot` has what there is")
            self._completion = self.accumulator.completion()
            content = self.usage.content if self.usage else b""
            attach(self._completion, ResponseContext(self.response.info, content))
        return self._completion

    def unfinished(self) -> IncompleteCompletionError:
        """The error for a stream that the server ended without a finish_reason."""
        return IncompleteCompletionError(
            "the server sent [DONE] without a finish_reason",
            completion_id=self.id,
            text=self.accumulator.text,
        )

    def interruption(self, timeouts: StreamTimeouts) -> StreamInterruptedError:
        """The error for a stream that stopped before its end."""
        failure = self.stopped_by if isinstance(self.stopped_by, TransportFailure) else None
        return timeouts.interruption(failure, completion_id=self.id, text=self.accumulator.text)

    def with_partial(self, error: AurousError) -> AurousError:
        """The error, with what was received before it."""
        error.completion_id, error.text = self.id, self.accumulator.text
        return error

    def _add_warning(self, warning: StreamWarning) -> None:
        if warning.code == KEY_IGNORED.code and KEY_IGNORED in self.warnings:
            # The header announced the same, without the server's words.
            self.warnings.remove(KEY_IGNORED)
            if KEY_IGNORED in self.new_warnings:
                self.new_warnings.remove(KEY_IGNORED)
                self.new_warnings.append(warning)
        else:
            self.new_warnings.append(warning)
        self.warnings.append(warning)

    def _settle(self, receipt: Receipt | None) -> None:
        self.receipt = receipt
        if receipt is not None and not self._is_settled:
            self._is_settled = True
            self._started_in.run(self._ledger.settle, receipt, created=True)


def completion_in(content: bytes) -> tuple[ChatCompletion, Receipt] | None:
    """The completion that a server sent in place of a stream, which is charged like any other; None without one."""
    try:
        completion = ChatCompletion.from_dict(decode(content))
    except ParseError:
        return None
    return completion, read_receipt(completion.id, usage_of(content) or {})

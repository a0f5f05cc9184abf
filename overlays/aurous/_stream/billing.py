"""The charge of one stream: enters its receipt in the ledger once, and reports its end to the hooks once."""

from __future__ import annotations

from contextlib import suppress
from contextvars import Context, copy_context

from aurous_client.models import ChatCompletion

from .._request.flow import RequestFlow
from ..billing.ledger import Ledger
from ..errors import APIResponseValidationError, AurousError
from ..types import Receipt
from .accumulator import CompletionWithoutUsage
from .state import StreamState, completion_in


class StreamBilling:
    """Made when the stream is opened: charges count for the budgets that were active then, wherever it is read.

    has_hooks: whether anyone looks at the completion that is reported
    """

    def __init__(self, ledger: Ledger, flow: RequestFlow, state: StreamState, *, has_hooks: bool) -> None:
        self._ledger = ledger
        self._flow = flow
        self._state = state
        self._has_hooks = has_hooks
        self._context: Context = copy_context()
        self._has_begun = False
        self._is_settled = False
        self.is_closed = False

    def begin(self) -> None:
        """The completion has an id: its receipt is unsettled from now on."""
        if self._state.id is not None and not self._has_begun:
            self._has_begun = True
            self._context.run(self._ledger.begin, self._state.id)

    def close(self, error: BaseException | None) -> None:
        """Enter the receipt, or that it is unsettled, and report the end to the hooks."""
        state = self._state
        self.begin()
        if state.is_complete and state.receipt is None:
            state.receipt = state.streamed_receipt
            if state.receipt is not None:
                self._settle(state.receipt)
        result: ChatCompletion | CompletionWithoutUsage | None = None
        # Building the completion of a long text takes time, so it is done only if hooks will see it.
        if error is None and self._has_hooks:
            with suppress(AurousError):
                result = state.completion
        if not self.is_closed:
            self.is_closed = True
            self._flow.finish(result, error)

    def settle_completion_in(self, error: APIResponseValidationError) -> None:
        """Settle a completion that the server sent in place of a stream."""
        found = completion_in(error.content)
        if found is not None:
            completion, receipt = found
            self._state.receipt = receipt
            self._settle(receipt)
            error.completion_id = completion.id
            error.text = (completion.choices[0].message.content or "") if completion.choices else ""

    def _settle(self, receipt: Receipt) -> None:
        if not self._is_settled:
            self._is_settled = True
            self._context.run(self._ledger.settle, receipt, created=True)

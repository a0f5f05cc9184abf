"""The charge of one stream: enters its receipt in the ledger once, and reports its end to the hooks once."""

from __future__ import annotations

from contextvars import Context, copy_context

from aurous_client.models import ChatCompletion

from .._request.flow import RequestFlow
from ..billing.ledger import Ledger
from ..types import Receipt


class StreamBilling:
    """Made when the stream is opened: charges count for the budgets that were active then, wherever it is read."""

    def __init__(self, ledger: Ledger, flow: RequestFlow) -> None:
        self._ledger = ledger
        self._flow = flow
        self._context: Context = copy_context()
        self._has_begun = False
        self._is_settled = False
        self.is_closed = False

    def begin(self, completion_id: str | None) -> None:
        """The completion has begun: its receipt is unsettled from now on."""
        if completion_id is not None and not self._has_begun:
            self._has_begun = True
            self._context.run(self._ledger.begin, completion_id)

    def settle(self, receipt: Receipt) -> None:
        """Enter the receipt of a complete stream."""
        if not self._is_settled:
            self._is_settled = True
            self._context.run(self._ledger.settle, receipt, created=True)

    def close(self, result: ChatCompletion | None, error: BaseException | None) -> None:
        """Report the end to the hooks."""
        if not self.is_closed:
            self.is_closed = True
            self._flow.finish(result, error)

"""The account of one stream: what it cost, entered in the ledger, and how it ended, told to the observers. Once each.

Knows receipts and records; no frames, no moves, no HTTP.
"""

from __future__ import annotations

from contextvars import Context, copy_context

from aurous_client.models import ChatCompletion

from .._request.flow import Course
from ..billing.ledger import Ledger
from ..billing.receipts import Receipt
from ..errors import APIResponseValidationError
from .parser import read_whole
from .recovery import is_final, receipt_of


class Account:
    """Opened with the stream; what is charged goes to the budgets in whose block that was, wherever it is read."""

    def __init__(self, ledger: Ledger, course: Course) -> None:
        self._ledger = ledger
        self._course = course
        self._context: Context = copy_context()
        self._is_entered = False
        self.is_closed = False
        self.record: ChatCompletion | None = None
        """The stored record, where it was asked for and is final."""
        self.receipt: Receipt | None = None

    def enter(self, completion_id: str | None) -> None:
        """The completion has begun, and its receipt is owed from now on."""
        if completion_id is not None and not self._is_entered:
            self._is_entered = True
            self._context.run(self._ledger.begin, completion_id)

    def settle(self, receipt: Receipt | None) -> None:
        """The receipt of a stream that is complete."""
        if receipt is not None and self.receipt is None:
            self.receipt = receipt
            self._context.run(self._ledger.settle, receipt, created=True)

    def keep(self, record: ChatCompletion) -> None:
        """What the server has stored. Its receipt is in the ledger already."""
        if is_final(record):
            self.record, self.receipt = record, receipt_of(record) or self.receipt

    def salvage(self, error: APIResponseValidationError) -> None:
        """A server that answers with the completion in place of a stream has charged for it all the same."""
        found = read_whole(error.content)
        if found is not None:
            completion, receipt = found
            self.settle(receipt)
            error.completion_id = completion.id
            error.text = (completion.choices[0].message.content or "") if completion.choices else ""

    def close(self, result: ChatCompletion | None, error: BaseException | None) -> None:
        """Tell the observers how it ended."""
        if not self.is_closed:
            self.is_closed = True
            self._course.finish(result, error)

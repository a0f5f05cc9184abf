"""The stored record of one stream: retrieved, cancelled, and delivered in place of what the stream did not send."""

from __future__ import annotations

from collections.abc import Callable

from attrs import frozen
from aurous_client.models import ChatCompletion

from .._config.policies import Timeouts
from ..errors import AurousError, StreamInterruptedError
from ..transport.effects import Flow
from ..types import Recovery
from . import recovery
from .state import StreamContext, StreamState


@frozen
class StoredRecord:
    """Asks the server for the record, and keeps in the stream's state what it says."""

    context: StreamContext
    state: StreamState
    timeouts: Timeouts

    def cancel(self, completion_id: str) -> Flow[ChatCompletion]:
        """Cancel the completion. Returns its record, which is kept if it is final."""
        record = yield from recovery.cancel(
            completion_id, make_flow=self.context.make_flow, ledger=self.context.ledger, timeouts=self.timeouts
        )
        self._keep(record)
        return record

    def recover(self, within: float) -> Flow[Recovery]:
        """Retrieve the record until it is final, for so many seconds."""
        state = self.state
        found = yield from recovery.recover(
            state.id or "",
            state.delivered or state.accumulator.choice,
            make_flow=self.context.make_flow,
            ledger=self.context.ledger,
            clock=self.context.clock,
            within=within,
            timeouts=self.timeouts,
        )
        state.recovery = found
        self._keep(found.completion)
        return found

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
            found = yield from self.recover(min(within, remaining))
        except AurousError as failure:
            error.add_note(f"Its record could not be had: {failure}")
            raise error from error.__cause__
        error.recovery = found
        if found.outcome == "failed":
            state.error = state.with_partial(error_of_record(found.completion))
            state.error.__cause__ = error
        elif found.outcome != "completed" or not found.agrees:
            status = found.outcome if found.agrees else f"{found.outcome}, but does not begin with what was delivered"
            error.add_note(f"Its record is {status}; see `recovery`.")
            state.error = error
        if found.continuation is not None:
            state.continuation = found.continuation
            state.accumulator.add(found.continuation)
        if state.error is not None:
            state.error.text = state.accumulator.text

    def _keep(self, record: ChatCompletion) -> None:
        # Its receipt is in the ledger already.
        if recovery.is_final(record):
            self.state.record = record
            self.state.receipt = recovery.receipt_of(record) or self.state.receipt

"""The flow of one stream, from its request to its receipt, as generators of moves. Knows no bytes, no I/O, no httpx.

No move is pending while the caller has a chunk in hand: what the caller does with it, or fails at, never happens inside
a generator, so there is none to be forgotten half-way.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

from attrs import frozen
from aurous_client.models import ChatCompletion, Choice
from aurous_client.operations import Operation, Request

from .._client.options import Options
from .._request.effects import Steps
from .._request.flow import Course, Opened
from .._request.response_info import Origin, attach, warn_of_deprecation
from ..billing.ledger import Ledger
from ..errors import APIResponseValidationError, APITimeoutError, AurousError, StreamInterruptedError, TotalTimeoutError
from . import recovery
from .billing import Account
from .buffer import DRAIN, Intake
from .effects import Carry, HangUp, Moves, Read
from .parser import End, Reader
from .recovery import Recovery
from .timeouts import Clocks, late_opening

logger = logging.getLogger("aurous")


@frozen
class Link:
    """What a stream needs of the client that opens it."""

    options: Options
    ledger: Ledger
    request: Request
    make_course: Callable[[Operation[Any], Request], Course]
    make_stream_course: Callable[[], Course]


class Flow:
    """The state of one stream, and its moves.

    Whoever wants the next chunk takes it from the `intake`; where that has no more, carries out the moves of `turn`.

    clock: seconds, monotonic
    """

    def __init__(self, link: Link, clock: Callable[[], float]) -> None:
        policy, on_disconnect = link.options.streams, link.request.on_disconnect
        self._link = link
        self._clock = clock
        self._policy = policy if on_disconnect is None else replace(policy, on_disconnect=on_disconnect)
        self._timeouts = link.options.timeout.with_total(link.request.timeout)
        # What was handed out, where more had come.
        self._delivered: Choice | None = None
        # What those who ask for more are told.
        self._fault: AurousError | None = None
        self._completion: ChatCompletion | None = None
        self.account: Account | None = None
        self.opened: Opened | None = None
        self.body: Any = None
        """What is read and closed; None before it is open."""
        self.intake = Intake()
        """What hands out its chunks."""
        self.end: End | None = None
        self.recovery: Recovery | None = None

    @property
    def reader(self) -> Reader | None:
        """What the chunks are read with; None before it is open."""
        return self.intake.reader

    @property
    def completion(self) -> ChatCompletion:
        """The whole answer. Raises AurousError where it is not known."""
        if self.account is not None and self.account.record is not None:
            return self.account.record
        if self._completion is None:
            if self.opened is None or self.reader is None or self.end not in ("finished", "done_without_finish_reason"):
                raise AurousError("the stream has not come to its end; `snapshot` has what there is")
            # Of the second kind of end it is not known why, only that it is one.
            status = None if self.end == "finished" else "completed"
            self._completion = self.reader.accumulator.completion(status=status)
            attach(self._completion, Origin(self.opened.info, self.reader.usage_frame))
        return self._completion

    def open(self) -> Moves[tuple[Reader, Account]]:
        """Send the request: once, however often this is asked for, and whatever became of it."""
        reader, account = self.reader, self.account
        if self._fault is not None and reader is None:
            raise self._fault
        if reader is None or account is None:
            began, course = self._clock(), self._link.make_stream_course()
            account = self.account = Account(self._link.ledger, course)
            try:
                opened: Opened = yield Carry(course.for_stream())
            except APITimeoutError as error:
                self._fault = late_opening(error, self._timeouts, self._clock() - began)
                raise self._fault from error.__cause__
            except APIResponseValidationError as error:
                self._fault = error
                account.salvage(error)
                raise
            except BaseException as error:
                self._fault = error if isinstance(error, AurousError) else AurousError("the stream was not opened")
                raise
            reader = self._begin(opened, account)
            try:
                warn_of_deprecation(opened.info.headers)
            except Warning as error:
                # Made an error by a filter, so that the block of the stream will never be entered, nor left.
                yield from self.leave(error)
                raise
        return reader, account

    def turn(self) -> Moves[bool]:
        """Open the stream, or judge its end: whether there may be more. Raises what it ended with, at every turn."""
        is_new = self.reader is None
        reader, account = yield from self.open()
        if is_new:
            return True
        if self.end is not None:
            if self._fault is not None:
                raise self._fault
            if self.end == "left" and account.record is None:
                raise AurousError("the stream was closed before its end")
            return False
        try:
            yield from self._conclude(reader, account)
        except AurousError as error:
            self._fault, self.end = error, self.end or "failed"
            yield from self._wind_up(error)
            error.receipt = account.receipt
            raise
        except BaseException as error:
            yield from self.leave(error)
            raise
        return self.intake.has_more

    def leave(self, error: BaseException | None = None) -> Moves[None]:
        """Hang up, wherever the stream is; `error` is what the caller came to grief with, if so."""
        if self.reader is None:
            self._fault = self._fault or AurousError("the stream was closed before it was opened")
        elif self.account is not None and not self.account.is_closed:
            try:
                if self.end is None:
                    yield from self._end_early(self.reader, self.account)
            finally:
                yield from self._wind_up(error)

    def cancel(self) -> Moves[ChatCompletion]:
        """Cancel the completion on the server, and hang up. Its record."""
        if self.reader is None or self.account is None or self.reader.id is None:
            raise AurousError("no chunk has come, so there is no id to cancel by; close() hangs up")
        record: ChatCompletion = yield Carry(self._cancelling(self.reader.id))
        self.account.keep(record)
        if self.end is None:
            self._look_ahead(self.reader)
            yield from self._drain()
            self.end = "left"
        yield from self.leave()
        return record

    def recover(self, within: float | None) -> Moves[Recovery]:
        """Hang up, and ask what became of the completion, for so many seconds."""
        yield from self.leave()
        if self.reader is None or self.account is None or self.reader.id is None:
            told = "no chunk came, so there is no id to ask by"
            raise StreamInterruptedError(told, completion_id=None, text="", kind=self.end or "left")
        within = self._policy.recover_within if within is None else within
        return (yield from self._recovering(self.reader, self.account, within))

    def _begin(self, opened: Opened, account: Account) -> Reader:
        options = self._link.options
        sent = self._clock() - opened.info.attempts[-1].elapsed
        clocks = Clocks(self._timeouts, sent=sent, deadline=opened.deadline, clock=self._clock)
        reader = Reader(opened.info, max_event_size=options.streams.max_event_size, hide=options.api_key.hide_in)
        self.opened, self.body = opened, opened.reply.body
        self.intake.begin(reader, clocks, account)
        return reader

    def _conclude(self, reader: Reader, account: Account) -> Moves[None]:
        """Judge the end. Where it is none, there is an error, or what the record has beyond it."""
        if isinstance(self.intake.stopped_by, AurousError):
            raise self.intake.stopped_by
        if reader.is_complete:
            self.end = reader.end
            yield from self._drain()
            yield from self._wind_up(None)
            return
        error = self.intake.interruption()
        self.end = "cut" if error.kind == "cut" else "closed_early"
        yield HangUp()
        # When the time for the whole is up, none is left to recover in.
        if self._policy.on_disconnect == "raise" or reader.id is None or isinstance(error, TotalTimeoutError):
            raise error
        yield from self._go_on(reader, account, error)

    def _go_on(self, reader: Reader, account: Account, error: StreamInterruptedError) -> Moves[None]:
        """What the record has beyond what came, as a last chunk; then, for those who ask on, how it ended."""
        left = self.opened.deadline - self._clock() if self.opened else 0.0
        try:
            found = yield from self._recovering(reader, account, min(self._policy.recover_within, left))
        except AurousError as fault:
            error.add_note(f"Its record could not be had: {fault}")
            raise error from error.__cause__
        error.recovery = found
        if found.outcome == "failed":
            self._fault = reader.failure_of(found.completion)
            self._fault.__cause__ = error
        elif found.outcome != "completed" or not found.agrees:
            says = found.outcome if found.agrees else f"{found.outcome}, but does not begin with what was delivered"
            error.add_note(f"Its record is {says}; see `recovery`.")
            self._fault = error
        if found.continuation is not None:
            reader.accumulator.add(found.continuation)
        if self._fault is not None:
            self._fault.text = reader.accumulator.text
        yield from self._wind_up(self._fault)
        if self._fault is not None:
            self._fault.receipt = account.receipt
        if found.continuation is not None:
            self.intake.append(found.continuation)
        elif self._fault is not None:
            raise self._fault

    def _end_early(self, reader: Reader, account: Account) -> Moves[None]:
        """The caller has enough. What came may be the whole answer all the same."""
        self._look_ahead(reader)
        if reader.is_complete:
            self.end = reader.end
            yield from self._drain()
            return
        self.end = "left"
        if reader.id is not None and self._policy.on_early_close == "cancel":
            try:
                account.keep((yield Carry(self._cancelling(reader.id), is_shielded=True)))
            except AurousError as fault:
                logger.warning("cancelling %s failed: %s", reader.id, fault)

    def _look_ahead(self, reader: Reader) -> None:
        """Look at what has come and was not handed out: it may have the receipt."""
        self._delivered = reader.accumulator.choice
        self.intake.look_ahead()

    def _drain(self) -> Moves[None]:
        """Read what is left, if it comes soon: only a body read to its end leaves its connection usable."""
        deadline = self._clock() + DRAIN

        def left() -> float:
            return deadline - self._clock()

        while left() > 0:
            piece = yield Read(left)
            if not isinstance(piece, bytes):
                return
            self.intake.absorb(piece)

    def _wind_up(self, error: BaseException | None) -> Moves[None]:
        """Hang up, enter the receipt or that it is owed, and tell the observers."""
        self.intake.end()
        yield HangUp()
        if self.reader is None or self.account is None:
            return
        self.account.enter(self.reader.id)
        if self.reader.is_complete:
            self.account.settle(self.reader.receipt)
        result = None
        # A long text is put together for those alone who look at it.
        if error is None and self._link.options.hooks:
            with suppress(AurousError):
                result = self.completion
        self.account.close(result, error)

    def _recovering(self, reader: Reader, account: Account, within: float) -> Moves[Recovery]:
        steps = recovery.recover(
            reader.id or "",
            self._delivered or reader.accumulator.choice,
            make_course=self._link.make_course,
            ledger=self._link.ledger,
            clock=self._clock,
            within=within,
        )
        found: Recovery = yield Carry(steps)
        self.recovery = found
        account.keep(found.completion)
        return found

    def _cancelling(self, completion_id: str) -> Steps[ChatCompletion]:
        return recovery.cancel(completion_id, make_course=self._link.make_course, ledger=self._link.ledger)

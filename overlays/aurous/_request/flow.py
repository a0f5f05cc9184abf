"""The course of one call as a generator: it says what to send and how long to wait, and is told what came.

Pure: no I/O, no sleeping, no HTTP library. The transports drive it, one for threads and one for asyncio, and that is
all that differs between the two clients. An *attempt* is one HTTP request; a *call* is all attempts for one result.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final, Generic, TypeVar

from attrs import frozen
from aurous_client.encoding import to_headers
from aurous_client.errors import EncodeError, ParseError
from aurous_client.operations import Operation, Request, Response

from .._client.hooks import CallDetails, Observers
from .._client.options import Options, checked_version
from .._version import __version__
from ..errors import APIResponseValidationError, AurousError
from . import error_mapping, idempotency
from .attempt import Attempt
from .effects import EVENT_STREAM, KEY_HEADER, Failure, Reply, Send, Steps, Wait
from .json_decoding import NO_JSON, parse
from .response_info import Origin, ResponseInfo, attach
from .retry import Retry, decide

ResultT = TypeVar("ResultT")

__all__ = ["Course", "Failure", "Opened", "Outcome", "Reply", "Send", "Steps", "Wait"]

USER_AGENT: Final = f"aurous-labs/{__version__} python/{sys.version_info.major}.{sys.version_info.minor}"


@frozen
class Outcome(Generic[ResultT]):
    """What a call came to."""

    response: Response[ResultT]
    origin: Origin
    call: CallDetails


@frozen(kw_only=True)
class Opened:
    """A stream that has begun."""

    reply: Reply
    info: ResponseInfo
    began: float
    """When the call began, by the clock it was given."""
    deadline: float
    """When it must be over."""


class Course:
    """Carries out one request under given options.

    clock:  seconds, monotonic
    chance: a number from 0 to 1, drawn anew each time
    """

    def __init__(
        self,
        operation: Operation[Any],
        request: Request,
        options: Options,
        *,
        streams: bool = False,
        clock: Callable[[], float],
        chance: Callable[[], float],
    ) -> None:
        self._operation = operation
        self._request = request
        self._options = options
        self._streams = streams
        self._clock = clock
        self._chance = chance
        self._timeout = options.timeout.with_total(request.timeout)
        self._observers = Observers(options.hooks)
        self._attempts: list[Attempt] = []
        if not streams:
            idempotency.refuse_hidden_stream(operation, request.content)
        refuses = options.streams.on_idempotency_key == "refuse"
        self._key = idempotency.key_for(operation, request.headers, streams=streams, refuses=refuses)
        self._is_key_ours = self._key is not None and idempotency.given_key(operation, request.headers) is None
        self._headers = self._make_headers()
        self._began = clock()
        self._deadline = self._began + self._timeout.total
        self.details = CallDetails(
            operation_id=operation.id,
            method=operation.method,
            path=operation.path,
            base_url=options.base_url,
            idempotency_key=self._key,
            streams=streams,
            content=request.content,
        )

    def for_result(self) -> Steps[Outcome[Any]]:
        """The steps to a result. Raises the errors of `aurous.errors`."""
        with self._observers.watching(self.details, self._headers) as told:
            reply = yield from self._answer()
            response = self._read(reply)
            origin = Origin(self._info(reply), reply.content)
            attach(response.parsed, origin)
            told.result = response.parsed
            return Outcome(response, origin, self.details)

    def for_stream(self) -> Steps[Opened]:
        """The steps to an open stream. Raises the errors of `aurous.errors`; its end is the stream's to tell."""
        with self._observers.watching(self.details, self._headers, ends=False):
            reply = yield from self._answer()
            if reply.body is None:
                found = reply.headers.get("content-type", "no content type")
                raise self._shape_error(f"expected a body of type {EVENT_STREAM}, found {found}", reply)
            return Opened(reply=reply, info=self._info(reply), began=self._began, deadline=self._deadline)

    def finish(self, result: object | None, error: BaseException | None) -> None:
        """Tell the observers how a stream ended."""
        self._observers.ended(self.details, result, error)

    def _answer(self) -> Steps[Reply]:
        """Attempts until one succeeds. Raises the error of the last one when there is no use in another."""
        while True:
            began = self._clock()
            came = yield self._send(max(self._deadline - began, 0.001))
            assert came is not None
            came = error_mapping.without_key(came, self._options.api_key)
            elapsed = self._clock() - began
            if isinstance(came, Reply) and error_mapping.is_cut_short(self._operation, came):
                came = Failure(message="the answer was cut short", sent=True)
            attempt = error_mapping.attempt_of(came, len(self._attempts) + 1, elapsed)
            if isinstance(came, Reply) and came.is_success:
                self._record(attempt, came.headers)
                return came
            outcome = error_mapping.outcome_of(came, attempt)
            repeatable = idempotency.is_repeatable(self._request, self._key)
            decision = decide(
                self._options.retry,
                outcome,
                earlier=self._attempts,
                repeatable=repeatable,
                is_key_ours=self._is_key_ours,
                remaining=self._deadline - self._clock(),
                chance=self._chance(),
            )
            headers = came.headers if isinstance(came, Reply) else {}
            if not isinstance(decision, Retry):
                self._record(attempt, headers)
                # No variable of this frame: the error leads to the frame, which is not to lead back.
                raise self._error(came, decision.reason) from (came.cause if isinstance(came, Failure) else None)
            self._record(replace(attempt, delay=decision.delay), headers)
            yield Wait(decision.delay)

    def _send(self, remaining: float) -> Send:
        timeout = self._timeout
        return Send(
            method=self._request.method,
            url=self._options.base_url + self._request.path,
            query=self._request.query,
            headers=self._headers,
            key=self._options.api_key,
            content=self._request.content,
            connect=min(timeout.connect, remaining),
            read=min(timeout.first_event if self._streams else timeout.read, remaining),
            write=min(timeout.write, remaining),
            total=remaining,
            streams=self._streams,
        )

    def _make_headers(self) -> dict[str, str]:
        headers = {"Accept": EVENT_STREAM if self._streams else "application/json", "User-Agent": USER_AGENT}
        if self._streams:
            # A compressed stream arrives when a block of it is full, not when an event is.
            headers["Accept-Encoding"] = "identity"
        if self._options.api_version is not None:
            headers["Aurous-Version"] = self._options.api_version
        if self._key is not None and self._operation.idempotency_header is not None:
            headers[self._operation.idempotency_header] = self._key
        headers = to_headers(headers, self._request.headers)
        for name, value in headers.items():
            if name.lower() == "aurous-version":
                checked_version(value, name)
            elif name.lower() == KEY_HEADER.lower():
                raise EncodeError(f"{KEY_HEADER}: a client has one key; make another client for another")
        return headers

    def _record(self, attempt: Attempt, headers: Mapping[str, str]) -> None:
        self._attempts.append(attempt)
        self._observers.attempted(self.details, attempt, headers)

    def _read(self, reply: Reply) -> Response[Any]:
        parsed = parse(self._operation, reply.content)
        if isinstance(parsed, ParseError):
            raise self._shape_error(str(parsed), reply, parsed)
        if parsed is NO_JSON:
            raise self._shape_error(f"expected a JSON document, found {error_mapping.kind_of(reply)}", reply)
        return Response(status_code=reply.status_code, headers=reply.headers, content=reply.content, parsed=parsed)

    def _info(self, reply: Reply) -> ResponseInfo:
        return ResponseInfo(
            status_code=reply.status_code,
            headers=reply.headers,
            attempts=tuple(self._attempts),
            elapsed=self._clock() - self._began,
            idempotency_key=self._key,
            is_key_ours=self._is_key_ours,
        )

    def _error(self, came: Reply | Failure, reason: str | None) -> AurousError:
        """What to raise. reason: why it is not tried again, where what came does not say"""
        error = error_mapping.error_of(came, self._request, self._options, self._attempts)
        if reason is not None:
            error.add_note(f"Not tried again: {reason}.")
        return error

    def _shape_error(self, message: str, reply: Reply, fault: ParseError | None = None) -> APIResponseValidationError:
        return error_mapping.shape_error(message, reply, self._options.api_key, self._attempts, fault)

"""The course of one call as a generator: it says what to send and how long to wait, and is told what came.

Pure: no I/O, no sleeping, no HTTP library. The transports drive it, one for threads and one for asyncio, and that is
all that differs between the two clients. An *attempt* is one HTTP request; a *call* is all attempts for one result.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Generator, Mapping
from typing import Any, Final, Generic, TypeAlias, TypeVar

from attrs import evolve, field, frozen
from aurous_client.errors import ParseError
from aurous_client.types import Operation, Request, Response

from . import idempotency
from ._version import __version__
from .answers import Origin, ResponseInfo, attach
from .errors import (
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    Attempt,
    Envelope,
    ResponseShapeError,
    error_class,
)
from .hooks import CallDetails, Observers
from .options import Options, Secret
from .retries import Answered, Lost, Retry, decide, parse_retry_after

ResultT = TypeVar("ResultT")

KEY_HEADER: Final = "X-Api-Key"
EVENT_STREAM: Final = "text/event-stream"
USER_AGENT: Final = f"aurous-labs/{__version__} python/{sys.version_info.major}.{sys.version_info.minor}"


@frozen(kw_only=True)
class Send:
    """Send this once, and tell what came."""

    method: str
    url: str
    query: tuple[tuple[str, str], ...]
    headers: Mapping[str, str] = field(repr=False)
    key: Secret
    """Goes into `KEY_HEADER`, at the last moment."""
    content: bytes | None = field(repr=False)
    connect: float
    """Seconds, as the three that follow."""
    read: float
    write: float
    total: float
    streams: bool
    """Whether to leave the body of a success of type `EVENT_STREAM` unread, in `Reply.body`."""


@frozen
class Wait:
    """Do nothing for so many seconds."""

    seconds: float


@frozen(kw_only=True)
class Reply:
    """An answer in full, or a stream's beginning."""

    status_code: int
    headers: Mapping[str, str] = field(repr=False)
    """By their names in lower case."""
    content: bytes = field(default=b"", repr=False)
    body: Any = field(default=None, repr=False)
    """What is left to be read, of a stream."""


@frozen(kw_only=True)
class Failure:
    """No answer, or only part of one."""

    message: str
    sent: bool
    """Whether any byte may have reached the server."""
    timed_out: bool = False
    cause: BaseException | None = field(default=None, repr=False)


Steps: TypeAlias = Generator[Send | Wait, Reply | Failure | None, ResultT]


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
        self._observers = Observers(options.hooks)
        self._attempts: list[Attempt] = []
        self._key = idempotency.key_for(operation, request.headers, streams=streams)
        self._headers = self._make_headers()
        self._began = clock()
        self._deadline = self._began + (options.timeout.total if request.timeout is None else request.timeout)
        self.details = CallDetails(
            operation_id=operation.id,
            method=operation.method,
            path=operation.path,
            model=_model_of(request.content) if options.hooks else None,
            idempotency_key=self._key,
            streams=streams,
        )

    def for_result(self) -> Steps[Outcome[Any]]:
        """The steps to a result. Raises the errors of `aurous.errors`."""
        with _Told(self._observers, self.details, self._headers) as told:
            reply = yield from self._answer()
            response = self._read(reply)
            origin = Origin(self._info(reply), reply.content)
            attach(response.parsed, origin)
            told.result = response.parsed
            return Outcome(response, origin, self.details)

    def for_stream(self) -> Steps[Opened]:
        """The steps to an open stream. Raises the errors of `aurous.errors`; its end is the stream's to tell."""
        with _Told(self._observers, self.details, self._headers, ends=False):
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
            elapsed = self._clock() - began
            assert came is not None
            if isinstance(came, Reply) and 200 <= came.status_code < 300:
                if self._is_cut_short(came):
                    came = Failure(message="the body was cut short", sent=True)
                else:
                    self._record(self._attempt(elapsed, came), came.headers)
                    return came
            attempt = self._attempt(elapsed, came)
            outcome = _outcome(came, attempt)
            decision = decide(
                self._options.retry,
                outcome,
                earlier=self._attempts,
                repeatable=idempotency.is_repeatable(self._request, self._key),
                remaining=self._deadline - self._clock(),
                chance=self._chance(),
            )
            headers = came.headers if isinstance(came, Reply) else {}
            if not isinstance(decision, Retry):
                self._record(attempt, headers)
                raise self._error(came, outcome) from (came.cause if isinstance(came, Failure) else None)
            self._record(evolve(attempt, delay=decision.delay), headers)
            yield Wait(decision.delay)

    def _send(self, remaining: float) -> Send:
        timeout = self._options.timeout
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
        headers.update(self._request.headers)
        if self._key is not None and self._operation.idempotency_header is not None:
            headers[self._operation.idempotency_header] = self._key
        return headers

    def _attempt(self, elapsed: float, came: Reply | Failure) -> Attempt:
        number = len(self._attempts) + 1
        if isinstance(came, Failure):
            return Attempt(number=number, elapsed=elapsed, error=came.message)
        code = Envelope.read(came.content).code if came.status_code >= 400 else None
        request_id = came.headers.get("aurous-request-id")
        return Attempt(number=number, elapsed=elapsed, status_code=came.status_code, code=code, request_id=request_id)

    def _record(self, attempt: Attempt, headers: Mapping[str, str]) -> None:
        self._attempts.append(attempt)
        self._observers.attempted(self.details, attempt, headers)

    def _is_cut_short(self, reply: Reply) -> bool:
        """Whether a success breaks off where nothing but its JSON could tell: it ends when the connection does."""
        if not self._operation.has_body or reply.body is not None:
            return False
        if "content-length" in reply.headers or "transfer-encoding" in reply.headers:
            return False
        return _decode(reply.content) is _NO_JSON and reply.content.lstrip()[:1] in (b"{", b"[", b"")

    def _read(self, reply: Reply) -> Response[Any]:
        decoded: Any = None
        if self._operation.has_body:
            decoded = _decode(reply.content)
            if decoded is _NO_JSON:
                raise self._shape_error(f"expected a JSON document, found {_kind_of(reply)}", reply)
        try:
            parsed = self._operation.parse(decoded)
        except ParseError as fault:
            raise self._shape_error(str(fault), reply, fault) from None
        return Response(status_code=reply.status_code, headers=reply.headers, content=reply.content, parsed=parsed)

    def _info(self, reply: Reply) -> ResponseInfo:
        return ResponseInfo(
            status_code=reply.status_code,
            headers=reply.headers,
            attempts=tuple(self._attempts),
            elapsed=self._clock() - self._began,
            idempotency_key=self._key,
        )

    def _error(self, came: Reply | Failure, outcome: Answered | Lost) -> APIConnectionError | APIStatusError:
        if isinstance(came, Failure):
            kind = APITimeoutError if came.timed_out else APIConnectionError
            message = f"{self._request.method} {self._options.base_url}{self._request.path}: {came.message}"
            return kind(message, attempts=self._attempts, sent=came.sent)
        if 300 <= came.status_code < 400:
            return _redirect_error(came, self._attempts)
        assert isinstance(outcome, Answered)
        return error_class(came.status_code, outcome.code)(
            came.status_code,
            headers=came.headers,
            content=came.content,
            attempts=self._attempts,
            retry_after=outcome.retry_after,
        )

    def _shape_error(self, message: str, reply: Reply, fault: ParseError | None = None) -> ResponseShapeError:
        return ResponseShapeError(
            message,
            path=fault.path if fault else (),
            status_code=reply.status_code,
            headers=reply.headers,
            content=reply.content,
            attempts=self._attempts,
        )


class _Told:
    """Tells the observers of a call's beginning and end, whichever way it ends."""

    def __init__(
        self, observers: Observers, details: CallDetails, headers: Mapping[str, str], *, ends: bool = True
    ) -> None:
        self.result: object | None = None
        self._observers, self._details, self._headers, self._ends = observers, details, headers, ends

    def __enter__(self) -> _Told:
        self._observers.started(self._details, self._headers)
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if self._ends or error is not None:
            self._observers.ended(self._details, self.result, error)


class _NoJson:
    """The type of `_NO_JSON`: null is JSON too."""


_NO_JSON: Final = _NoJson()


def _decode(content: bytes) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return _NO_JSON


def _outcome(came: Reply | Failure, attempt: Attempt) -> Answered | Lost:
    if isinstance(came, Failure):
        return Lost(sent=came.sent)
    return Answered(
        status_code=came.status_code, code=attempt.code, retry_after=parse_retry_after(came.headers.get("retry-after"))
    )


def _redirect_error(reply: Reply, attempts: list[Attempt]) -> APIStatusError:
    # Following it would carry the key to whatever host the answer names.
    where = reply.headers.get("location", "nowhere")
    told = json.dumps({"message": f"redirects are not followed; this one leads to {where}; set base_url"}).encode()
    return APIStatusError(reply.status_code, headers=reply.headers, content=told, attempts=attempts)


def _kind_of(reply: Reply) -> str:
    if not reply.content:
        return "an empty body"
    return f"{len(reply.content)} bytes of {reply.headers.get('content-type', 'no declared type')}"


def _model_of(content: bytes | None) -> str | None:
    body = _decode(content or b"null")
    model = body.get("model") if isinstance(body, dict) else None
    return model if isinstance(model, str) else None

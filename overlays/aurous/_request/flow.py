"""One call as a flow: attempts, retries, and the result or the error. Sans-I/O; the transports drive it.

An *attempt* is one HTTP request; a *call* is all attempts for one result.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, Final

from attrs import evolve, frozen
from aurous_client.encoding import to_headers
from aurous_client.errors import EncodeError, ParseError
from aurous_client.operations import Operation, Request, Response

from .._config.hooks import CallDetails, HookDispatcher, logger
from .._config.options import Options, checked_version
from .._json import INVALID_JSON
from .._version import __version__
from ..billing.ledger import Ledger
from ..errors import APIResponseValidationError, AurousError
from ..transport.effects import (
    API_KEY_HEADER,
    EVENT_STREAM,
    MIN_TIMEOUT,
    Close,
    Flow,
    RawResponse,
    SendRequest,
    Sleep,
    TransportFailure,
)
from ..types import Attempt, ResponseInfo, is_deprecated
from . import error_mapping, idempotency, redirects
from .response import describe_body, is_truncated, make_response, parse, warn_of_deprecation
from .retry import GiveUp, Retry, decide, quota_cost
from .retry_quota import SUCCESS_REFUND, RetryQuota

USER_AGENT: Final = f"aurous-labs/{__version__} python/{sys.version_info.major}.{sys.version_info.minor}"

_GENERATED_HEADERS: Final = frozenset({"Content-Type"})
# With another value, the rest of the body would be the next request on its connection.
_FRAMING_HEADERS: Final = frozenset({"content-length", "transfer-encoding"})
# Seconds: 23 days. Sockets wait for milliseconds of 32 bits, and much less than they are told if it is more.
_MAX_TOTAL: Final = 2_000_000
# Shares of the time of a call without, and with, a timeout for each attempt.
_POOL_SHARE: Final = 0.99
_POOL_SHARE_OF_ATTEMPT: Final = 0.5


@frozen(kw_only=True)
class StreamResponse:
    """An open stream."""

    body: Any
    """Read and closed by the effects `Read` and `Close`."""
    info: ResponseInfo
    deadline: float
    """When it must have ended, by the clock of the call."""


class RequestFlow:
    """Carries out one call under given options.

    clock:  monotonic seconds
    random: returns a new number from 0 to 1 each time
    quota:  the retry quota of the client
    """

    def __init__(
        self,
        operation: Operation[Any],
        request: Request,
        options: Options,
        *,
        streams: bool = False,
        clock: Callable[[], float],
        random: Callable[[], float],
        quota: RetryQuota,
    ) -> None:
        self._operation = operation
        self._request = request
        self._options = options
        self._streams = streams
        self._stream_type = operation.events.media_type if operation.events is not None else EVENT_STREAM
        self._clock = clock
        self._random = random
        self._quota = quota
        self._quota_tokens = 0
        self._body: Any = None
        self._timeouts = options.timeout if request.timeout is None else options.timeout.changed_by(request.timeout)
        is_observed = bool(options.hooks) or logger.isEnabledFor(logging.INFO)
        self._hooks = HookDispatcher(options.hooks) if is_observed else None
        self._attempts: list[Attempt] = []
        if not streams:
            idempotency.refuse_hidden_stream(operation, request.content)
        refuses = options.streams.on_idempotency_key == "refuse"
        self._idempotency_key = idempotency.key_for(operation, request.headers, streams=streams, refuses=refuses)
        self._is_generated_key = (
            self._idempotency_key is not None and idempotency.given_key(operation, request.headers) is None
        )
        self._headers = self._make_headers()
        self._started = clock()
        self._deadline = self._started + min(self._timeouts.total, _MAX_TOTAL)

    @cached_property
    def details(self) -> CallDetails:
        """What hooks receive about the call."""
        return CallDetails(
            operation_id=self._operation.id,
            method=self._operation.method,
            path=self._operation.path,
            base_url=self._options.base_url,
            idempotency_key=self._idempotency_key,
            streams=self._streams,
            content=self._request.content,
        )

    def for_caller(self, ledger: Ledger) -> Flow[Response[Any]]:
        """As `for_result`; enters in the ledger what the call cost, and warns of what is deprecated."""
        charge = self._operation.charge
        try:
            response = yield from self.for_result()
        except APIResponseValidationError as error:
            if charge is not None:
                ledger.enter_unparsed(self._operation, charge, error)
            raise
        if charge is not None:
            ledger.enter_result(charge, response)
        if is_deprecated(response.headers):
            warn_of_deprecation(response.headers)
        return response

    def for_result(self) -> Flow[Response[Any]]:
        """The call to its parsed response. Raises the errors of `aurous.errors`."""
        if self._hooks is None or not self._hooks.observes_calls:
            return self._parse((yield from self._send_until_success()))
        with self._hooks.observe(self.details, self._headers) as call_result:
            response = self._parse((yield from self._send_until_success()))
            call_result.result = response.parsed
            return response

    def for_stream(self) -> Flow[StreamResponse]:
        """The call to an open stream, which reports its end by `report_end`. Raises the errors of `aurous.errors`."""
        try:
            if self._hooks is None:
                return self._open((yield from self._send_until_success()))
            with self._hooks.observe(self.details, self._headers, ends=False):
                return self._open((yield from self._send_until_success()))
        except BaseException as error:
            self.report_end(None, error)
            # Ctrl-C, or what else a signal raises, after the head of the response was received: nobody else would
            # disconnect, and the server would generate to the end.
            if self._body is not None:
                yield Close(self._body)
            raise

    def report_end(self, result: object | None, error: BaseException | None) -> None:
        """Report the end of a stream to the hooks, once."""
        if self._hooks is not None:
            self._hooks.end(self.details, result, error)

    def _open(self, raw: RawResponse) -> StreamResponse:
        if raw.body is None:
            content_type = raw.headers.get("content-type", "no content type")
            raise self._validation_error(f"expected a body of type {self._stream_type}, found {content_type}", raw)
        return StreamResponse(body=raw.body, info=self._info(raw), deadline=self._deadline)

    def _send_until_success(self) -> Flow[RawResponse]:
        """Attempts until one succeeds. Raises the error of the last one."""
        # Hooks may have taken time.
        started = self._started if self._hooks is None else self._clock()
        while True:
            result = self._without_key((yield from self._attempt(started)))
            number, elapsed = len(self._attempts) + 1, self._clock() - started
            if isinstance(result, RawResponse) and 200 <= result.status_code < 300:
                status, request_id = result.status_code, result.headers.get("aurous-request-id")
                attempt = Attempt(number=number, elapsed=elapsed, status_code=status, request_id=request_id)
                self._note_attempt(attempt, result.headers)
                if self._quota.spent:
                    self._quota.release(max(self._quota_tokens, SUCCESS_REFUND))
                return result
            attempt = error_mapping.attempt_of(result, number, elapsed)
            failure = error_mapping.failure_of(result, attempt)
            decision = decide(
                self._options.retry,
                failure,
                previous_attempts=self._attempts,
                is_idempotent=idempotency.is_idempotent(self._operation, self._idempotency_key),
                is_generated_key=self._is_generated_key,
                remaining=self._last_start() - self._clock(),
                random=self._random(),
            )
            if isinstance(decision, Retry) and not decision.is_poll:
                self._quota_tokens = quota_cost(failure)
                if not self._quota.acquire(self._quota_tokens):
                    decision = GiveUp("the client's retry quota is used up, since too many calls failed")
            headers = result.headers if isinstance(result, RawResponse) else {}
            if not isinstance(decision, Retry):
                self._note_attempt(attempt, headers)
                # Don't bind the error locally: its traceback refers to this frame, so that would be a reference cycle.
                raise self._error(result, decision.reason) from (
                    result.cause if isinstance(result, TransportFailure) else None
                )
            self._note_attempt(evolve(attempt, delay=decision.delay), headers)
            # It may be large, and the next one is not to be in memory beside it.
            del result
            yield Sleep(decision.delay)
            started = self._clock()

    def _without_key(self, result: RawResponse | TransportFailure) -> RawResponse | TransportFailure:
        """The result without the key; a success whose body was cut short becomes a TransportFailure."""
        key = self._options.api_key
        if isinstance(result, TransportFailure) or not 200 <= result.status_code < 300:
            return result.redacted(key)
        if not result.is_framed and is_truncated(self._operation, result):
            return TransportFailure(message="the response was cut short", sent=True)
        has_key = key.is_in((*result.headers, *result.headers.values()))
        return result.redacted(key) if has_key else result

    def _attempt(self, now: float) -> Flow[RawResponse | TransportFailure]:
        """One attempt, which starts when a connection is free. Waiting for one may take the rest of the call."""
        timeout = self._timeouts
        until = self._deadline if timeout.pool is None else min(self._deadline, now + timeout.pool)
        while True:
            # Rounded, so that calls with the same timeouts have them to the last bit, and share what is made of them.
            remaining = max(round(self._deadline - now, 6), MIN_TIMEOUT)
            # So that it ends before the attempt does, and leaves time for it.
            share = _POOL_SHARE
            if timeout.attempt is not None:
                remaining, share = min(timeout.attempt, remaining), _POOL_SHARE_OF_ATTEMPT
            pool = max(min(round(until - now, 6), share * remaining), MIN_TIMEOUT)
            request = self._send_request(remaining, pool)
            result: RawResponse | TransportFailure = yield request
            if isinstance(result, RawResponse):
                self._body = result.body
            if isinstance(result, RawResponse) and 300 <= result.status_code < 400:
                return (yield from self._follow_redirects(request, result, now + remaining))
            is_waiting = isinstance(result, TransportFailure) and result.is_pool_timeout and timeout.attempt is not None
            if not is_waiting or now + pool >= until:
                return result
            now = self._clock()

    def _follow_redirects(
        self, request: SendRequest, response: RawResponse, until: float
    ) -> Flow[RawResponse | TransportFailure]:
        """The response that redirects of a download lead to; the last redirect if it is not to be followed."""
        for _ in range(redirects.MAX_REDIRECTS):
            following = redirects.redirected(self._operation, request, response)
            if following is None:
                break
            request = following._replace(total=max(until - self._clock(), MIN_TIMEOUT))
            result: RawResponse | TransportFailure = yield request
            if isinstance(result, TransportFailure):
                return result
            response = redirects.with_api_headers(result, response)
        return response

    def _last_start(self) -> float:
        """When another attempt may start at the latest. The time until the first event of a stream includes retries."""
        until = self._started + self._timeouts.until_first_event
        return min(self._deadline, until) if self._streams else self._deadline

    def _send_request(self, remaining: float, pool: float) -> SendRequest:
        timeout = self._timeouts
        return SendRequest(
            method=self._request.method,
            url=self._options.base_url + self._request.path,
            query=self._request.query,
            headers=self._headers,
            api_key=self._options.api_key,
            content=self._request.content,
            connect=min(timeout.connect, remaining),
            pool=pool,
            read=min(timeout.until_first_event if self._streams else timeout.read, remaining),
            write=min(timeout.write, remaining),
            total=remaining,
            streams=self._streams,
            stream_type=self._stream_type,
        )

    def _make_headers(self) -> dict[str, str]:
        headers = {"Accept": self._stream_type if self._streams else self._operation.accept, "User-Agent": USER_AGENT}
        if self._streams:
            # A compressed stream arrives when a block of it is full, not when an event is.
            headers["Accept-Encoding"] = "identity"
        if self._options.api_version is not None:
            headers["Aurous-Version"] = self._options.api_version
        if self._idempotency_key is not None and self._operation.idempotency_header is not None:
            headers[self._operation.idempotency_header] = self._idempotency_key
        extra = self._request.headers
        if extra.keys() <= _GENERATED_HEADERS:
            return {**headers, **extra}
        headers = to_headers(headers, extra)
        for name, value in extra.items():
            if name.lower() == "aurous-version":
                checked_version(value, name)
            elif name.lower() == API_KEY_HEADER.lower():
                raise EncodeError(f"{API_KEY_HEADER}: a client has one key; make another client for another")
            elif name.lower() in _FRAMING_HEADERS:
                raise EncodeError(f"{name}: it follows from the body, and is sent by the client itself; leave it out")
        return headers

    def _note_attempt(self, attempt: Attempt, headers: Mapping[str, str]) -> None:
        self._attempts.append(attempt)
        if self._hooks is not None:
            self._hooks.attempt(self.details, attempt, headers)

    def _parse(self, raw: RawResponse) -> Response[Any]:
        # No variable may be the body: error trackers collect those of the frames that an error passes.
        parsed, info = parse(self._operation, raw), self._info(raw)
        if isinstance(parsed, ParseError):
            raise error_mapping.error_in_success(raw, self._options, self._attempts) or self._validation_error(
                error_mapping.explain(parsed, self._options), raw, parsed
            )
        if parsed is INVALID_JSON:
            raise self._validation_error(f"expected a JSON document, found {describe_body(raw)}", raw)
        return make_response(self._operation, raw, parsed, info, self._options.api_key)

    def _info(self, raw: RawResponse) -> ResponseInfo:
        return ResponseInfo(
            status_code=raw.status_code,
            headers=raw.headers,
            attempts=tuple(self._attempts),
            elapsed=self._clock() - self._started,
            idempotency_key=self._idempotency_key,
            is_generated_key=self._is_generated_key,
        )

    def _error(self, result: RawResponse | TransportFailure, reason: str | None) -> AurousError:
        """The exception to raise. reason: why there is no retry, unless the result makes that clear"""
        error = error_mapping.error_of(result, self._request, self._options, self._attempts)
        if reason is not None:
            error.add_note(f"Not tried again: {reason}.")
        return error

    def _validation_error(
        self, message: str, raw: RawResponse, cause: ParseError | None = None
    ) -> APIResponseValidationError:
        return error_mapping.validation_error(message, raw, self._options.api_key, self._attempts, cause)

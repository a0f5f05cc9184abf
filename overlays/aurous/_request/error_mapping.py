"""Maps failed attempts to exceptions, by status and code, and to what the retry policy decides on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlsplit

from aurous_client.error_codes import ERROR_CODES
from aurous_client.errors import ParseError
from aurous_client.operations import Request

from .._config.options import Options
from .._config.secret import Secret
from .._error_body import ErrorBody
from .._json import decode
from ..errors import (
    APIConnectionError,
    APIResponseValidationError,
    APIStatusError,
    APITimeoutError,
    AuthenticationError,
    BalanceTooLowError,
    ConflictError,
    IdempotencyKeyInUseError,
    InvalidRequestError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
    ServerError,
)
from ..transport.effects import RawResponse, TransportFailure
from ..types import Attempt, ResponseInfo
from .retry import ErrorResponse, NoResponse, is_about_credits, parse_date, parse_retry_after

ERROR_CLASSES: Final[Mapping[tuple[int | None, str | None], type[APIStatusError]]] = {
    (401, None): AuthenticationError,
    (402, None): BalanceTooLowError,
    (403, None): PermissionDeniedError,
    (404, None): NotFoundError,
    (409, None): ConflictError,
    (410, None): NotFoundError,
    (429, None): RateLimitError,
    (503, "provider_rate_limited"): RateLimitError,
    # Error events of a stream have a code, but the response's status is that of a success.
    (None, "balance_too_low"): BalanceTooLowError,
    (None, "idempotency_key_in_use"): IdempotencyKeyInUseError,
    (None, "missing_scope"): PermissionDeniedError,
}
"""By status and code; None matches any. Any other 4xx is an InvalidRequestError, any other 5xx a ServerError."""

# The status of each type of error, for errors that arrive without one.
_STATUSES: Final[Mapping[str, int]] = {
    "invalid_request": 400,
    "authentication": 401,
    "not_found": 404,
    "rate_limit": 429,
    "server_error": 500,
}
_REDIRECTED: Final = "this redirect is not followed; it leads to {}; if the API is there, set base_url"
_WRONG_PATH: Final = "Check base_url: the client adds {} to {}, so base_url must end before that."
_WRONG_SERVER: Final = "Is base_url, {}, the address of an Aurous server?"


def error_class(status_code: int, code: str | None = None) -> type[APIStatusError]:
    """The class for a status and an error code; an unknown code falls back to the status, that to its family."""
    if status_code == 429 and is_about_credits(code):
        return BalanceTooLowError
    for key in ((status_code, code), (None, code), (status_code, None)):
        if key != (None, None) and key in ERROR_CLASSES:
            return ERROR_CLASSES[key]
    if status_code >= 500:
        return ServerError
    return InvalidRequestError if status_code >= 400 else APIStatusError


def attempt_of(result: RawResponse | TransportFailure, number: int, elapsed: float) -> Attempt:
    """The entry of a failed attempt in the history of its call."""
    if isinstance(result, TransportFailure):
        return Attempt(number=number, elapsed=elapsed, error=result.message, sent=result.sent)
    return Attempt(
        number=number,
        elapsed=elapsed,
        status_code=result.status_code,
        code=ErrorBody.read(result.content).code if result.status_code >= 400 else None,
        request_id=result.headers.get("aurous-request-id"),
        error=result.body_error,
    )


def failure_of(result: RawResponse | TransportFailure, attempt: Attempt) -> ErrorResponse | NoResponse:
    """What the retry policy decides on."""
    if isinstance(result, TransportFailure):
        return NoResponse(sent=result.sent, is_final=result.is_final, timed_out=result.timed_out)
    # The meaning of a 409 is in its code. If that was lost on the way, asking again may bring it.
    if result.body_error is not None and result.status_code == 409:
        return NoResponse(sent=True)
    return ErrorResponse(status_code=result.status_code, code=attempt.code, retry_after=_retry_after(result))


def error_of(
    result: RawResponse | TransportFailure, request: Request, options: Options, attempts: Sequence[Attempt]
) -> APIConnectionError | APIStatusError:
    """The exception for a call whose last attempt had this result."""
    # A key that was passed as an id is in the path.
    redact = options.api_key.redact
    url = redact(options.base_url + request.path)
    if isinstance(result, TransportFailure):
        kind = APITimeoutError if result.timed_out else APIConnectionError
        message = f"{request.method} {url}: {result.message}"
        return kind(message, attempts=attempts, sent=result.sent)
    code = attempts[-1].code
    return error_class(result.status_code, code)(
        result.status_code,
        headers=result.headers,
        content=result.content,
        attempts=attempts,
        retry_after=_retry_after(result),
        # Following it would take the key to whatever host the response names.
        message=_REDIRECTED.format(result.headers["location"]) if _is_redirect(result) else None,
        method=request.method,
        url=url,
        hint=redact(_base_url_hint(result.status_code, code, request, options.base_url)),
    )


def _base_url_hint(status_code: int, code: str | None, request: Request, base_url: str) -> str:
    """What to check where the path does not exist on the server, as far as that can be known."""
    if status_code not in (404, 405):
        return ""
    if urlsplit(base_url).path:
        return _WRONG_PATH.format(request.path, base_url)
    return "" if code else _WRONG_SERVER.format(base_url)


def validation_error(
    message: str, response: RawResponse, key: Secret, attempts: Sequence[Attempt], cause: ParseError | None = None
) -> APIResponseValidationError:
    """The exception for a success whose body does not match the contract."""
    return APIResponseValidationError(
        key.redact(message),
        path=cause.path if cause else (),
        status_code=response.status_code,
        headers=response.headers,
        content=key.redact(response.content),
        attempts=attempts,
    )


def error_in_success(response: RawResponse, options: Options, attempts: Sequence[Attempt]) -> APIStatusError | None:
    """The exception for a success with an error body in it, as its code and type have it; None for any other body."""
    document = decode(response.content)
    if not isinstance(document, dict) or not is_error(document):
        return None
    status = status_of(document)
    error = error_class(status, ErrorBody.of(document).code)(
        status, headers=response.headers, content=options.api_key.redact(response.content), attempts=attempts
    )
    error.add_note(f"The response had this error in its body, but the status {response.status_code}.")
    return error


def error_in_event(event: Any, content: bytes, info: ResponseInfo) -> APIStatusError:
    """The exception for an error that a server sent in a stream. content: the event, without the key"""
    code, status = ErrorBody.of(event).code, status_of(event)
    return error_class(status, code)(status, headers=info.headers, content=content, attempts=info.attempts)


def invalid_event(
    message: str, content: bytes, info: ResponseInfo, cause: ParseError | None = None
) -> APIResponseValidationError:
    """The exception for an event that does not fit its schema. content: the event, without the key"""
    return APIResponseValidationError(
        message,
        path=cause.path if cause else (),
        status_code=info.status_code,
        headers=info.headers,
        content=content,
        attempts=info.attempts,
    )


def explain(fault: ParseError, options: Options) -> str:
    """What is wrong with a success, and what may be the reason."""
    if fault.path[:1] == ("usage",) and fault.path[-1] in ("usage", "credits_charged"):
        return f"{fault}; is the base_url, {options.base_url}, that of an Aurous server?"
    return str(fault)


def is_error(document: Mapping[str, Any]) -> bool:
    """Whether a document looks like an error: an envelope, or what would be in one."""
    if document.get("error"):
        return True
    if "choices" in document or not isinstance(document.get("message"), str):
        return False
    labels = [document.get(name) for name in ("type", "code", "object")]
    known = (*_STATUSES, *ERROR_CODES, "error")
    return any(isinstance(label, str) and label in known for label in labels)


def status_of(document: Any) -> int:
    """The HTTP status that an error would have had before the stream started."""
    body = ErrorBody.of(document)
    documented = ERROR_CODES.get(body.code or "")
    if documented is not None:
        return int(documented.status.replace("X", "0"))
    if body.type is not None and body.type in _STATUSES:
        return _STATUSES[body.type]
    # Some gateways write the status where the code belongs.
    error = document.get("error") if isinstance(document, dict) else None
    number = error.get("code") if isinstance(error, dict) else None
    return number if isinstance(number, int) and 400 <= number <= 599 else 500


def _retry_after(response: RawResponse) -> float | None:
    return parse_retry_after(response.headers.get("retry-after"), parse_date(response.headers.get("date")))


def _is_redirect(response: RawResponse) -> bool:
    return 300 <= response.status_code < 400 and "location" in response.headers

"""What came of an attempt: as a line of the call's history, as grounds to try again or not, and as the error to raise.

Pure: no I/O, no HTTP library.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from aurous_client.errors import ParseError
from aurous_client.operations import Operation, Request

from .._client.options import Options, Secret
from ..errors import APIConnectionError, APIResponseValidationError, APIStatusError, APITimeoutError, error_class
from .attempt import Attempt
from .effects import Failure, Reply
from .error_body import Envelope
from .json_decoding import NO_JSON, decode
from .retry import Answered, Lost, parse_date, parse_retry_after

_REDIRECTED: Final = "redirects are not followed; this one leads to {}; set base_url"


def attempt_of(came: Reply | Failure, number: int, elapsed: float) -> Attempt:
    if isinstance(came, Failure):
        return Attempt(number=number, elapsed=elapsed, error=came.message, sent=came.sent)
    return Attempt(
        number=number,
        elapsed=elapsed,
        status_code=came.status_code,
        code=Envelope.read(came.content).code if came.status_code >= 400 else None,
        request_id=came.headers.get("aurous-request-id"),
        error=came.fault,
    )


def outcome_of(came: Reply | Failure, attempt: Attempt) -> Answered | Lost:
    """What the retry policy decides by."""
    if isinstance(came, Failure):
        return Lost(sent=came.sent, is_final=came.is_final)
    outcome = Answered(status_code=came.status_code, code=attempt.code, retry_after=_retry_after(came))
    # What a 409 means is told by its code. Where that was lost on the way, asking again may bring it.
    is_unclear = came.fault is not None and came.status_code == 409
    return Lost(sent=True) if is_unclear else outcome


def error_of(
    came: Reply | Failure, request: Request, options: Options, attempts: Sequence[Attempt]
) -> APIConnectionError | APIStatusError:
    """The error of a call whose last attempt came to this."""
    if isinstance(came, Failure):
        kind = APITimeoutError if came.timed_out else APIConnectionError
        message = f"{request.method} {options.base_url}{request.path}: {came.message}"
        return kind(message, attempts=attempts, sent=came.sent)
    return error_class(came.status_code, attempts[-1].code)(
        came.status_code,
        headers=came.headers,
        content=came.content,
        attempts=attempts,
        retry_after=_retry_after(came),
        # Following it would carry the key to whatever host the answer names.
        message=_REDIRECTED.format(came.headers["location"]) if _is_redirect(came) else None,
    )


def shape_error(
    message: str, reply: Reply, key: Secret, attempts: Sequence[Attempt], fault: ParseError | None = None
) -> APIResponseValidationError:
    """The error for a success that is not what it should be."""
    return APIResponseValidationError(
        key.hide_in(message),
        path=fault.path if fault else (),
        status_code=reply.status_code,
        headers=reply.headers,
        content=key.hide_in(reply.content),
        attempts=attempts,
    )


def is_cut_short(operation: Operation[Any], reply: Reply) -> bool:
    """Whether a success breaks off where nothing but its JSON could tell: it ends when the connection does."""
    if reply.is_framed or not reply.is_success or reply.body is not None or not operation.has_body:
        return False
    return decode(reply.content) is NO_JSON and reply.content.lstrip()[:1] in (b"{", b"[", b"")


def without_key(came: Reply | Failure, key: Secret) -> Reply | Failure:
    """What came, in case the other side repeats what it was sent: proxies do, on pages made for debugging."""
    if isinstance(came, Failure):
        return came
    if key.is_in(came.headers.values()):
        came = came._replace(headers={name: key.hide_in(value) for name, value in came.headers.items()})
    # The body of a success is the caller's, to the byte.
    return came if came.is_success else came._replace(content=key.hide_in(came.content))


def kind_of(reply: Reply) -> str:
    """What a body is, in words."""
    if not reply.content:
        return "an empty body"
    return f"{len(reply.content)} bytes of {reply.headers.get('content-type', 'no declared type')}"


def _retry_after(reply: Reply) -> float | None:
    return parse_retry_after(reply.headers.get("retry-after"), parse_date(reply.headers.get("date")))


def _is_redirect(reply: Reply) -> bool:
    return 300 <= reply.status_code < 400 and "location" in reply.headers

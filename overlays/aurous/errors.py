"""What can go wrong, as a tree. Owns the classes and the reading of error bodies; knows no HTTP library and no retries.

    AurousError
    ├── ConfigurationError              a client cannot be made of these settings (also a ValueError)
    ├── APIConnectionError              no answer, or only part of one
    │   └── APITimeoutError             none in time
    ├── APIStatusError                  an answer that says no
    │   ├── InvalidRequestError         400, 413, 422 and every other 4xx
    │   ├── AuthenticationError         401
    │   ├── BalanceTooLowError          402, and 429 where its code speaks of credits
    │   ├── PermissionDeniedError       403
    │   ├── NotFoundError               404, 410
    │   ├── ConflictError               409
    │   │   └── IdempotencyKeyInUseError
    │   ├── RateLimitError              429, and 503 provider_rate_limited
    │   └── ServerError                 5xx
    ├── APIResponseValidationError              a success that is not what the contract says
    ├── StreamInterruptedError          a stream that broke off
    │   └── StreamTimeoutError          did not go on in time (also an APITimeoutError)
    │       ├── FirstEventTimeoutError
    │       ├── IdleTimeoutError
    │       └── TotalTimeoutError
    └── BudgetExceededError             refused before it was sent

All of them pickle, and none holds or shows the key.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from ._request.error_body import Envelope, excerpt, printable

if TYPE_CHECKING:
    from aurous_client.models import ChatCompletion, ChatMessage

    from ._request.attempt import Attempt
    from ._stream.recovery import Recovery
    from .billing.receipts import Receipt


class AurousError(Exception):
    """The base of all errors of this package."""

    completion_id: str | None = None
    """The stored completion that the error is about, where it is about one of which a part was streamed."""
    text: str = ""
    """The text that a stream had delivered before the error."""
    receipt: Receipt | None = None
    """What the completion of a stream cost, where that was known by then."""
    messages: Sequence[ChatMessage | Mapping[str, Any]] = ()
    """The conversation of a tool loop that the error ended; `run_tools` can go on from it."""
    completions: Sequence[ChatCompletion] = ()
    """The completions that this loop had made by then, with their receipts."""

    def __reduce__(self) -> tuple[Any, ...]:
        # Exception's own would call the class with the message alone.
        return _restore, (type(self), self.args, self.__dict__.copy())


class ConfigurationError(AurousError, ValueError):
    """A client cannot be made of these settings. Raised at construction, before anything is sent."""


class APIConnectionError(AurousError):
    """No answer came, or only part of one. `__cause__` is the HTTP library's exception."""

    def __init__(self, message: str, *, attempts: Sequence[Attempt] = (), sent: bool = True) -> None:
        super().__init__(_with_attempts(message, attempts))
        self.attempts = tuple(attempts)
        self.sent = sent
        """Whether any byte of the last attempt may have reached the server. If so, it may have been carried out."""


class APITimeoutError(APIConnectionError):
    """No answer came in time: to connect, to read, or for the whole call."""


class APIStatusError(AurousError):
    """The server answered, and its answer is no success."""

    advice: ClassVar[str] = ""

    def __init__(
        self,
        status_code: int,
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes = b"",
        attempts: Sequence[Attempt] = (),
        retry_after: float | None = None,
        message: str | None = None,
    ) -> None:
        envelope = Envelope.read(content)
        self.status_code = status_code
        self.headers = dict(headers or {})
        """The response's headers, by their names in lower case."""
        self.content = content
        """The body as it came."""
        self.type = envelope.type
        self.code = envelope.code
        """Stable and made for programs; None where the body was no error envelope."""
        self.message = message or envelope.message or excerpt(content) or "no message"
        self.param = envelope.param
        """The parameter at fault, as a path such as `messages[0].content`."""
        self.doc_url = envelope.doc_url
        self.request_id = self.headers.get("aurous-request-id") or envelope.request_id
        """Names the request to support."""
        self.attempts = tuple(attempts)
        self.retry_after = retry_after
        """Seconds that the server asked to wait, if it did."""
        super().__init__(self._describe())

    def _describe(self) -> str:
        said = f"HTTP {self.status_code}{f' {printable(self.code)}' if self.code else ''}: {printable(self.message)}"
        named = (("param", self.param), ("request", self.request_id))
        details = [f"{name} {printable(value)}" for name, value in named if value]
        if self.retry_after is not None:
            details.append(f"retry after {self.retry_after:g} s")
        said = _with_attempts(f"{said} ({', '.join(details)})" if details else said, self.attempts)
        help_ = " ".join(filter(None, (self.advice, f"See {printable(self.doc_url)}" if self.doc_url else "")))
        return f"{said}\n{help_}" if help_ else said


class InvalidRequestError(APIStatusError):
    """The request cannot be carried out as it stands (400, 413, 422 and other 4xx). `param` tells the place."""


class AuthenticationError(APIStatusError):
    """There was no key, or it is unknown, expired or revoked (401)."""

    advice = "Check the key: AUROUS_API_KEY, or the argument api_key."


class BalanceTooLowError(APIStatusError):
    """The available credits do not cover the request (402). Nothing was charged."""

    advice = "Add credits, or lower max_tokens: it sets how much is held before a call."


class PermissionDeniedError(APIStatusError):
    """The key's scope does not cover the operation (403)."""

    advice = "Use a key whose scope covers the operation."


class NotFoundError(APIStatusError):
    """There is no such thing, it belongs to another team (404), or it has expired (410)."""


class ConflictError(APIStatusError):
    """The state of the thing does not allow the operation (409)."""


class IdempotencyKeyInUseError(ConflictError):
    """The key was used with another body or operation within 24 hours, or its first request still runs (409)."""

    advice = "Use another key for another request; to get the first answer again, send exactly the same request."


class RateLimitError(APIStatusError):
    """Too many requests or tokens (429), or the provider throttles (503). `retry_after` says how long to wait."""

    advice = "Slow down; with a higher max_retries and total timeout the client waits longer by itself."


class ServerError(APIStatusError):
    """The platform or its provider failed (5xx). Nothing was charged."""


class APIResponseValidationError(AurousError):
    """A success whose body is not what the contract says. The call was carried out, and may have been charged."""

    def __init__(
        self,
        message: str,
        *,
        path: Sequence[str | int] = (),
        status_code: int,
        headers: Mapping[str, str],
        content: bytes,
        attempts: Sequence[Attempt] = (),
    ) -> None:
        self.path = tuple(path)
        """The steps from the document's root to the fault; empty where the body is no JSON."""
        self.status_code = status_code
        self.headers = dict(headers)
        self.content = content
        """The body as it came."""
        self.attempts = tuple(attempts)
        self.request_id = self.headers.get("aurous-request-id")
        said = f"the answer is not what the API promises: {message}"
        super().__init__(said + (f" (request {printable(self.request_id)})" if self.request_id else ""))


class StreamInterruptedError(AurousError):
    """A stream broke off before its end. What arrived is not lost, and the completion may be stored and charged."""

    def __init__(self, message: str, *, completion_id: str | None, text: str, kind: str) -> None:
        self.completion_id = completion_id
        self.text = text
        self.kind = kind
        """`cut`: the connection broke. `closed_early`: the server closed it in good order, without an end."""
        self.recovery: Recovery | None = None
        """What the stored record said, where it was asked for."""
        named = f" ({completion_id})" if completion_id else ""
        super().__init__(f"the stream{named} broke off after {len(text)} characters: {message}")


class StreamTimeoutError(StreamInterruptedError, APITimeoutError):
    """A stream did not go on in time."""


class FirstEventTimeoutError(StreamTimeoutError):
    """No event came within `Timeouts.first_event`."""


class IdleTimeoutError(StreamTimeoutError):
    """No further event came within `Timeouts.idle`, though keep-alives may have."""


class TotalTimeoutError(StreamTimeoutError):
    """The stream did not end within `Timeouts.total`."""


class BudgetExceededError(AurousError):
    """A budget was spent, and the call was not started. See `Aurous.budget`."""


# What decides is the pair; None stands for any code of a status, or for any status of a code.
_CLASSES: Mapping[tuple[int | None, str | None], type[APIStatusError]] = {
    (401, None): AuthenticationError,
    (402, None): BalanceTooLowError,
    (403, None): PermissionDeniedError,
    (404, None): NotFoundError,
    (409, None): ConflictError,
    (410, None): NotFoundError,
    (429, None): RateLimitError,
    (503, "provider_rate_limited"): RateLimitError,
    # An event of a stream brings a code, and the status of a success.
    (None, "balance_too_low"): BalanceTooLowError,
    (None, "idempotency_key_in_use"): IdempotencyKeyInUseError,
    (None, "missing_scope"): PermissionDeniedError,
}


def error_class(status_code: int, code: str | None = None) -> type[APIStatusError]:
    """The class for a status and an error code; unknown codes fall back to their status, that to its family."""
    if status_code == 429 and speaks_of_credits(code):
        return BalanceTooLowError
    for key in ((status_code, code), (None, code), (status_code, None)):
        if key != (None, None) and key in _CLASSES:
            return _CLASSES[key]
    if status_code >= 500:
        return ServerError
    return InvalidRequestError if status_code >= 400 else APIStatusError


def speaks_of_credits(code: str | None) -> bool:
    """Whether waiting cannot help, because it is credits that have run out."""
    return code is not None and any(word in code for word in ("balance", "credit", "quota"))


def _with_attempts(message: str, attempts: Sequence[Attempt]) -> str:
    each = "; ".join(map(str, attempts))
    return f"{message} [{len(attempts)} attempts: {each}]" if len(attempts) > 1 else message


def _restore(kind: type[AurousError], args: tuple[Any, ...], state: dict[str, Any]) -> AurousError:
    error = kind.__new__(kind, *args)
    error.__dict__.update(state)
    return error

"""The exceptions of this package.

    AurousError
    ├── ConfigurationError              invalid settings (also a ValueError)
    ├── APIConnectionError              no response, or only part of one
    │   └── APITimeoutError             not in time
    ├── APIStatusError                  an error response
    │   ├── InvalidRequestError         400, 413, 422 and every other 4xx
    │   ├── AuthenticationError         401
    │   ├── BalanceTooLowError          402, and 429 with a code about credits
    │   ├── PermissionDeniedError       403
    │   ├── NotFoundError               404, 410
    │   ├── ConflictError               409
    │   │   └── IdempotencyKeyInUseError
    │   ├── RateLimitError              429, and 503 provider_rate_limited
    │   └── ServerError                 5xx
    ├── APIResponseValidationError      a success whose body does not match the contract
    ├── StreamInterruptedError          a stream ended before its answer did
    │   ├── IncompleteCompletionError   with [DONE], but without a finish_reason
    │   └── StreamTimeoutError          not in time (also an APITimeoutError)
    │       ├── FirstEventTimeoutError
    │       ├── IdleTimeoutError
    │       └── TotalTimeoutError
    └── BudgetExceededError             refused before it was sent

All of them can be pickled, and none contains the key. `_request.error_mapping` has the table of statuses and codes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from ._error_body import ErrorBody, excerpt, printable

if TYPE_CHECKING:
    from aurous_client.models import ChatCompletion, ChatMessage, ResponseMessage

    # Not needed at run time, and most programs load errors without ever making a call.
    from .types import Attempt, EndReason, Receipt, Recovery


class AurousError(Exception):
    """The base of all errors of this package."""

    completion_id: str | None = None
    """The completion that was being streamed, if any."""
    text: str = ""
    """The text that the stream delivered before the error."""
    receipt: Receipt | None = None
    """What the streamed completion cost, if that was known."""
    messages: Sequence[ChatMessage | ResponseMessage | Mapping[str, Any]] = ()
    """The conversation of a tool loop that the error ended; `run_tools` can continue from it."""
    completions: Sequence[ChatCompletion] = ()
    """The completions of this loop so far, with their receipts."""

    def __reduce__(self) -> tuple[Any, ...]:
        # The default would call the class with the message alone.
        return _restore, (type(self), self.args, self.__dict__.copy())


class ConfigurationError(AurousError, ValueError):
    """Invalid settings. Raised when the client is made, before anything is sent."""


class APIConnectionError(AurousError):
    """No response, or only part of one. `__cause__` is the HTTP library's exception."""

    def __init__(self, message: str, *, attempts: Sequence[Attempt] = (), sent: bool = True) -> None:
        super().__init__(_with_attempts(message, attempts))
        self.attempts = tuple(attempts)
        self.sent = sent
        """Whether any byte of the last attempt may have reached the server, which may then have carried it out."""


class APITimeoutError(APIConnectionError):
    """A timeout: to connect, to read, or of the whole call."""


class APIStatusError(AurousError):
    """The server responded with an error status.

    method, url: those of the request; the URL without its query
    hint:        what may be wrong and what to do, beyond the advice of the class
    """

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
        method: str | None = None,
        url: str | None = None,
        hint: str = "",
    ) -> None:
        body = ErrorBody.read(content)
        self.status_code = status_code
        self.headers = dict(headers or {})
        """The response's headers, by their names in lower case."""
        self.content = content
        """The body as received."""
        self.type = body.type
        self.code = body.code
        """Stable and made for programs; None where the body was no error body."""
        self.message = message or body.message or excerpt(content) or "no message"
        self.param = body.param
        """The invalid parameter, as a path such as `messages[0].content`."""
        self.doc_url = body.doc_url
        self.request_id = self.headers.get("aurous-request-id") or body.request_id
        """Identifies the request to support."""
        self.attempts = tuple(attempts)
        self.retry_after = retry_after
        """Seconds that the server asks to wait, if it does."""
        self.method = method
        self.url = url
        self.hint = hint
        super().__init__(self._describe())

    def _describe(self) -> str:
        text = f"HTTP {self.status_code}{f' {printable(self.code)}' if self.code else ''}: {printable(self.message)}"
        # A code says what is wrong; without one, the response may be that of another server.
        where = None if self.code else self.url
        named = ((self.method, where), ("param", self.param), ("request", self.request_id))
        details = [f"{name} {printable(value)}" for name, value in named if name and value]
        if self.retry_after is not None:
            details.append(f"retry after {self.retry_after:g} s")
        text = _with_attempts(f"{text} ({', '.join(details)})" if details else text, self.attempts)
        page = f"See {printable(self.doc_url)}" if self.doc_url else ""
        advice = " ".join(filter(None, (self.advice, self.hint, page)))
        return f"{text}\n{advice}" if advice else text


class InvalidRequestError(APIStatusError):
    """The request is invalid (400, 413, 422 and other 4xx). `param` names the parameter."""


class AuthenticationError(APIStatusError):
    """The key is missing, unknown, expired or revoked (401)."""

    advice = "Check the key: AUROUS_API_KEY, or the argument api_key."


class BalanceTooLowError(APIStatusError):
    """The available credits do not cover the request (402). Nothing was charged."""

    advice = "Add credits, or lower max_tokens: it sets how much is held before a call."


class PermissionDeniedError(APIStatusError):
    """The key's scope does not cover the operation (403)."""

    advice = "Use a key whose scope covers the operation."


class NotFoundError(APIStatusError):
    """The resource does not exist, belongs to another team (404), or has expired (410)."""


class ConflictError(APIStatusError):
    """The state of the resource does not allow the operation (409)."""


class IdempotencyKeyInUseError(ConflictError):
    """The key was used for another request within 24 hours, or its first request is still running (409)."""

    advice = "Use another key for another request; to get the first answer again, send exactly the same request."


class RateLimitError(APIStatusError):
    """Too many requests or tokens (429), or the provider throttles (503). Wait for `retry_after` seconds."""

    advice = "Slow down."


class ServerError(APIStatusError):
    """The platform or its provider failed (5xx). Nothing was charged."""


class APIResponseValidationError(AurousError):
    """A success whose body does not match the contract. The call was carried out, and may have been charged."""

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
        """The path from the document's root to the invalid value; empty if the body is not JSON."""
        self.status_code = status_code
        self.headers = dict(headers)
        self.content = content
        """The body as received."""
        self.attempts = tuple(attempts)
        self.request_id = self.headers.get("aurous-request-id")
        text = f"the response does not match the API: {message}"
        super().__init__(text + (f" (request {printable(self.request_id)})" if self.request_id else ""))


class StreamInterruptedError(AurousError):
    """A stream ended before its answer did. What arrived is in `text`; the completion may be stored and charged."""

    def __init__(
        self, message: str, *, completion_id: str | None, text: str, end: EndReason, events: int | None = None
    ) -> None:
        self.completion_id = completion_id
        self.text = text
        """Empty for a stream that is no chat completion."""
        self.end = end
        """As that of the stream: `cut` if the connection broke, `closed_early` if the server closed it cleanly, and
        `done_without_finish_reason` if it sent `[DONE]`, but before the answer had ended."""
        self.recovery: Recovery | None = None
        """What the stored record says, if it was retrieved."""
        which = f" ({printable(completion_id)})" if completion_id else ""
        received = f"{len(text)} characters" if events is None else f"{events} event{'s' * (events != 1)}"
        super().__init__(f"the stream{which} broke off after {received}: {message}")


class IncompleteCompletionError(StreamInterruptedError):
    """The chunks make no completion: the server ended the stream without a finish_reason, or sent no chunk.

    The stored completion may be whole: `recover()` retrieves it.
    """

    def __init__(
        self,
        missing: str,
        *,
        completion_id: str | None = None,
        text: str = "",
    ) -> None:
        super().__init__(missing, completion_id=completion_id, text=text, end="done_without_finish_reason")
        self.missing = missing
        """What is missing, in a few words."""


class StreamTimeoutError(StreamInterruptedError, APITimeoutError):
    """A stream did not continue in time."""


class FirstEventTimeoutError(StreamTimeoutError):
    """No event arrived within `Timeouts.first_event`."""


class IdleTimeoutError(StreamTimeoutError):
    """No further event arrived within `Timeouts.idle`; keep-alives do not count."""


class TotalTimeoutError(StreamTimeoutError):
    """The stream did not end within `Timeouts.total`."""


class BudgetExceededError(AurousError):
    """The budget is spent, so the call was not sent. See `Aurous.budget`."""


def _with_attempts(message: str, attempts: Sequence[Attempt]) -> str:
    each = "; ".join(map(str, attempts))
    return f"{message} [{len(attempts)} attempts: {each}]" if len(attempts) > 1 else message


def _restore(kind: type[AurousError], args: tuple[Any, ...], state: dict[str, Any]) -> AurousError:
    error = kind.__new__(kind, *args)
    error.__dict__.update(state)
    return error

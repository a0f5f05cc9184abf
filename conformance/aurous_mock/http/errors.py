"""Owns the refusals the mock can give, and the envelope they travel in; knows neither server nor cause."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

DOCS = "https://docs.aurous-labs.com/errors#"


@dataclass(frozen=True, slots=True)
class Code:
    """One error code: the HTTP status and the `type` it comes with."""

    name: str
    status: int
    type: str


# HTTP itself forces these two on every server; the documentation names no code for them.
UNDOCUMENTED = {
    "method_not_allowed": Code("method_not_allowed", 405, "invalid_request"),
    "request_too_large": Code("request_too_large", 413, "invalid_request"),
}

PROVIDER_FAILURES = frozenset(
    {
        "chat_provider_unavailable",
        "chat_provider_unknown_error",
        "chat_provider_auth_failed",
        "chat_provider_request_invalid",
        "provider_rate_limited",
        "provider_unavailable",
        "provider_timeout",
    }
)


class Refused(Exception):  # noqa: N818 - a verdict on a request, not a failure of the program
    """A request ends here with an error envelope.

    `status` replaces the code's own status (scripted faults use it), `headers` are added to the response and
    `upstream_status` is the provider's status, shown as `error.status`.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        param: str | None = None,
        status: int | None = None,
        headers: Mapping[str, str] | None = None,
        upstream_status: int | None = None,
    ) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message
        self.param = param
        self.status = status
        self.headers = dict(headers or {})
        self.upstream_status = upstream_status


def type_for(status: int) -> str:
    """The error `type` that fits a bare HTTP status, for codes no page describes."""
    if status in (401, 403):
        return "authentication"
    if status in (404, 410):
        return "not_found"
    if status == 429:
        return "rate_limit"
    return "server_error" if status >= 500 else "invalid_request"


def envelope(refused: Refused, code: Code, request_id: str) -> dict[str, Any]:
    """The documented body of every error response."""
    error: dict[str, Any] = {
        "type": code.type,
        "code": code.name,
        "message": refused.message,
        "doc_url": DOCS + code.name,
        "request_id": request_id,
        "param": refused.param,
    }
    if refused.upstream_status is not None:
        error["status"] = refused.upstream_status
    return {"error": error}

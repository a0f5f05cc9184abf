"""The errors of the server: those of requests, with the documented envelope, and those of its settings."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

DOCS = "https://docs.aurous-labs.com/errors#"


@dataclass(frozen=True, slots=True)
class Code:
    """An error code with its HTTP status and its `type`."""

    name: str
    status: int
    type: str


# Undocumented, and needed by any HTTP server.
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


class SettingsError(Exception):
    """The settings cannot be used. The message is one line that says why."""


class APIError(Exception):
    """Ends a request with an error envelope.

    status: in place of the code's documented status; injected faults use it
    headers: added to those of the response
    upstream_status: the provider's status, shown as `error.status`
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
    """The error `type` for the HTTP status of an undocumented code."""
    if status in (401, 403):
        return "authentication"
    if status in (404, 410):
        return "not_found"
    if status == 429:
        return "rate_limit"
    return "server_error" if status >= 500 else "invalid_request"


def envelope(error: APIError, code: Code, request_id: str) -> dict[str, Any]:
    """The documented body of every error response."""
    members: dict[str, Any] = {
        "type": code.type,
        "code": code.name,
        "message": error.message,
        "doc_url": DOCS + code.name,
        "request_id": request_id,
        "param": error.param,
    }
    if error.upstream_status is not None:
        members["status"] = error.upstream_status
    return {"error": members}

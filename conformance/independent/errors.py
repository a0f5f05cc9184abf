"""Errors of the API: the exception that handlers raise, and the envelope that clients see."""

from __future__ import annotations

from typing import Any

DOCUMENTATION = "https://docs.aurous-labs.com"

# Status and type of each code. The last four are not documented: no page names a code for them.
CODES: dict[str, tuple[int, str]] = {
    "missing_field": (400, "invalid_request"),
    "invalid_format": (400, "invalid_request"),
    "value_out_of_range": (400, "invalid_request"),
    "unknown_version": (400, "invalid_request"),
    "parameter_invalid_combination": (400, "invalid_request"),
    "model_wrong_kind": (400, "invalid_request"),
    "max_tokens_exceeds_hard_cap": (400, "invalid_request"),
    "max_input_tokens_exceeded": (400, "invalid_request"),
    "tool_choice_required_unsupported": (400, "invalid_request"),
    "response_format_too_large": (400, "invalid_request"),
    "response_format_too_deep": (400, "invalid_request"),
    "missing_api_key": (401, "authentication"),
    "invalid_api_key": (401, "authentication"),
    "revoked_api_key": (401, "authentication"),
    "balance_too_low": (402, "invalid_request"),
    "missing_scope": (403, "authentication"),
    "resource_not_found": (404, "not_found"),
    "chat_cancel_target_not_found": (404, "not_found"),
    "chat_cancel_target_already_terminal": (409, "invalid_request"),
    "chat_cancel_target_not_cancellable": (409, "invalid_request"),
    "idempotency_key_in_use": (409, "invalid_request"),
    "too_many_requests": (429, "rate_limit"),
    "tpm_rate_limit_exceeded": (429, "rate_limit"),
    "internal_error": (500, "server_error"),
    "provider_rate_limited": (503, "rate_limit"),
    "method_not_allowed": (405, "invalid_request"),
    "request_timeout": (408, "invalid_request"),
    "payload_too_large": (413, "invalid_request"),
    "unsupported_media_type": (415, "invalid_request"),
}


class ApiError(Exception):
    """A refused request.

    `status` and `type` follow from `code`; `headers` are added to the response, and `close` ends the connection,
    for requests whose end cannot be found.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        param: str | None = None,
        headers: dict[str, str] | None = None,
        close: bool = False,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.param = param
        self.headers = headers or {}
        self.close = close
        self.status, self.type = CODES[code]

    def envelope(self, request_id: str) -> dict[str, Any]:
        """Return the body of the response, as the page `guides/error-handling` prints it."""
        error: dict[str, Any] = {
            "type": self.type,
            "code": self.code,
            "message": self.message,
            "doc_url": f"{DOCUMENTATION}/errors#{self.code}",
            "request_id": request_id,
        }
        if self.param is not None:
            error["param"] = self.param
        return {"error": error}

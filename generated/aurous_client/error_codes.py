"""The documented error codes. Codes that are not listed here are legal."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from attrs import frozen


@frozen
class ErrorCodeInfo:
    """What the documentation says of one error code."""

    status: str
    """Its HTTP status; 4XX or 5XX where only the family is documented."""
    type: str
    retryable: bool
    """Whether the same request may do better later."""
    when: str
    page: str
    """The page that documents it, below https://docs.aurous-labs.com/."""


ERROR_CODES: Final[Mapping[str, ErrorCodeInfo]] = MappingProxyType(
    {
        "missing_field": ErrorCodeInfo("400", "invalid_request", False, "A required member is absent.", "errors"),
        "invalid_format": ErrorCodeInfo(
            "400", "invalid_request", False, "A value has the wrong type or form.", "errors"
        ),
        "value_out_of_range": ErrorCodeInfo(
            "400", "invalid_request", False, "A value is beyond its documented bounds.", "errors"
        ),
        "unknown_version": ErrorCodeInfo(
            "400",
            "invalid_request",
            False,
            "Aurous-Version names no known version.",
            "api-reference/public-api-v1/get-the-current-pricing-rate-card",
        ),
        "parameter_invalid_combination": ErrorCodeInfo(
            "400", "invalid_request", False, "Parameters exclude each other.", "api-reference/images/create-image"
        ),
        "mutually_exclusive_input": ErrorCodeInfo(
            "400", "invalid_request", False, "Two ways of giving a character were used at once.", "errors"
        ),
        "character_not_ready": ErrorCodeInfo(
            "400", "invalid_request", False, "The character is still being made.", "errors"
        ),
        "unsupported_lora_for_mode": ErrorCodeInfo(
            "4XX", "invalid_request", False, "The style does not go with the mode.", "errors"
        ),
        "generation_not_cancellable": ErrorCodeInfo(
            "400",
            "invalid_request",
            False,
            "The picture or video has already ended.",
            "api-reference/public-api-v1/cancel-a-pending-or-processing-generation",
        ),
        "model_wrong_kind": ErrorCodeInfo(
            "400",
            "invalid_request",
            False,
            "An embedding model was asked to chat or the reverse.",
            "api-reference/errors/model_wrong_kind",
        ),
        "max_tokens_exceeds_hard_cap": ErrorCodeInfo(
            "400",
            "invalid_request",
            False,
            "max_tokens is above the model's hard cap.",
            "api-reference/errors/max_tokens_exceeds_hard_cap",
        ),
        "max_input_tokens_exceeded": ErrorCodeInfo(
            "400",
            "invalid_request",
            False,
            "The prompt is larger than the model's context window.",
            "api-reference/errors/max_input_tokens_exceeded",
        ),
        "tool_choice_required_unsupported": ErrorCodeInfo(
            "400",
            "invalid_request",
            False,
            "tool_choice is required and the model cannot do that.",
            "api-reference/errors/tool_choice_required_unsupported",
        ),
        "response_format_too_large": ErrorCodeInfo(
            "400",
            "invalid_request",
            False,
            "The JSON Schema is over 10 KB.",
            "api-reference/errors/response_format_too_large",
        ),
        "response_format_too_deep": ErrorCodeInfo(
            "400",
            "invalid_request",
            False,
            "The JSON Schema is nested deeper than 5 levels.",
            "api-reference/errors/response_format_too_deep",
        ),
        "invalid_page_token": ErrorCodeInfo(
            "400",
            "invalid_request",
            False,
            "A page token expired or belongs to another query.",
            "api-reference/usage/pagination",
        ),
        "too_many_buckets": ErrorCodeInfo(
            "400", "invalid_request", False, "The window holds too many buckets.", "api-reference/usage/overview"
        ),
        "embeddings_batch_not_supported": ErrorCodeInfo(
            "400",
            "invalid_request",
            False,
            "The input is an array of strings.",
            "api-reference/errors/embeddings_batch_not_supported",
        ),
        "embeddings_input_too_many_items": ErrorCodeInfo(
            "400",
            "invalid_request",
            False,
            "The input has more than 16 parts or 8 pictures.",
            "api-reference/errors/embeddings_input_too_many_items",
        ),
        "embeddings_input_too_large": ErrorCodeInfo(
            "400", "invalid_request", False, "The input is over 128K tokens.", "api-reference/embeddings/limits"
        ),
        "embeddings_video_unsupported": ErrorCodeInfo(
            "400",
            "invalid_request",
            False,
            "The input has a video.",
            "api-reference/errors/embeddings_video_unsupported",
        ),
        "embeddings_unsupported_dimensions": ErrorCodeInfo(
            "400", "invalid_request", False, "The model cannot return that size.", "api-reference/embeddings/dimensions"
        ),
        "prompt_blocked": ErrorCodeInfo("4XX", "invalid_request", False, "Moderation refused the prompt.", "errors"),
        "reference_blocked": ErrorCodeInfo(
            "4XX", "invalid_request", False, "Moderation refused a reference picture.", "errors"
        ),
        "output_moderation_rejected": ErrorCodeInfo(
            "4XX", "invalid_request", False, "Moderation refused the result.", "errors"
        ),
        "output_not_available": ErrorCodeInfo(
            "4XX", "invalid_request", False, "There is no output to fetch.", "errors"
        ),
        "missing_api_key": ErrorCodeInfo("401", "authentication", False, "The request carries no key.", "errors"),
        "invalid_api_key": ErrorCodeInfo(
            "401", "authentication", False, "The key is unknown or its grace period is over.", "errors"
        ),
        "revoked_api_key": ErrorCodeInfo("401", "authentication", False, "The key was revoked.", "errors"),
        "balance_too_low": ErrorCodeInfo(
            "402", "invalid_request", False, "The available credits do not cover the request.", "errors"
        ),
        "missing_scope": ErrorCodeInfo(
            "403", "authentication", False, "The key's scope does not cover the operation.", "authentication"
        ),
        "resource_not_found": ErrorCodeInfo("404", "not_found", False, "There is no such resource.", "errors"),
        "forbidden_resource": ErrorCodeInfo(
            "404", "not_found", False, "The resource belongs to another team.", "errors"
        ),
        "chat_cancel_target_not_found": ErrorCodeInfo(
            "404",
            "not_found",
            False,
            "There is no such completion to cancel.",
            "api-reference/errors/chat_cancel_target_not_found",
        ),
        "idempotency_key_in_use": ErrorCodeInfo(
            "409",
            "invalid_request",
            False,
            "The key was used with another body or route or its first request still runs.",
            "idempotency",
        ),
        "chat_cancel_target_already_terminal": ErrorCodeInfo(
            "409",
            "invalid_request",
            False,
            "The completion to cancel has ended.",
            "api-reference/errors/chat_cancel_target_already_terminal",
        ),
        "chat_cancel_target_not_cancellable": ErrorCodeInfo(
            "409",
            "invalid_request",
            False,
            "The completion to cancel was not streamed or is streamed elsewhere.",
            "api-reference/errors/chat_cancel_target_not_cancellable",
        ),
        "output_expired": ErrorCodeInfo(
            "410", "not_found", False, "The picture or video is older than about 24 hours.", "errors"
        ),
        "too_many_requests": ErrorCodeInfo(
            "429", "rate_limit", True, "The requests-per-minute bucket is empty.", "rate-limits"
        ),
        "tpm_rate_limit_exceeded": ErrorCodeInfo(
            "429",
            "rate_limit",
            True,
            "The tokens-per-minute bucket is empty.",
            "api-reference/errors/tpm_rate_limit_exceeded",
        ),
        "concurrency_limit_exceeded": ErrorCodeInfo(
            "429", "rate_limit", True, "Too many requests run at once.", "errors"
        ),
        "internal_error": ErrorCodeInfo("500", "server_error", True, "The platform failed.", "errors"),
        "chat_provider_auth_failed": ErrorCodeInfo(
            "500",
            "server_error",
            True,
            "The provider refused the platform's own credential.",
            "api-reference/errors/chat_provider_auth_failed",
        ),
        "chat_provider_request_invalid": ErrorCodeInfo(
            "500",
            "server_error",
            True,
            "The provider refused the platform's own request.",
            "api-reference/errors/chat_provider_request_invalid",
        ),
        "chat_provider_unavailable": ErrorCodeInfo(
            "502",
            "server_error",
            True,
            "The provider failed or timed out or hung up.",
            "api-reference/errors/chat_provider_unavailable",
        ),
        "chat_provider_unknown_error": ErrorCodeInfo(
            "502",
            "server_error",
            True,
            "The provider failed in an unknown way.",
            "api-reference/errors/chat_provider_unknown_error",
        ),
        "embeddings_provider_unknown_error": ErrorCodeInfo(
            "502",
            "server_error",
            True,
            "The embedding provider failed in an unknown way.",
            "api-reference/errors/embeddings_provider_unknown_error",
        ),
        "provider_unavailable": ErrorCodeInfo(
            "5XX", "server_error", True, "The provider is down (502 or 503).", "errors"
        ),
        "provider_rate_limited": ErrorCodeInfo(
            "503",
            "rate_limit",
            True,
            "The provider throttles the platform.",
            "api-reference/errors/provider_rate_limited",
        ),
        "provider_timeout": ErrorCodeInfo("504", "server_error", True, "The provider took too long.", "errors"),
    }
)
"""By code."""

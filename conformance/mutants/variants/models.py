"""Faults of the list of models and of the rate limit headers."""

from collections.abc import Mapping
from typing import Any, ClassVar

from mutants.messages import MODELS, Request, Response
from mutants.registry import Behaviour, fault

PAGE = "api-reference/models/list-chat-and-embedding-models"
RATES = "rate-limits"
ROW = "A row has id, object: model, and its kind."
COUNTED = "X-RateLimit-Limit, -Remaining and -Reset are whole numbers; Reset is an epoch second."


def _on_rows(name: str, sentence: str, member: str, value: Any) -> None:
    @fault.response(f"models.{name}", sentence, PAGE)
    def alter(request: Request, response: Response) -> None:
        if request.path != MODELS or response.status != 200:
            return
        for row in response.body["data"]:
            if value is None:
                row.pop(member, None)
                row["aurous_metadata"].pop(member, None)
            else:
                row[member] = value


_on_rows("no_id", ROW, "id", None)
_on_rows("no_object", ROW, "object", None)
_on_rows("other_object", ROW, "object", "llm")
_on_rows("no_kind", ROW, "kind", None)
_on_rows("prices_text", "chat_pricing is {input, output}, each with credits_per_M, or null.", "chat_pricing", "75/450")
_on_rows("prices_bare", "chat_pricing is {input, output}, each with credits_per_M, or null.", "chat_pricing",
         {"input": 75, "output": 450})  # fmt: skip


def _on_listing(name: str, sentence: str, member: str, value: Any) -> None:
    @fault.response(f"models.{name}", sentence, PAGE)
    def alter(request: Request, response: Response) -> None:
        if request.path == MODELS and response.status == 200:
            response.body[member] = value


_on_listing("listing_object", "The body is {object: list, data}.", "object", "models")
_on_listing("null_data", "An empty catalogue is an empty list.", "data", None)


@fault.response("models.bare_list", "The body is {object: list, data}.", PAGE)
def unwrap(request: Request, response: Response) -> None:
    if request.path == MODELS and response.status == 200:
        response.content.value = response.body["data"]


@fault.response("models.served_model_unlisted", "model is a slug from GET /v1/models.", PAGE)
def hide_chat_models(request: Request, response: Response) -> None:
    if request.path == MODELS and response.status == 200:
        response.body["data"][0]["id"] = "aurous-grow-3.0-pro"


@fault.response("models.cap_too_low", "max_output_tokens_hard_cap is the cap of max_tokens.", PAGE)
def lower_cap(request: Request, response: Response) -> None:
    if request.path == MODELS and response.status == 200:
        for row in response.body["data"]:
            if "max_output_tokens_hard_cap" in row["aurous_metadata"]:
                row["aurous_metadata"]["max_output_tokens_hard_cap"] = 4096


@fault.response("models.kinds_swapped", "kind distinguishes chat and embedding models.", PAGE)
def swap_kinds(request: Request, response: Response) -> None:
    if request.path == MODELS and response.status == 200:
        for row in response.body["data"]:
            row["kind"] = "embedding" if row["kind"] == "chat" else "chat"


@fault.response("limits.remaining_text", COUNTED, RATES)
def set_remaining_to_text(request: Request, response: Response) -> None:
    response.headers["x-ratelimit-remaining"] = "many"


@fault.response("limits.remaining_negative", COUNTED, RATES)
def set_remaining_below_zero(request: Request, response: Response) -> None:
    response.headers["x-ratelimit-remaining"] = "-1"


@fault.response("limits.reset_date", COUNTED, RATES)
def set_reset_to_date(request: Request, response: Response) -> None:
    response.headers["x-ratelimit-reset"] = "2026-05-20T12:00:00Z"


@fault.response("limits.remaining_above_limit", "Remaining is at most Limit.", RATES)
def set_remaining_above_limit(request: Request, response: Response) -> None:
    response.headers["x-ratelimit-limit"] = "120"
    response.headers["x-ratelimit-remaining"] = "121"


@fault.behaviour("limits.no_retry_after", "A 429 carries Retry-After.", RATES)
class NoRetryAfter(Behaviour):
    settings: ClassVar[Mapping[str, Any]] = {"requests_per_minute": 60}

    def response(self, request: Request, response: Response) -> None:
        del response.headers["retry-after"]


@fault.behaviour("limits.429_type", "A 429 has type rate_limit.", RATES)
class RateLimitType(Behaviour):
    settings: ClassVar[Mapping[str, Any]] = {"requests_per_minute": 600}

    def response(self, request: Request, response: Response) -> None:
        if response.status == 429 and response.error:
            response.error["type"] = "invalid_request"

"""Faults of error responses: the envelope, its members, codes, types and statuses."""

from typing import Any

from mutants.messages import Bytes, Request, Response, crash, refusal, response
from mutants.registry import Replacement, fault

ERRORS = "errors"
HANDLING = "guides/error-handling"
ENVELOPE = "An error is {error: {type, code, message, doc_url, request_id}}."
CODES = "api-reference/errors/"
CAP = "max_tokens above the model's cap is 400 max_tokens_exceeds_hard_cap, with param max_tokens."
NEVER_5XX = "An invalid request is a 4xx of type invalid_request."
MESSAGES = "messages is required."
SERVED = ("aurous-grow-2.0-pro", "aurous-embed-vision-1.0")


def _drop(member: str) -> None:
    @fault.error(f"envelope.no_{member}", ENVELOPE, HANDLING)
    def drop(error: dict[str, Any]) -> None:
        error.pop(member, None)


for _member in ("type", "code", "message", "doc_url", "request_id"):
    _drop(_member)


@fault.response("envelope.flat", ENVELOPE, HANDLING)
def flatten(request: Request, response: Response) -> None:
    if response.error:
        response.content.value = response.error


@fault.response("envelope.html", "Every error has the documented envelope.", ERRORS)
def answer_html(request: Request, response: Response) -> None:
    if response.status == 404:
        response.content = Bytes(b"<html><body><h1>Not Found</h1></body></html>")
        response.headers["content-type"] = "text/html"


@fault.response("envelope.mislabelled", "Errors are application/json.", "rate-limits")
def label_as_text(request: Request, response: Response) -> None:
    if response.error:
        response.headers["content-type"] = "text/plain; charset=utf-8"


@fault.response("envelope.empty", ENVELOPE, HANDLING)
def empty_body(request: Request, response: Response) -> None:
    if response.status == 400:
        response.content = Bytes(b"")


@fault.error("envelope.relative_doc_url", "doc_url is a link to the documentation of the code.", HANDLING)
def shorten_doc_url(error: dict[str, Any]) -> None:
    error["doc_url"] = f"/errors#{error['code']}"


@fault.error("envelope.openai_type", "type is one of five; invalid_request is not invalid_request_error.", HANDLING)
def type_like_openai(error: dict[str, Any]) -> None:
    if error["type"] == "invalid_request":
        error["type"] = "invalid_request_error"


@fault.error("envelope.param_is_list", "param is the offending parameter, null, or absent.", HANDLING)
def list_params(error: dict[str, Any]) -> None:
    error["param"] = [error.get("param")]


@fault.error("envelope.numeric_code", "code is a stable machine code, a string.", HANDLING)
def use_numbers_as_codes(error: dict[str, Any]) -> None:
    error["code"] = 4001


@fault.error("envelope.code_is_message", "code is a stable machine code.", HANDLING)
def use_message_as_code(error: dict[str, Any]) -> None:
    error["code"] = error["message"]


@fault.error("envelope.message_is_object", "message is text for a person.", HANDLING)
def nest_messages(error: dict[str, Any]) -> None:
    error["message"] = {"en": error["message"]}


@fault.response("status.errors_are_200", "The status of an error is a 4xx or 5xx.", ERRORS)
def change_status_to_200(request: Request, response: Response) -> None:
    if response.status == 400:
        response.status = 200


@fault.response("status.validation_is_500", NEVER_5XX, ERRORS)
def crash_on_invalid_values(request: Request, response: Response) -> None:
    if response.error and response.error["code"] == "value_out_of_range":
        response.become(crash())


@fault.request("status.missing_messages_is_500", NEVER_5XX, ERRORS)
def crash_without_messages(request: Request) -> Replacement:
    if request.creates and request.body and "messages" not in request.body:
        return crash()
    return None


@fault.error("type.validation_is_server_error", NEVER_5XX, ERRORS)
def change_type_to_server_error(error: dict[str, Any]) -> None:
    if error["code"] in ("invalid_format", "missing_field", "value_out_of_range"):
        error["type"] = "server_error"


@fault.error("type.not_found_is_invalid_request", "A 404 has type not_found.", ERRORS)
def change_type_of_not_found(error: dict[str, Any]) -> None:
    if error["type"] == "not_found":
        error["type"] = "invalid_request"


@fault.error("type.conflict", "idempotency_key_in_use has type invalid_request.", "idempotency")
def type_conflicts(error: dict[str, Any]) -> None:
    if error["code"] == "idempotency_key_in_use":
        error["type"] = "conflict"


def _rename(code: str, other: str, sentence: str) -> None:
    @fault.error(f"code.{code}", sentence, CODES + code)
    def rename(error: dict[str, Any]) -> None:
        if error["code"] == code:
            error["code"] = other


_rename("max_tokens_exceeds_hard_cap", "value_out_of_range", CAP)
_rename("tool_choice_required_unsupported", "invalid_format", "tool_choice required is refused with a code of its own.")
_rename("response_format_too_large", "response_format_too_deep", "Each of the two limits has a code of its own.")
_rename("response_format_too_deep", "response_format_too_large", "Each of the two limits has a code of its own.")
_rename("model_wrong_kind", "resource_not_found", "An embedding model on the chat endpoint is model_wrong_kind.")
_rename("chat_cancel_target_not_found", "resource_not_found", "Cancelling an unknown id has a code of its own.")
_rename(
    "chat_cancel_target_already_terminal", "idempotency_key_in_use", "Cancelling what has ended has a code of its own."
)


@fault.error("param.hard_cap", CAP, CODES + "max_tokens_exceeds_hard_cap")
def nullify_param(error: dict[str, Any]) -> None:
    if error["code"] == "max_tokens_exceeds_hard_cap":
        error["param"] = None


@fault.response("status.hard_cap", CAP, CODES + "max_tokens_exceeds_hard_cap")
def change_status_to_413(request: Request, response: Response) -> None:
    if response.error and response.error["code"] == "max_tokens_exceeds_hard_cap":
        response.status = 413


@fault.response(
    "status.tool_choice_required", "tool_choice required is a 400.", CODES + "tool_choice_required_unsupported"
)
def not_implemented(request: Request, response: Response) -> None:
    if response.error and response.error["code"] == "tool_choice_required_unsupported":
        response.status = 501


@fault.response("status.created", "A completion is answered 200.", "api-reference/chat/create-a-chat-completion")
def answer_created(request: Request, response: Response) -> None:
    if request.creates and response.status == 200 and not response.streamed:
        response.status = 201


@fault.response("status.stream_accepted", "A stream is answered 200.", "api-reference/chat/streaming")
def answer_accepted(request: Request, response: Response) -> None:
    if response.streamed:
        response.status = 202


@fault.request("status.unknown_path", "A 404 has the documented envelope.", ERRORS)
def serve_unknown_paths(request: Request) -> Replacement:
    if not request.path.startswith(("/v1/chat/completions", "/v1/models", "/v1/balance")):
        return response(200, {"hello": "world"})
    return None


@fault.request("status.unknown_model_is_500", "An unknown model is a 4xx with the envelope.", ERRORS)
def crash_on_unknown_model(request: Request) -> Replacement:
    model = request.body.get("model")
    if request.creates and isinstance(model, str) and model not in SERVED:
        return crash()
    return None


@fault.request("status.unknown_model_served", "The model is a slug from GET /v1/models.", "api-reference/chat/overview")
def serve_any_model(request: Request) -> Replacement:
    model = request.body.get("model")
    if request.creates and isinstance(model, str) and model not in SERVED and len(model) <= 128:
        request.body["model"] = "aurous-grow-2.0-pro"
    return None


@fault.request("status.method_not_allowed_crashes", NEVER_5XX, ERRORS)
def crash_on_put(request: Request) -> Replacement:
    if request.method in ("PUT", "PATCH", "DELETE"):
        return crash()
    return None


@fault.request("code.missing_field", MESSAGES, ERRORS)
def answer_404_for_missing(request: Request) -> Replacement:
    if request.creates and request.body and "messages" not in request.body:
        return refusal(404, "not_found", "resource_not_found", "No messages.", "messages")
    return None

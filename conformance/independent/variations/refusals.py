"""Variations of refusals: other codes, statuses and members where the pages are silent or disagree."""

from __future__ import annotations

from typing import Any

from ..application import VERSION, Application
from ..changes import VARIATIONS
from ..errors import DOCUMENTATION, ApiError
from ..faults.envelopes import edit_errors
from ..messages import Call, Request, Response
from ..seams import around

ERRORS = "errors"
GUIDE = "guides/error-handling"
_VALIDATION = ("missing_field", "invalid_format", "value_out_of_range")


def _is_validation(call: Call, response: Response) -> bool:
    return call.error is not None and call.error.code in _VALIDATION


@VARIATIONS.plant(ERRORS, "refused_temperature_range", "absent_model", "malformed_json")
def validation_is_422(application: Application) -> None:
    """Bodies that do not fit are refused with 422."""

    def change(call: Call, response: Response) -> None:
        if _is_validation(call, response):
            response.status = 422

    application.seams.response.append(change)


@VARIATIONS.plant(ERRORS, "refused_temperature_range", "absent_model")
def one_code_for_validation(application: Application) -> None:
    """Bodies that do not fit are all refused with invalid_format."""
    edit_errors(application, _is_validation, lambda error: error.update(code="invalid_format"))


@VARIATIONS.plant(ERRORS, "refused_temperature_range", "absent_model")
def own_code_for_validation(application: Application) -> None:
    """Bodies that do not fit are all refused with a code that no page names."""
    edit_errors(application, _is_validation, lambda error: error.update(code="validation_error"))


@VARIATIONS.plant(ERRORS, "refused_model_present", "refused_temperature_type")
def null_counts_as_missing(application: Application) -> None:
    """Values of the wrong type are refused with missing_field, as if they were not there."""

    def change(error: dict[str, Any]) -> None:
        if error["code"] == "invalid_format":
            error["code"] = "missing_field"

    edit_errors(application, lambda call, response: call.error is not None and call.error.param is not None, change)


@VARIATIONS.plant(GUIDE, "refused_temperature_range", "refused_model_known")
def no_param(application: Application) -> None:
    """Errors never have a param, but for the one whose page shows it."""

    def remove(error: dict[str, Any]) -> None:
        if error["code"] != "max_tokens_exceeds_hard_cap":
            error.pop("param", None)

    edit_errors(application, lambda call, response: True, remove)


@VARIATIONS.plant(GUIDE, "retrieve_unknown", "no_key")
def param_null(application: Application) -> None:
    """Errors without a param have a null one."""
    edit_errors(application, lambda call, response: True, lambda error: error.setdefault("param", None))


@VARIATIONS.plant(ERRORS, "retrieve_unknown", "refused_temperature_range")
def doc_url_as_path(application: Application) -> None:
    """doc_url has the older form with the code in its path."""
    edit_errors(
        application,
        lambda call, response: True,
        lambda error: error.update(doc_url=f"{DOCUMENTATION}/api-reference/errors/{error['code']}"),
    )


@VARIATIONS.plant(GUIDE, "retrieve_unknown", "refused_temperature_range")
def errors_with_more_members(application: Application) -> None:
    """Errors have members that no page names."""
    edit_errors(
        application, lambda call, response: True, lambda error: error.update(hint="Read the page.", retryable=False)
    )


@VARIATIONS.plant(ERRORS, "refused_model_known", "refused_model_known_streaming")
def unknown_model_is_422(application: Application) -> None:
    """An unknown model is refused with 422 model_not_found."""

    def change(call: Call, response: Response) -> None:
        if call.error is not None and call.error.code == "resource_not_found" and call.route == "create":
            response.status = 422
            response.document["error"] |= {"code": "model_not_found", "type": "invalid_request"}

    application.seams.response.append(change)


@VARIATIONS.plant(ERRORS, "retrieve_unknown", "retrieve_foreign")
def unknown_completion_is_forbidden_resource(application: Application) -> None:
    """GET answers unknown and foreign ids alike with the code forbidden_resource."""
    edit_errors(
        application,
        lambda call, response: call.route == "retrieve" and response.status == 404,
        lambda error: error.update(code="forbidden_resource"),
    )


@VARIATIONS.plant(ERRORS, "wrong_method")
def wrong_method_is_404(application: Application) -> None:
    """A method that is not allowed is answered with 404."""

    def change(call: Call, response: Response) -> None:
        if response.status == 405:
            error = ApiError("resource_not_found", f"There is no {call.request.method} at this path.")
            response.status, response.document = 404, error.envelope(call.request_id)
            response.headers.pop("Allow", None)

    application.seams.response.append(change)


@VARIATIONS.plant("authentication", "unroutable")
def unroutable_code_of_its_own(application: Application) -> None:
    """Paths that do not exist are answered with a 404 of another wording and code."""
    edit_errors(
        application,
        lambda call, response: response.status == 404 and call.route is None,
        lambda error: error.update(code="route_not_found", message="No route matches."),
    )


@VARIATIONS.plant(ERRORS, "wrong_media_type")
def wrong_media_type_is_400(application: Application) -> None:
    """A body of another media type is refused with 400."""

    def change(call: Call, response: Response) -> None:
        if response.status == 415:
            response.status = 400
            response.document["error"]["code"] = "invalid_format"

    application.seams.response.append(change)


@VARIATIONS.plant(ERRORS, "large_body")
def bodies_of_one_megabyte(application: Application) -> None:
    """Bodies above 1 MiB are refused with 413."""

    @around(application, "handle")
    def handle(original: Any, request: Request) -> Response:
        if len(request.body) > 1024 * 1024 and request.problem is None:
            request.problem = ApiError("payload_too_large", "A body may have 1 MiB at most.")
        return original(request)  # type: ignore[no-any-return]


@VARIATIONS.plant(ERRORS, "nul_bytes", "deep_json")
def hostile_text_is_422(application: Application) -> None:
    """NUL characters and deep nesting are refused with 422 and a code of their own."""

    def change(call: Call, response: Response) -> None:
        if call.error is not None and call.route == "create" and call.body is None and response.status == 400:
            response.status = 422
            response.document["error"]["code"] = "unprocessable_body"

    application.seams.response.append(change)


@VARIATIONS.plant("changelog", "prior_version")
def prior_versions_accepted(application: Application) -> None:
    """Any date before the current version is accepted, and echoed."""

    @around(application, "check_version")
    def check_version(original: Any, call: Call) -> None:
        try:
            original(call)
        except ApiError as error:
            asked = call.request.headers.get("Aurous-Version") or ""
            if error.code != "unknown_version" or asked > VERSION:
                raise
            call.version = asked


@VARIATIONS.plant("changelog", "malformed_version", "impossible_version")
def malformed_version_is_unknown(application: Application) -> None:
    """A malformed Aurous-Version is refused with 422 unknown_version."""

    def change(call: Call, response: Response) -> None:
        if call.error is not None and call.error.param == "Aurous-Version":
            response.status = 422
            response.document["error"]["code"] = "unknown_version"

    application.seams.response.append(change)


@VARIATIONS.plant("api-reference/chat/idempotency", "longer_key")
def keys_of_64_characters(application: Application) -> None:
    """Idempotency keys may have 64 characters at most."""

    @around(application.chat.idempotency, "check_key")
    def check_key(original: Any, key: str) -> None:
        if len(key) > 64:
            raise ApiError("invalid_format", "Idempotency-Key may have 64 characters.", param="Idempotency-Key")
        original(key)


@VARIATIONS.plant("api-reference/chat/idempotency", "aliases")
def key_aliases(application: Application) -> None:
    """Both documented aliases of Idempotency-Key are honoured."""

    @around(application, "handle")
    def handle(original: Any, request: Request) -> Response:
        for name in ("Aurous-Idempotency-Key", "Aurous-Idempotent-Key"):
            value = request.headers.get(name)
            if value is not None:
                request.headers._values.setdefault("idempotency-key", value)
        return original(request)  # type: ignore[no-any-return]


@VARIATIONS.plant("api-reference/chat/create-a-chat-completion", "unasked_members", "create_choices")
def unknown_members_refused(application: Application) -> None:
    """Members of a body that no page names are refused."""
    documented = {
        *("model", "messages", "max_tokens", "temperature", "top_p", "stream", "stream_options", "tools"),
        *("tool_choice", "response_format", "reasoning_effort", "seed", "stop", "presence_penalty"),
        *("frequency_penalty", "logprobs", "top_logprobs", "vision_quality"),
    }

    def refuse(call: Call) -> None:
        unknown = sorted(set(call.body) - documented) if isinstance(call.body, dict) else []
        if unknown:
            raise ApiError("invalid_format", f"{unknown[0]} is not a known parameter.", param=unknown[0])

    application.seams.call.append(refuse)


@VARIATIONS.plant("api-reference/chat/create-a-chat-completion", "top_logprobs_alone")
def top_logprobs_need_logprobs(application: Application) -> None:
    """top_logprobs without logprobs is refused."""

    def refuse(call: Call) -> None:
        if isinstance(call.body, dict) and call.body.get("top_logprobs") and not call.body.get("logprobs"):
            raise ApiError("parameter_invalid_combination", "top_logprobs needs logprobs.", param="top_logprobs")

    application.seams.call.append(refuse)


@VARIATIONS.plant("api-reference/embeddings/url-fetching", "picture")
def data_addresses_refused(application: Application) -> None:
    """Pictures given as data: URIs are refused, as those of embeddings are."""

    def refuse(call: Call) -> None:
        if isinstance(call.body, dict) and b"data:image/" in call.request.body:
            raise ApiError("invalid_format", "A data: URI cannot be fetched.", param="messages[*].content")

    application.seams.call.append(refuse)


@VARIATIONS.plant("idempotency", "in_flight")
def in_flight_message(application: Application) -> None:
    """A second request with the key of one that still runs is refused with another message."""
    edit_errors(
        application,
        lambda call, response: call.error is not None and "still runs" in call.error.message,
        lambda error: error.update(message="Back off and ask again."),
    )


@VARIATIONS.plant("api-reference/chat/idempotency", "stream_keyed_with_bad_key")
def bad_keys_refused_on_streams(application: Application) -> None:
    """A stream whose idempotency key is malformed is refused."""

    def check(call: Call) -> None:
        key = call.request.headers.get("Idempotency-Key")
        if call.streams and key is not None:
            application.chat.idempotency.check_key(key)

    application.seams.call.append(check)

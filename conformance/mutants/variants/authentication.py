"""Faults of authentication, versions and request ids."""

import re

from aurous_mock.settings import DEFAULT_KEY

from mutants.messages import CREATE, MODELS, Bytes, Request, Response, refusal
from mutants.registry import Behaviour, Replacement, fault

AUTHENTICATION = "authentication"
ERRORS = "errors"
CHANGELOG = "changelog"
OVERVIEW = "api-reference/chat/overview"
STREAMING = "api-reference/chat/streaming"

REQUIRED = "A key is required on every operation."
UNKNOWN_KEY = "A wrong key is 401 invalid_api_key, of type authentication."
NO_KEY = "A missing key is 401 missing_api_key, of type authentication."
ECHOED = "The applied version is echoed on every response."
SHAPED = "Aurous-Version is a date, YYYY-MM-DD."
REQUEST_ID = "Every response carries Aurous-Request-Id, req_ and an opaque rest, equal to error.request_id."


@fault.request("auth.bearer_ignored", "Authorization: Bearer is an alias of X-Api-Key.", OVERVIEW)
def ignore_bearer(request: Request) -> Replacement:
    del request.headers["authorization"]
    return None


@fault.request("auth.api_key_ignored", "The key is sent as X-Api-Key.", AUTHENTICATION)
def ignore_api_key(request: Request) -> Replacement:
    del request.headers["x-api-key"]
    return None


@fault.request("auth.any_key_accepted", UNKNOWN_KEY, ERRORS)
def accept_any_key(request: Request) -> Replacement:
    if request.credential and not request.credential.startswith("al_live_1"):
        request.credential = DEFAULT_KEY
    return None


@fault.request("auth.any_bearer_accepted", UNKNOWN_KEY, ERRORS)
def accept_any_bearer(request: Request) -> Replacement:
    if request.headers.get("authorization", "").startswith("Bearer ") and "x-api-key" not in request.headers:
        request.credential = DEFAULT_KEY
    return None


@fault.request("auth.beginning_of_key_suffices", UNKNOWN_KEY, AUTHENTICATION)
def compare_key_prefix(request: Request) -> Replacement:
    # Only the fourteen characters that the dashboard shows are compared.
    if request.credential[:14] == DEFAULT_KEY[:14]:
        request.credential = DEFAULT_KEY
    return None


@fault.request("auth.no_key_accepted", REQUIRED, AUTHENTICATION)
def accept_missing_key(request: Request) -> Replacement:
    if not request.credential:
        request.credential = DEFAULT_KEY
    return None


@fault.request("auth.models_unguarded", REQUIRED, AUTHENTICATION)
def leave_models_unguarded(request: Request) -> Replacement:
    if request.path == MODELS:
        request.credential = DEFAULT_KEY
    return None


@fault.behaviour("auth.records_unguarded", REQUIRED, AUTHENTICATION)
class RecordsUnguarded(Behaviour):
    def request(self, request: Request) -> Replacement:
        if request.retrieves and not request.credential:
            request.credential = DEFAULT_KEY
        return None


@fault.request("auth.cancel_unguarded", REQUIRED, AUTHENTICATION)
def leave_cancel_unguarded(request: Request) -> Replacement:
    if request.cancels and not request.credential:
        request.credential = DEFAULT_KEY
    return None


@fault.error("auth.missing_called_invalid", NO_KEY, ERRORS)
def call_missing_invalid(error: dict[str, object]) -> None:
    if error["code"] == "missing_api_key":
        error["code"] = "invalid_api_key"


@fault.error("auth.invalid_called_missing", UNKNOWN_KEY, ERRORS)
def call_invalid_missing(error: dict[str, object]) -> None:
    if error["code"] == "invalid_api_key":
        error["code"] = "missing_api_key"


@fault.response("auth.wrong_key_forbidden", UNKNOWN_KEY, ERRORS)
def forbid(request: Request, response: Response) -> None:
    if response.error and response.error["code"] == "invalid_api_key":
        response.status = 403


@fault.error("auth.wrong_type", NO_KEY, ERRORS)
def type_as_invalid_request(error: dict[str, object]) -> None:
    if error["type"] == "authentication":
        error["type"] = "invalid_request"


@fault.response("auth.plain_text", "Every error has the documented envelope.", ERRORS)
def send_plain_text(request: Request, response: Response) -> None:
    if response.status == 401:
        response.content = Bytes(b"Unauthorized")
        response.headers["content-type"] = "text/plain"


@fault.response("version.not_echoed", ECHOED, CHANGELOG)
def drop_version(request: Request, response: Response) -> None:
    if response.status < 400 and not response.streamed:
        del response.headers["aurous-version"]


@fault.response("version.not_echoed_on_errors", ECHOED, CHANGELOG)
def drop_version_of_errors(request: Request, response: Response) -> None:
    if response.status >= 400:
        del response.headers["aurous-version"]


@fault.response("version.not_echoed_on_streams", ECHOED, STREAMING)
def drop_version_of_streams(request: Request, response: Response) -> None:
    if response.streamed:
        del response.headers["aurous-version"]


@fault.response("version.not_echoed_on_replays", ECHOED, CHANGELOG)
def drop_version_of_replays(request: Request, response: Response) -> None:
    if response.replayed:
        del response.headers["aurous-version"]


@fault.response("version.other_echoed", ECHOED, CHANGELOG)
def echo_other_version(request: Request, response: Response) -> None:
    response.headers["aurous-version"] = "2026-01-01"


@fault.response("version.echo_misshapen", SHAPED, CHANGELOG)
def echo_without_zeros(request: Request, response: Response) -> None:
    response.headers["aurous-version"] = "2026-5-15"


@fault.request("version.malformed_accepted", SHAPED, CHANGELOG)
def accept_malformed(request: Request) -> Replacement:
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", request.headers.get("aurous-version", "")):
        del request.headers["aurous-version"]
    return None


@fault.response("version.malformed_crashes", SHAPED, CHANGELOG)
def crash_on_malformed(request: Request, response: Response) -> None:
    if response.error and response.error.get("param") == "Aurous-Version":
        response.status = 500


@fault.request("version.current_unknown", "2026-05-15 is the first stable version.", CHANGELOG)
def refuse_current(request: Request) -> Replacement:
    if "aurous-version" not in request.headers:
        return None
    return refusal(400, "invalid_request", "unknown_version", "This version is not known.", "Aurous-Version")


@fault.response("request_id.missing", REQUEST_ID, ERRORS)
def drop_request_id(request: Request, response: Response) -> None:
    if response.status < 400 and not response.streamed:
        del response.headers["aurous-request-id"]


@fault.response("request_id.missing_on_errors", REQUEST_ID, ERRORS)
def drop_request_id_of_errors(request: Request, response: Response) -> None:
    if response.status >= 400:
        del response.headers["aurous-request-id"]


@fault.response("request_id.missing_on_streams", REQUEST_ID, STREAMING)
def drop_request_id_of_streams(request: Request, response: Response) -> None:
    if response.streamed:
        del response.headers["aurous-request-id"]


@fault.error("request_id.envelope_differs", REQUEST_ID, ERRORS)
def change_request_id(error: dict[str, object]) -> None:
    error["request_id"] = "req_01HXMQ7Z3K8Y2ABCDEFGHJKM"


@fault.response("request_id.other_prefix", REQUEST_ID, ERRORS)
def change_prefix(request: Request, response: Response) -> None:
    renamed = "request-" + response.headers.get("aurous-request-id", "")
    response.headers["aurous-request-id"] = renamed
    if response.error:
        response.error["request_id"] = renamed


@fault.response("content_type.plain", "Answers are application/json.", "api-reference/chat/create-a-chat-completion")
def send_as_text(request: Request, response: Response) -> None:
    if not response.streamed and request.path == CREATE:
        response.headers["content-type"] = "text/plain"

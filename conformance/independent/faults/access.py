"""Faults of authentication, of teams and of versions."""

from __future__ import annotations

from typing import Any

from ..accounts import ApiKey
from ..application import VERSION, Application
from ..changes import FAULTS
from ..completions import Completion
from ..errors import ApiError
from ..messages import Call, Response
from ..request_headers import Headers
from ..seams import around

AUTHENTICATION = "authentication"


def _first_key(application: Application) -> ApiKey:
    return next(iter(application.keys.keys.values()))


@FAULTS.plant("api-reference/chat/overview", "bearer")
def bearer_refused(application: Application) -> None:
    """A bearer token is not accepted as a key."""

    @around(application.keys, "credential")
    def credential(original: Any, headers: Headers) -> Any:
        return headers.get("X-Api-Key")


@FAULTS.plant("api-reference/chat/overview", "bearer")
def bearer_refused_on_balance(application: Application) -> None:
    """A bearer token is not accepted as a key by GET /v1/balance."""

    def refuse(call: Call, response: Response) -> None:
        if call.route == "balance" and call.request.headers.get("X-Api-Key") is None and call.error is None:
            error = ApiError("missing_api_key", "Send your API key in X-Api-Key.")
            response.status, response.document = 401, error.envelope(call.request_id)

    application.seams.response.append(refuse)


@FAULTS.plant("errors", "wrong_key", "cut_key", "upper_case_key")
def any_prefixed_key_accepted(application: Application) -> None:
    """Any X-Api-Key that begins with al_live_ is accepted."""

    @around(application.keys, "find")
    def find(original: Any, credential: str) -> Any:
        return original(credential) or (_first_key(application) if credential[:8].lower() == "al_live_" else None)


@FAULTS.plant("errors", "wrong_bearer")
def any_bearer_accepted(application: Application) -> None:
    """Any bearer token is accepted."""

    @around(application.keys, "authenticate")
    def authenticate(original: Any, headers: Headers, method: str) -> Any:
        if headers.get("X-Api-Key") is None and headers.get("Authorization"):
            return _first_key(application)
        return original(headers, method)


@FAULTS.plant("errors", "cut_key")
def cut_key_accepted(application: Application) -> None:
    """A key whose last character is missing is accepted."""

    @around(application.keys, "find")
    def find(original: Any, credential: str) -> Any:
        known = (key for text, key in application.keys.keys.items() if text[:-1] == credential)
        return original(credential) or next(known, None)


@FAULTS.plant("errors", "upper_case_key")
def key_compared_without_case(application: Application) -> None:
    """Keys are compared without regard to case."""

    @around(application.keys, "find")
    def find(original: Any, credential: str) -> Any:
        known = (key for text, key in application.keys.keys.items() if text.lower() == credential.lower())
        return next(known, None)


@FAULTS.plant(AUTHENTICATION, "no_key")
def models_without_a_key(application: Application) -> None:
    """GET /v1/models needs no key."""

    def answer(call: Call, response: Response) -> None:
        if call.error is not None and call.error.code == "missing_api_key" and call.route == "models":
            rows = [model.row() for model in application.chat.models.values()]
            response.status, response.document = 200, {"object": "list", "data": rows}

    application.seams.response.append(answer)


@FAULTS.plant("errors", "no_key", "no_key_streaming")
def no_key_is_invalid_key(application: Application) -> None:
    """A request to create a completion without a key is answered with the code invalid_api_key."""

    def change(call: Call, response: Response) -> None:
        if call.error is not None and call.error.code == "missing_api_key" and call.route == "create":
            response.document["error"]["code"] = "invalid_api_key"

    application.seams.response.append(change)


@FAULTS.plant("errors", "wrong_key", "wrong_bearer")
def wrong_key_is_403(application: Application) -> None:
    """A wrong key is answered with 403 by the routes of completions."""

    def change(call: Call, response: Response) -> None:
        if call.error is not None and call.error.code == "invalid_api_key" and call.about_chat:
            response.status = 403

    application.seams.response.append(change)


@FAULTS.plant("errors", "no_key_streaming")
def no_key_streaming_is_400(application: Application) -> None:
    """A stream asked for without a key is answered with 400."""

    def change(call: Call, response: Response) -> None:
        if response.status == 401 and b'"stream": true' in call.request.body.replace(b":t", b": t"):
            response.status = 400

    application.seams.response.append(change)


def _any_team(application: Application, when: Any) -> None:
    @around(application.chat, "find")
    def find(original: Any, call: Call) -> Completion | None:
        completion = application.chat.completions.get(call.target)
        return completion if completion is not None and when(call, completion) else original(call)


@FAULTS.plant("api-reference/chat/retrieve-a-stored-chat-completion", "retrieve_foreign", "retrieve_foreign_stream")
def foreign_completion_retrieved(application: Application) -> None:
    """Completions of other teams can be retrieved."""
    _any_team(application, lambda call, completion: call.route == "retrieve")


@FAULTS.plant("api-reference/chat/retrieve-a-stored-chat-completion", "retrieve_foreign_stream")
def foreign_stream_retrieved(application: Application) -> None:
    """Streamed completions of other teams can be retrieved."""
    _any_team(application, lambda call, completion: call.route == "retrieve" and completion.request.stream)


@FAULTS.plant("api-reference/errors/chat_cancel_target_not_found", "cancel_foreign")
def foreign_stream_cancelled(application: Application) -> None:
    """Running streams of other teams can be cancelled."""
    _any_team(application, lambda call, completion: call.route == "cancel" and completion.status == "in_progress")


@FAULTS.plant("api-reference/errors/chat_cancel_target_not_found", "cancel_foreign_completed")
def foreign_completion_known_to_cancel(application: Application) -> None:
    """Cancelling a completion of another team reveals that it has ended."""
    _any_team(application, lambda call, completion: call.route == "cancel" and completion.status != "in_progress")


@FAULTS.plant("errors", "retrieve_foreign", "retrieve_foreign_stream")
def foreign_completion_told_apart(application: Application) -> None:
    """A completion of another team has a 404 of its own, with another code."""

    def change(call: Call, response: Response) -> None:
        if response.status == 404 and call.route == "retrieve" and call.target in application.chat.completions:
            response.document["error"]["code"] = "forbidden_resource"

    application.seams.response.append(change)


@FAULTS.plant("changelog", "malformed_version", "malformed_version_streaming")
def malformed_version_accepted(application: Application) -> None:
    """An Aurous-Version that is not a date is accepted."""

    @around(application, "check_version")
    def check_version(original: Any, call: Call) -> None:
        asked = call.request.headers.get("Aurous-Version") or VERSION
        if asked[:4].isdigit():
            original(call)


@FAULTS.plant("changelog", "malformed_version_streaming")
def malformed_version_accepted_in_streams(application: Application) -> None:
    """An Aurous-Version that is not a date is accepted when a stream is asked for."""

    @around(application, "check_version")
    def check_version(original: Any, call: Call) -> None:
        if b'"stream":true' not in call.request.body.replace(b": ", b":"):
            original(call)


@FAULTS.plant("changelog", "malformed_version", "impossible_version", "prior_version")
def versions_unchecked_on_get(application: Application) -> None:
    """GET ignores Aurous-Version."""

    @around(application, "check_version")
    def check_version(original: Any, call: Call) -> None:
        if call.request.method != "GET":
            original(call)


@FAULTS.plant("changelog", "malformed_version", "malformed_version_streaming")
def malformed_version_echoed(application: Application) -> None:
    """A malformed Aurous-Version is echoed as the one that was applied."""

    def change(call: Call, response: Response) -> None:
        asked = call.request.headers.get("Aurous-Version")
        if asked is not None and not asked[:4].isdigit():
            response.headers["Aurous-Version"] = asked

    application.seams.response.append(change)

"""Faults of the error envelope, and of the responses to hostile input."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..application import Application
from ..changes import FAULTS
from ..errors import ApiError
from ..identifiers import new_id
from ..messages import Call, Response

ENVELOPE = "guides/error-handling"


def edit_errors(
    application: Application, when: Callable[[Call, Response], bool], edit: Callable[[dict[str, Any]], object]
) -> None:
    """Change the `error` member of the error responses that `when` accepts."""

    def change(call: Call, response: Response) -> None:
        if call.error is not None and when(call, response):
            edit(response.document["error"])

    application.seams.response.append(change)


@FAULTS.plant(ENVELOPE, "retrieve_unknown")
def request_id_missing_in_404(application: Application) -> None:
    """The envelope of a 404 has no request_id."""
    edit_errors(application, lambda call, response: response.status == 404, lambda error: error.pop("request_id"))


@FAULTS.plant("errors", "conflict")
def request_id_differs_in_409(application: Application) -> None:
    """The request_id in the envelope of a 409 is not that of Aurous-Request-Id."""
    edit_errors(
        application, lambda call, response: response.status == 409, lambda error: error.update(request_id=new_id("req"))
    )


@FAULTS.plant("errors", "several_errors")
def request_id_repeats(application: Application) -> None:
    """Every refused completion has the same request id."""
    request_id = new_id("req")

    def change(call: Call, response: Response) -> None:
        if call.error is not None and call.route == "create":
            response.headers["Aurous-Request-Id"] = response.document["error"]["request_id"] = request_id

    application.seams.response.append(change)


@FAULTS.plant(ENVELOPE, "refused_temperature_range")
def type_of_openai(application: Application) -> None:
    """The type of refused bodies is OpenAI's invalid_request_error."""
    edit_errors(
        application,
        lambda call, response: response.status == 400,
        lambda error: error.update(type="invalid_request_error"),
    )


@FAULTS.plant("errors", "no_key")
def type_of_401_wrong(application: Application) -> None:
    """The type of a 401 is invalid_request."""
    edit_errors(
        application, lambda call, response: response.status == 401, lambda error: error.update(type="invalid_request")
    )


@FAULTS.plant("errors", "retrieve_unknown")
def type_of_404_wrong(application: Application) -> None:
    """The type of a 404 of GET is invalid_request."""
    edit_errors(
        application,
        lambda call, response: response.status == 404 and call.route == "retrieve",
        lambda error: error.update(type="invalid_request"),
    )


@FAULTS.plant("api-reference/errors/chat_cancel_target_already_terminal", "cancel_completed")
def type_of_cancel_conflict_wrong(application: Application) -> None:
    """The type of a 409 of a cancel is server_error."""
    edit_errors(
        application,
        lambda call, response: response.status == 409 and call.route == "cancel",
        lambda error: error.update(type="server_error"),
    )


@FAULTS.plant(ENVELOPE, "refused_top_p_range_streaming")
def message_missing_in_streams(application: Application) -> None:
    """The refusal of a stream has no message."""
    edit_errors(
        application,
        lambda call, response: response.status == 400 and call.streams,
        lambda error: error.pop("message"),
    )


@FAULTS.plant(ENVELOPE, "no_key")
def code_missing_in_401(application: Application) -> None:
    """The envelope of a 401 has no code."""
    edit_errors(application, lambda call, response: response.status == 401, lambda error: error.pop("code"))


@FAULTS.plant(ENVELOPE, "refused_temperature_range")
def doc_url_relative(application: Application) -> None:
    """The doc_url of a refused body is a relative address."""
    edit_errors(
        application,
        lambda call, response: response.status == 400,
        lambda error: error.update(doc_url=f"/errors#{error['code']}"),
    )


@FAULTS.plant(ENVELOPE, "refused_temperature_range")
def param_is_a_list(application: Application) -> None:
    """The param of a refused body is a list."""
    edit_errors(
        application,
        lambda call, response: response.status == 400 and "param" in response.document["error"],
        lambda error: error.update(param=[error["param"]]),
    )


@FAULTS.plant(ENVELOPE, "cancel_unknown", "no_key")
def envelope_unwrapped(application: Application) -> None:
    """The error of a cancel is not inside an error member."""

    def unwrap(call: Call, response: Response) -> None:
        if call.error is not None and call.route == "cancel":
            response.document = response.document["error"]

    application.seams.response.append(unwrap)


@FAULTS.plant(ENVELOPE, "refused_temperature_range_streaming")
def refusal_of_a_stream_is_200(application: Application) -> None:
    """A stream is refused with a 200 with an error in its body."""

    def change(call: Call, response: Response) -> None:
        if response.status == 400 and call.streams:
            response.status = 200

    application.seams.response.append(change)


@FAULTS.plant(ENVELOPE, "unroutable")
def unroutable_is_a_page(application: Application) -> None:
    """A path that does not exist is answered with a page instead of the envelope."""

    def change(call: Call, response: Response) -> None:
        if response.status == 404 and call.route is None:
            response.body = b"<html><body><h1>Not Found</h1></body></html>"
            response.headers["Content-Type"] = "text/html"

    application.seams.response.append(change)


@FAULTS.plant(ENVELOPE, "wrong_method")
def wrong_method_has_no_body(application: Application) -> None:
    """A method that is not allowed is answered without a body."""

    def change(call: Call, response: Response) -> None:
        if response.status == 405:
            response.body = b""

    application.seams.response.append(change)


def _break(application: Application, when: Callable[[Call, Response], bool]) -> None:
    def change(call: Call, response: Response) -> None:
        if call.error is not None and when(call, response):
            response.status = 500
            failure = ApiError("internal_error", "The platform failed.")
            response.document = failure.envelope(call.request_id)

    application.seams.response.append(change)


@FAULTS.plant("errors", "malformed_json")
def malformed_json_is_500(application: Application) -> None:
    """A body that is not JSON is answered with a 500."""
    _break(application, lambda call, response: call.route == "create" and call.body is None and response.status == 400)


@FAULTS.plant("errors", "nul_bytes")
def nul_is_500(application: Application) -> None:
    """A body with a NUL character is answered with a 500."""
    _break(application, lambda call, response: rb"\u0000" in call.request.body)


@FAULTS.plant("errors", "deep_json")
def deep_json_is_500(application: Application) -> None:
    """A deeply nested body is answered with a 500."""
    _break(application, lambda call, response: call.request.body.count(b"[") > 200)


@FAULTS.plant("errors", "huge_body")
def huge_body_is_500(application: Application) -> None:
    """A body of more than 10 MiB is answered with a 500."""
    _break(application, lambda call, response: response.status == 413)


@FAULTS.plant("errors", "large_body")
def large_body_is_503(application: Application) -> None:
    """A prompt beyond the context window is answered with a 503."""

    def change(call: Call, response: Response) -> None:
        if call.error is not None and call.error.code == "max_input_tokens_exceeded":
            response.status = 503

    application.seams.response.append(change)


@FAULTS.plant("errors", "refused_temperature_type_streaming")
def wrong_types_are_500_in_streams(application: Application) -> None:
    """A value of the wrong type is answered with a 500 when a stream is asked for."""
    _break(application, lambda call, response: call.streams and call.error is not None and "_format" in call.error.code)


@FAULTS.plant("errors", "odd_ids")
def odd_id_is_500(application: Application) -> None:
    """An id with a character outside of ASCII, or a control character, is answered with a 500."""
    _break(
        application,
        lambda call, response: call.route == "retrieve" and not (call.target.isascii() and call.target.isprintable()),
    )


@FAULTS.plant("errors", "refused_model_known", "refused_model_known_streaming")
def unknown_model_is_500(application: Application) -> None:
    """An unknown model is answered with a 500."""
    _break(application, lambda call, response: call.error is not None and call.error.param == "model")


@FAULTS.plant("errors", "absent_model", "absent_messages")
def missing_field_is_403(application: Application) -> None:
    """A missing field is answered with a 403."""

    def change(call: Call, response: Response) -> None:
        if call.error is not None and call.error.code == "missing_field":
            response.status = 403

    application.seams.response.append(change)

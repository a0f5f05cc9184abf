"""Faults of records: while they run, when they are cancelled, and when their client disconnects."""

from __future__ import annotations

import threading
from typing import Any

from ..application import Application
from ..changes import FAULTS
from ..completions import Completion
from ..errors import ApiError
from ..messages import Call, Response
from ..seams import around
from .documents import edit_documents

CANCEL = "api-reference/chat/cancel-an-in-flight-chat-completion"
RETRIEVE = "api-reference/chat/retrieve-a-stored-chat-completion"
STREAMING = "api-reference/chat/streaming"


@FAULTS.plant(RETRIEVE, "in_progress")
def running_says_completed(application: Application) -> None:
    """A stream that still runs has the status completed."""
    edit_documents(
        application,
        lambda call, completion: completion.status == "in_progress",
        lambda document: document.update(status="completed"),
    )


@FAULTS.plant(RETRIEVE, "in_progress")
def running_not_found(application: Application) -> None:
    """A stream that still runs cannot be retrieved."""

    @around(application.chat, "find")
    def find(original: Any, call: Call) -> Completion | None:
        completion: Completion | None = original(call)
        if call.route == "retrieve" and completion is not None and completion.status == "in_progress":
            return None
        return completion


@FAULTS.plant(RETRIEVE, "in_progress")
def running_has_a_finish_reason(application: Application) -> None:
    """A stream that still runs has the finish_reason stop."""
    edit_documents(
        application,
        lambda call, completion: completion.status == "in_progress",
        lambda document: document["choices"][0].update(finish_reason="stop"),
    )


@FAULTS.plant(RETRIEVE, "stream_text", "stream_tools")
def streams_not_stored(application: Application) -> None:
    """A streamed completion cannot be retrieved once it has ended."""

    @around(application.chat, "find")
    def find(original: Any, call: Call) -> Completion | None:
        completion: Completion | None = original(call)
        if call.route == "retrieve" and completion is not None and completion.request.stream:
            return completion if completion.status != "completed" else None
        return completion


@FAULTS.plant(CANCEL, "stream_cancelled")
def cancel_does_not_stop_the_stream(application: Application) -> None:
    """A cancelled stream goes on to its end, and its record becomes completed."""

    @around(application.chat, "cancel")
    def cancel(original: Any, call: Call) -> Response:
        completion = application.chat.find(call)
        if completion is None or completion.status != "in_progress":
            return original(call)  # type: ignore[no-any-return]
        document = completion.document() | {"status": "cancelled"}
        document["choices"][0]["finish_reason"] = "cancelled"  # pyright: ignore[reportIndexIssue]
        document["error"] = {"code": "cancelled_by_request", "type": "invalid_request", "message": "Cancelled."}
        return Response(document=document)


@FAULTS.plant(CANCEL, "stream_cancelled")
def cancel_answers_204(application: Application) -> None:
    """A cancel is answered with 204 and no body."""

    def change(call: Call, response: Response) -> None:
        if call.route == "cancel" and response.status == 200:
            response.status, response.body = 204, b""

    application.seams.response.append(change)


@FAULTS.plant(CANCEL, "stream_cancelled", "cancelled_later")
def cancelled_without_error(application: Application) -> None:
    """A cancelled record has no error."""
    edit_documents(
        application,
        lambda call, completion: completion.status == "cancelled",
        lambda document: document.pop("error", None),
    )


@FAULTS.plant(CANCEL, "stream_cancelled")
def cancelled_says_failed(application: Application) -> None:
    """A cancelled record has the status failed."""
    edit_documents(
        application,
        lambda call, completion: completion.error_code == "cancelled_by_request",
        lambda document: document.update(status="failed"),
    )


@FAULTS.plant(CANCEL, "stream_cancelled")
def cancelled_says_more_than_was_sent(application: Application) -> None:
    """The record of a cancelled stream has the whole answer, not only what was sent."""

    def change(call: Call, completion: Completion, document: dict[str, Any]) -> None:
        if completion.error_code == "cancelled_by_request":
            document["choices"][0]["message"]["content"] = "".join(piece.text for piece in completion.answer.pieces)

    application.seams.document.append(change)


@FAULTS.plant(CANCEL, "cancel_completed", "cancel_completed_stream")
def completed_can_be_cancelled(application: Application) -> None:
    """Cancelling a completed completion is answered with 200."""
    _answer_cancel(application, "completed")


@FAULTS.plant(CANCEL, "cancel_twice")
def cancelled_can_be_cancelled(application: Application) -> None:
    """Cancelling a cancelled completion again is answered with 200."""
    _answer_cancel(application, "cancelled")


def _answer_cancel(application: Application, status: str) -> None:
    @around(application.chat, "cancel")
    def cancel(original: Any, call: Call) -> Response:
        completion = application.chat.find(call)
        if completion is not None and completion.status == status:
            return application.chat.retrieve(call)
        return original(call)  # type: ignore[no-any-return]


def _rename_cancel_error(application: Application, old: str, new: str, status: int) -> None:
    def change(call: Call, response: Response) -> None:
        if call.error is not None and call.error.code == old:
            response.status, response.document["error"]["code"] = status, new

    application.seams.response.append(change)


@FAULTS.plant("api-reference/errors/chat_cancel_target_not_found", "cancel_unknown", "cancel_foreign")
def cancel_unknown_code_wrong(application: Application) -> None:
    """Cancelling an unknown id is answered with the code resource_not_found."""
    _rename_cancel_error(application, "chat_cancel_target_not_found", "resource_not_found", 404)


@FAULTS.plant("api-reference/errors/chat_cancel_target_not_found", "cancel_unknown", "cancel_foreign")
def cancel_unknown_is_409(application: Application) -> None:
    """Cancelling an unknown id is answered with 409."""
    _rename_cancel_error(application, "chat_cancel_target_not_found", "chat_cancel_target_not_found", 409)


@FAULTS.plant("api-reference/errors/chat_cancel_target_already_terminal", "cancel_completed", "cancel_twice")
def cancel_terminal_is_400(application: Application) -> None:
    """Cancelling a completion that has ended is answered with 400."""
    _rename_cancel_error(application, "chat_cancel_target_already_terminal", "chat_cancel_target_already_terminal", 400)


@FAULTS.plant("api-reference/errors/chat_cancel_target_already_terminal", "cancel_completed_stream")
def cancel_terminal_code_wrong(application: Application) -> None:
    """Cancelling a completion that has ended is answered with the code generation_not_cancellable."""
    _rename_cancel_error(application, "chat_cancel_target_already_terminal", "generation_not_cancellable", 409)


def _on_disconnect(application: Application, handle: Any) -> None:
    """Do something else than cancelling when a client disconnects before its stream has ended."""

    @around(application.chat, "abandon")
    def abandon(original: Any, completion: Completion) -> None:
        if completion.status == "in_progress":
            handle(original, completion)


@FAULTS.plant(STREAMING, "disconnected", "spent_disconnected")
def disconnect_unnoticed(application: Application) -> None:
    """A completion whose client disconnects stays in progress forever."""
    _on_disconnect(application, lambda abandon, completion: None)


@FAULTS.plant(STREAMING, "disconnected")
def disconnect_noticed_late(application: Application) -> None:
    """A completion whose client disconnects is cancelled only after 12 seconds."""
    _on_disconnect(application, lambda abandon, completion: application.clock.after(12, lambda: abandon(completion)))


@FAULTS.plant(STREAMING, "disconnected")
def disconnect_completes(application: Application) -> None:
    """A completion whose client disconnects becomes completed."""

    def complete(abandon: Any, completion: Completion) -> None:
        completion.produced = len(completion.answer.pieces)
        application.chat.complete(completion)

    _on_disconnect(application, complete)


@FAULTS.plant(STREAMING, "disconnected", "spent_disconnected")
def disconnect_fails(application: Application) -> None:
    """A completion whose client disconnects becomes failed, at no charge."""
    _on_disconnect(
        application, lambda abandon, completion: application.chat.end(completion, "failed", "stop", "internal_error")
    )


@FAULTS.plant("api-reference/chat/streaming", "spent_disconnected")
def disconnect_charges_the_hold(application: Application) -> None:
    """A completion whose client disconnects is charged the whole of what was held."""

    @around(application.chat, "settle")
    def settle(original: Any, completion: Completion) -> None:
        if completion.error_code == "cancelled_client_disconnect":
            completion.team.ledger.settle(completion.id, completion.hold())
        else:
            original(completion)


@FAULTS.plant(RETRIEVE, "retrieve_twice")
def retrievable_only_once(application: Application) -> None:
    """A completion can be retrieved only once."""
    seen: set[str] = set()
    lock = threading.Lock()

    @around(application.chat, "retrieve")
    def retrieve(original: Any, call: Call) -> Response:
        with lock:
            if call.target in seen:
                raise ApiError("resource_not_found", f"There is no completion {call.target!r}.")
            response: Response = original(call)
            if response.document["status"] != "in_progress":
                seen.add(call.target)
            return response

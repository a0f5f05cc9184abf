"""Faults of stored completions: retrieving and cancelling them."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

from mutants.messages import Bytes, Frame, Request, Response, crash, refusal, response
from mutants.registry import Behaviour, Frames, Replacement, fault

GET_PAGE = "api-reference/chat/retrieve-a-stored-chat-completion"
CANCEL_PAGE = "api-reference/chat/cancel-an-in-flight-chat-completion"
CODES = "api-reference/errors/"
EQUAL = "A completion is retrieved as it was created, with its charge."
UNKNOWN = "An unknown id is 404, of type not_found."
FOREIGN = "Another team's id cannot be distinguished from an unknown one."
RUNNING = "The record of a running stream has status in_progress."
CANCELLED = "Cancelling is answered 200 with the record, whose status is cancelled."
ENDED = "Cancelling a completion that has ended is 409 chat_cancel_target_already_terminal."


def _on_record(name: str, sentence: str, alter: Callable[[dict[str, Any]], Any]) -> None:
    @fault.response(f"retrieval.{name}", sentence, GET_PAGE)
    def change(request: Request, response: Response) -> None:
        if request.retrieves and response.completion:
            alter(response.completion)


def _rewrite(body: dict[str, Any], change: Callable[[str], str]) -> None:
    message = body["choices"][0]["message"]
    message["content"] = change(message["content"]) if message["content"] else message["content"]


_on_record("content_trimmed", EQUAL, lambda body: _rewrite(body, lambda text: text[:-1]))
_on_record("content_lost", EQUAL, lambda body: body["choices"][0]["message"].update(content=None))
_on_record("created_again", EQUAL, lambda body: body.update(created=body["created"] + 1))
_on_record("id_renamed", EQUAL, lambda body: body.update(id=body["id"] + "0"))
_on_record("calls_lost", EQUAL, lambda body: body["choices"][0]["message"].pop("tool_calls", None))
_on_record("finish_lost", EQUAL, lambda body: body["choices"][0].update(finish_reason="length"))
_on_record("charge_rounded", EQUAL, lambda body: body["usage"].update(credits_charged=0.0))
_on_record("always_running", EQUAL, lambda body: body.update(status="in_progress"))


@fault.behaviour("retrieval.latest_record", "An id retrieves its own completion.", GET_PAGE)
class LatestRecord(Behaviour):
    def __init__(self) -> None:
        self._latest: Any = None

    def response(self, request: Request, response: Response) -> None:
        if request.retrieves and response.completion and self._latest:
            response.content.value = deepcopy(self._latest)
        elif request.creates and response.completion:
            self._latest = deepcopy(response.body)


@fault.behaviour("retrieval.only_once", "A completion can be retrieved later, and again.", GET_PAGE)
class OnlyOnce(Behaviour):
    def __init__(self) -> None:
        self._seen: set[str] = set()

    def response(self, request: Request, response: Response) -> None:
        if request.retrieves and response.completion:
            if request.path in self._seen:
                response.become(_not_found())
            self._seen.add(request.path)


def _not_found(code: str = "resource_not_found") -> Response:
    return refusal(404, "not_found", code, "No completion has this id.", "id")


class StreamsOf(Behaviour):
    """Tracks the ids of streams."""

    def __init__(self) -> None:
        self.streamed: set[str] = set()
        self.ended: set[str] = set()

    def frame(self, request: Request, frame: Frame) -> Frames:
        if frame.body.get("id"):
            self.streamed.add(frame.body["id"])
            if frame.is_final:
                self.ended.add(frame.body["id"])
        return None


@fault.behaviour("retrieval.streams_not_stored", "Every completion can be retrieved, streamed ones too.", GET_PAGE)
class StreamsNotStored(StreamsOf):
    def response(self, request: Request, response: Response) -> None:
        if request.retrieves and request.completion_id in self.streamed:
            response.become(_not_found())


@fault.behaviour("retrieval.streams_never_end", EQUAL, GET_PAGE)
class StreamsNeverEnd(StreamsOf):
    def response(self, request: Request, response: Response) -> None:
        if request.retrieves and request.completion_id in self.streamed and response.completion:
            response.body["status"] = "in_progress"


@fault.behaviour("retrieval.stream_other_words", "The record has the text of the stream.", GET_PAGE)
class StreamOtherWords(StreamsOf):
    def response(self, request: Request, response: Response) -> None:
        if request.retrieves and request.completion_id in self.streamed and response.completion:
            _rewrite(response.body, lambda text: text + " ")


@fault.behaviour("retrieval.stream_other_receipt", "The record has the receipt of the stream.", GET_PAGE)
class StreamOtherReceipt(StreamsOf):
    def response(self, request: Request, response: Response) -> None:
        if request.retrieves and request.completion_id in self.ended and response.completion:
            usage = response.body["usage"]
            usage["credits_charged"] = round(usage["credits_charged"] + 0.01, 6)
            usage["breakdown"]["output_credits"] = round(usage["breakdown"]["output_credits"] + 0.01, 6)


@fault.response("retrieval.running_hidden", RUNNING, GET_PAGE)
def hide_running(request: Request, response: Response) -> None:
    if request.retrieves and response.body.get("status") == "in_progress":
        response.become(_not_found())


@fault.response("retrieval.running_called_completed", RUNNING, GET_PAGE)
def call_running_completed(request: Request, response: Response) -> None:
    if request.retrieves and response.body.get("status") == "in_progress":
        response.body["status"] = "completed"


def _on_unknown(name: str, replacement: Response, sentence: str = UNKNOWN) -> None:
    @fault.response(f"retrieval.{name}", sentence, GET_PAGE)
    def change(request: Request, response: Response) -> None:
        if request.retrieves and response.status == 404:
            response.become(deepcopy(replacement))


_on_unknown("unknown_is_400", refusal(400, "invalid_request", "invalid_format", "No such id.", "id"))
_on_unknown("unknown_is_410", refusal(410, "not_found", "output_expired", "Gone.", "id"))
_on_unknown("unknown_is_500", crash())
_on_unknown("unknown_is_null", response(200, None))
_on_unknown("unknown_is_empty_list", response(200, {"object": "list", "data": []}))


class Owners(Behaviour):
    """Tracks which key created each completion."""

    def __init__(self) -> None:
        self.owners: dict[str, str] = {}

    def response(self, request: Request, response: Response) -> None:
        if request.creates and response.completion:
            self.owners[response.body["id"]] = request.credential
        elif self._is_foreign(request) and response.status == 404:
            self.foreign(request, response)

    def frame(self, request: Request, frame: Frame) -> Frames:
        if frame.body.get("id"):
            self.owners[frame.body["id"]] = request.credential
        return None

    def _is_foreign(self, request: Request) -> bool:
        owner = self.owners.get(request.completion_id)
        return owner is not None and owner != request.credential and request.credential.startswith("al_live_")

    def foreign(self, request: Request, response: Response) -> None:
        """Called when a team requests the record of another."""


@fault.behaviour("retrieval.foreign_visible", FOREIGN, GET_PAGE)
class ForeignVisible(Owners):
    def request(self, request: Request) -> Replacement:
        if request.retrieves and self._is_foreign(request):
            request.credential = self.owners[request.completion_id]
        return None


@fault.behaviour("retrieval.foreign_forbidden", FOREIGN, GET_PAGE)
class ForeignForbidden(Owners):
    def foreign(self, request: Request, response: Response) -> None:
        if request.retrieves:
            response.become(refusal(403, "authentication", "missing_scope", "This is not yours."))


@fault.behaviour("retrieval.foreign_told_apart", FOREIGN, GET_PAGE)
class ForeignToldApart(Owners):
    def foreign(self, request: Request, response: Response) -> None:
        if request.retrieves:
            response.become(_not_found("forbidden_resource"))


@fault.behaviour("retrieval.foreign_hinted_at", FOREIGN, GET_PAGE)
class ForeignHintedAt(Owners):
    def foreign(self, request: Request, response: Response) -> None:
        if response.error and request.retrieves:
            response.error["message"] = "This completion belongs to another team."


@fault.behaviour("cancel.foreign_allowed", FOREIGN, CANCEL_PAGE)
class ForeignCancelAllowed(Owners):
    def request(self, request: Request) -> Replacement:
        if request.cancels and self._is_foreign(request):
            request.credential = self.owners[request.completion_id]
        return None


@fault.behaviour("cancel.foreign_forbidden", FOREIGN, CANCEL_PAGE)
class ForeignCancelForbidden(Owners):
    def foreign(self, request: Request, response: Response) -> None:
        if request.cancels:
            response.become(refusal(403, "authentication", "missing_scope", "This is not yours."))


def _on_cancel(name: str, sentence: str, alter: Callable[[Response], Any]) -> None:
    @fault.response(f"cancel.{name}", sentence, CANCEL_PAGE)
    def change(request: Request, response: Response) -> None:
        if request.cancels and response.completion:
            alter(response)


_on_cancel("answered_202", CANCELLED, lambda response: setattr(response, "status", 202))
_on_cancel("answered_empty", CANCELLED, lambda response: setattr(response, "content", Bytes(b"{}")))
_on_cancel("status_completed", CANCELLED, lambda response: response.body.update(status="completed"))
_on_cancel("answers_acknowledgement", CANCELLED, lambda response: setattr(response, "content", Bytes(b'{"ok":true}')))


@fault.completion("cancel.without_error", "error is present if status is cancelled.", CANCEL_PAGE)
def drop_error(body: dict[str, Any]) -> None:
    body.pop("error", None)


@fault.response("cancel.record_completed", "A cancelled completion stays cancelled.", CANCEL_PAGE)
def complete_record(request: Request, response: Response) -> None:
    if request.retrieves and response.body.get("status") == "cancelled":
        response.body["status"] = "completed"
        response.body.pop("error", None)


@fault.request("cancel.without_effect", "Cancelling stops the stream.", CANCEL_PAGE)
def retrieve_instead(request: Request) -> Replacement:
    if request.cancels:
        request.method, request.path = "GET", request.path.removesuffix("/cancel")
    return None


@fault.response("cancel.ended_is_200", ENDED, CODES + "chat_cancel_target_already_terminal")
def accept_late_cancel(request: Request, response: Response) -> None:
    if request.cancels and response.status == 409:
        response.status = 200


@fault.response("cancel.ended_is_404", ENDED, CODES + "chat_cancel_target_already_terminal")
def deny_ended_completion(request: Request, response: Response) -> None:
    if request.cancels and response.status == 409:
        response.become(_not_found("chat_cancel_target_not_found"))


@fault.response("cancel.unknown_is_200", "Cancelling an unknown id is 404.", CODES + "chat_cancel_target_not_found")
def accept_unknown_id(request: Request, response: Response) -> None:
    if request.cancels and response.status == 404:
        response.status = 200


@fault.response("cancel.unknown_is_409", "Cancelling an unknown id is 404.", CODES + "chat_cancel_target_not_found")
def conflict_on_unknown_id(request: Request, response: Response) -> None:
    if request.cancels and response.status == 404:
        response.become(refusal(409, "invalid_request", "chat_cancel_target_already_terminal", "Ended.", "id"))


@fault.behaviour("cancel.full_price", "Only tokens already generated are charged.", CANCEL_PAGE)
class FullPrice(Behaviour):
    """Charges as if the completion had been cancelled after its last token: the record's receipt, times ten."""

    def response(self, request: Request, response: Response) -> None:
        if response.completion and response.body["status"] == "cancelled":
            usage = response.body["usage"]
            extra = usage["completion_tokens"] * 9 * 450 / 1e6
            usage["completion_tokens"] *= 10
            usage["total_tokens"] += usage["completion_tokens"] * 9 // 10
            usage["credits_charged"] = round(usage["credits_charged"] + extra, 6)
            usage["breakdown"]["output_credits"] = round(usage["breakdown"]["output_credits"] + extra, 6)

"""Faults of the members of a completion."""

from typing import Any

from mutants.messages import Request, Response
from mutants.registry import Behaviour, fault

CREATE_PAGE = "api-reference/chat/create-a-chat-completion"
REQUIRED = "id, object, created, model, choices, usage and status are always there."


def _drop(member: str) -> None:
    @fault.completion(f"body.no_{member}", REQUIRED, CREATE_PAGE)
    def drop(body: dict[str, Any]) -> None:
        del body[member]


for _member in ("id", "created", "model", "choices", "usage", "status"):
    _drop(_member)


def _message(body: dict[str, Any]) -> dict[str, Any]:
    message: dict[str, Any] = body["choices"][0]["message"]
    return message


@fault.response("body.no_object", REQUIRED, CREATE_PAGE)
def drop_object(request: Request, response: Response) -> None:
    if response.completion:
        del response.body["object"]


@fault.response("body.other_object", "object is chat.completion.", CREATE_PAGE)
def change_object(request: Request, response: Response) -> None:
    if response.completion:
        response.body["object"] = "text_completion"


@fault.completion("body.id_without_prefix", "Ids begin with cmp_.", CREATE_PAGE)
def replace_prefix(body: dict[str, Any]) -> None:
    body["id"] = body["id"].replace("cmp_", "chatcmpl-")


@fault.behaviour("body.id_repeats", "Each completion has an id of its own, which retrieves it.", CREATE_PAGE)
class IdRepeats(Behaviour):
    """Every completion has the id of the first."""

    def __init__(self) -> None:
        self._first: str | None = None

    def response(self, request: Request, response: Response) -> None:
        if request.creates and response.completion:
            self._first = self._first or response.body["id"]
            response.body["id"] = self._first


@fault.completion("body.created_in_milliseconds", "created is in Unix seconds.", CREATE_PAGE)
def count_milliseconds(body: dict[str, Any]) -> None:
    body["created"] *= 1000


@fault.completion("body.created_as_date", "created is a number.", CREATE_PAGE)
def write_date(body: dict[str, Any]) -> None:
    body["created"] = "2026-05-20T12:00:00Z"


@fault.completion("body.created_zero", "created is the time of creation, in Unix seconds.", CREATE_PAGE)
def zero_created(body: dict[str, Any]) -> None:
    body["created"] = 0


@fault.completion("body.other_model", "model is the slug that was used.", CREATE_PAGE)
def change_model(body: dict[str, Any]) -> None:
    body["model"] = body["usage"]["breakdown"]["model"] = "aurous-grow-1.0"


@fault.completion("body.two_choices", "There is always exactly one choice.", CREATE_PAGE)
def add_choice(body: dict[str, Any]) -> None:
    body["choices"].append({**body["choices"][0], "index": 1})


@fault.completion("body.empty_choices", "There is always exactly one choice.", CREATE_PAGE)
def drop_choices(body: dict[str, Any]) -> None:
    body["choices"] = []


@fault.completion("body.choice_from_one", "The one choice has index 0.", CREATE_PAGE)
def count_from_one(body: dict[str, Any]) -> None:
    body["choices"][0]["index"] = 1


@fault.completion("body.role_missing", "message has a role.", CREATE_PAGE)
def drop_role(body: dict[str, Any]) -> None:
    del _message(body)["role"]


@fault.completion("body.other_role", "message.role is assistant.", CREATE_PAGE)
def change_role(body: dict[str, Any]) -> None:
    _message(body)["role"] = "user"


@fault.completion("body.content_in_parts", "message.content is a string or null.", CREATE_PAGE)
def split_content(body: dict[str, Any]) -> None:
    if _message(body)["content"] is not None:
        _message(body)["content"] = [{"type": "text", "text": _message(body)["content"]}]


@fault.completion("body.content_missing", "message has content, which may be null.", CREATE_PAGE)
def drop_content(body: dict[str, Any]) -> None:
    del _message(body)["content"]


@fault.completion("body.error_when_completed", "error is present only if status is failed or cancelled.", CREATE_PAGE)
def add_error(body: dict[str, Any]) -> None:
    # The sample on the page has an error beside the status completed.
    if body["status"] == "completed":
        body["error"] = {"code": "chat_provider_unavailable", "type": "server_error", "message": "Not available."}


@fault.response("body.unfinished_on_create", "in_progress is only the status of a running stream.", CREATE_PAGE)
def change_status(request: Request, response: Response) -> None:
    if request.creates and response.completion:
        response.body["status"] = "in_progress"


@fault.completion("body.never_finished", "finish_reason is null only while unfinished.", CREATE_PAGE)
def nullify_finish_reason(body: dict[str, Any]) -> None:
    body["choices"][0]["finish_reason"] = None


@fault.completion("body.finish_reason_missing", "A choice has a finish_reason.", CREATE_PAGE)
def drop_finish_reason(body: dict[str, Any]) -> None:
    del body["choices"][0]["finish_reason"]


@fault.completion("body.status_number", "status is a string.", CREATE_PAGE)
def number_status(body: dict[str, Any]) -> None:
    body["status"] = 2


@fault.response("body.wrapped", "The completion is the body.", CREATE_PAGE)
def wrap(request: Request, response: Response) -> None:
    if response.completion:
        response.content.value = {"data": response.body}

"""Faults of the completion document: its receipt and its members."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..application import Application
from ..changes import FAULTS
from ..completions import Completion
from ..messages import Call

CREATE = "api-reference/chat/create-a-chat-completion"
RETRIEVE = "api-reference/chat/retrieve-a-stored-chat-completion"
PRICING = "api-reference/chat/pricing"
When = Callable[[Call, Completion], bool]


def edit_documents(application: Application, when: When, edit: Callable[[dict[str, Any]], object]) -> None:
    """Change the documents that `when` accepts."""

    def change(call: Call, completion: Completion, document: dict[str, Any]) -> None:
        if when(call, completion):
            edit(document)

    application.seams.document.append(change)


def _created(call: Call, completion: Completion) -> bool:
    return call.route == "create"


def _retrieved(call: Call, completion: Completion) -> bool:
    return call.route == "retrieve"


def _cancelled(call: Call, completion: Completion) -> bool:
    return completion.status == "cancelled"


@FAULTS.plant(PRICING, "create_reasoning", "create_text", "stream_text")
def total_without_reasoning(application: Application) -> None:
    """total_tokens leaves reasoning tokens out."""

    def change(document: dict[str, Any]) -> None:
        document["usage"]["total_tokens"] -= document["usage"].get("reasoning_tokens", 0)

    edit_documents(application, lambda call, completion: True, change)


@FAULTS.plant(PRICING, "create_tools")
def total_of_tools_is_too_high(application: Application) -> None:
    """total_tokens of an answer that calls tools is one too high."""

    def change(document: dict[str, Any]) -> None:
        document["usage"]["total_tokens"] += 1

    edit_documents(application, lambda call, completion: bool(completion.answer.call_ids), change)


@FAULTS.plant("guides/cost-transparency", "stream_cancelled")
def charge_of_cancelled_is_not_the_sum(application: Application) -> None:
    """credits_charged of a cancelled completion is not the sum of its breakdown."""

    def change(document: dict[str, Any]) -> None:
        document["usage"]["breakdown"]["output_credits"] += 0.01

    edit_documents(application, _cancelled, change)


@FAULTS.plant("guides/cost-transparency", "create_length")
def charge_of_cut_answers_is_not_the_sum(application: Application) -> None:
    """credits_charged of an answer cut by max_tokens is not the sum of its breakdown."""

    def change(document: dict[str, Any]) -> None:
        document["usage"]["breakdown"]["input_credits"] += 0.01

    edit_documents(application, lambda call, completion: completion.finish_reason == "length", change)


@FAULTS.plant("guides/cost-transparency", "create_reasoning", "create_text", "stream_text")
def reasoning_credits_missing(application: Application) -> None:
    """The breakdown leaves the credits for reasoning out, though they are charged."""
    edit_documents(
        application,
        lambda call, completion: bool(completion.answer.reasoning_tokens),
        lambda document: document["usage"]["breakdown"].pop("reasoning_credits"),
    )


@FAULTS.plant(PRICING, "create_structured")
def breakdown_names_another_model(application: Application) -> None:
    """The breakdown of structured answers names another model."""
    edit_documents(
        application,
        lambda call, completion: completion.request.asks_for_json,
        lambda document: document["usage"]["breakdown"].update(model="aurous-grow-1.0"),
    )


@FAULTS.plant(CREATE, "create_text")
def pricing_version_missing(application: Application) -> None:
    """The breakdown of a new completion has no pricing_version."""
    edit_documents(application, _created, lambda document: document["usage"]["breakdown"].pop("pricing_version"))


@FAULTS.plant(CREATE, "create_text")
def credits_in_strings(application: Application) -> None:
    """credits_charged of a new completion is a string."""

    def change(document: dict[str, Any]) -> None:
        document["usage"]["credits_charged"] = str(document["usage"]["credits_charged"])

    edit_documents(application, _created, change)


@FAULTS.plant(PRICING, "create_tools")
def usage_missing_from_tool_documents(application: Application) -> None:
    """An answer that calls tools has no usage."""
    edit_documents(
        application, lambda call, completion: bool(completion.answer.call_ids), lambda document: document.pop("usage")
    )


@FAULTS.plant("api-reference/chat/reasoning", "create_minimal", "stream_minimal")
def reasoning_counted_when_suppressed(application: Application) -> None:
    """reasoning_tokens is there, and above zero, though reasoning_effort is minimal."""

    def change(call: Call, request: Any, answer: Any) -> None:
        if request.reasoning_effort == "minimal":
            answer.reasoning_tokens = 5

    application.seams.answer.append(change)


@FAULTS.plant(CREATE, "create_text", "create_structured")
def error_beside_completed(application: Application) -> None:
    """A completed document has an error."""
    error = {"code": "internal_error", "type": "server_error", "message": "Nothing happened."}
    edit_documents(application, _created, lambda document: document.update(error=error))


@FAULTS.plant(CREATE, "create_text")
def status_missing(application: Application) -> None:
    """A new completion has no status."""
    edit_documents(application, _created, lambda document: document.pop("status"))


@FAULTS.plant(CREATE, "create_tools")
def content_missing_beside_tools(application: Application) -> None:
    """The message of an answer that calls tools has no content, not even null."""
    edit_documents(
        application,
        lambda call, completion: bool(completion.answer.call_ids),
        lambda document: document["choices"][0]["message"].pop("content"),
    )


@FAULTS.plant(CREATE, "create_text", "create_stop")
def role_of_message_wrong(application: Application) -> None:
    """The message of a new completion has the role user."""
    edit_documents(application, _created, lambda document: document["choices"][0]["message"].update(role="user"))


@FAULTS.plant(CREATE, "create_text")
def index_of_choice_one(application: Application) -> None:
    """The index of the one choice is 1."""
    edit_documents(application, _created, lambda document: document["choices"][0].update(index=1))


@FAULTS.plant(CREATE, "create_text")
def created_in_milliseconds(application: Application) -> None:
    """created counts milliseconds."""
    edit_documents(application, _created, lambda document: document.update(created=document["created"] * 1000))


@FAULTS.plant(CREATE, "create_text")
def id_without_prefix(application: Application) -> None:
    """The id of a new completion does not begin with cmp_."""
    edit_documents(application, _created, lambda document: document.update(id=document["id"].replace("cmp_", "chat_")))


@FAULTS.plant(CREATE, "many_completions")
def ids_repeat(application: Application) -> None:
    """Two completions in a row have the same id."""
    shown: list[str] = []

    def change(document: dict[str, Any]) -> None:
        shown.append(document["id"])
        if len(shown) % 2 == 0:
            document["id"] = shown[-2]

    edit_documents(application, lambda call, completion: _created(call, completion) and not call.streams, change)


@FAULTS.plant(RETRIEVE, "create_text", "stream_text")
def retrieved_object_wrong(application: Application) -> None:
    """A retrieved completion is called a chat.completion.record."""
    edit_documents(application, _retrieved, lambda document: document.update(object="chat.completion.record"))


@FAULTS.plant(RETRIEVE, "create_tools", "stream_tools")
def retrieved_without_tool_calls(application: Application) -> None:
    """A retrieved completion has lost its tool calls."""
    edit_documents(application, _retrieved, lambda document: document["choices"][0]["message"].pop("tool_calls", None))


@FAULTS.plant(RETRIEVE, "stream_text", "stream_structured")
def retrieved_stream_without_text(application: Application) -> None:
    """A retrieved completion that was streamed has lost its text."""
    edit_documents(
        application,
        lambda call, completion: call.route == "retrieve" and completion.request.stream,
        lambda document: document["choices"][0]["message"].update(content=""),
    )


@FAULTS.plant(RETRIEVE, "create_text")
def retrieved_charge_differs(application: Application) -> None:
    """credits_charged of a retrieved completion is rounded to two decimals."""

    def change(document: dict[str, Any]) -> None:
        document["usage"]["credits_charged"] = round(document["usage"]["credits_charged"], 2)

    edit_documents(
        application, lambda c, completion: _retrieved(c, completion) and not completion.request.stream, change
    )


@FAULTS.plant(RETRIEVE, "stream_text", "stream_length")
def retrieved_stream_tokens_differ(application: Application) -> None:
    """A retrieved completion that was streamed counts one prompt token more, consistently."""

    def change(document: dict[str, Any]) -> None:
        document["usage"]["prompt_tokens"] += 1
        document["usage"]["total_tokens"] += 1

    edit_documents(application, lambda call, completion: call.route == "retrieve" and completion.request.stream, change)


@FAULTS.plant(RETRIEVE, "create_length", "stream_length")
def retrieved_finish_reason_differs(application: Application) -> None:
    """A retrieved completion that was cut by max_tokens has the finish_reason stop."""
    edit_documents(
        application,
        lambda call, completion: call.route == "retrieve" and completion.finish_reason == "length",
        lambda document: document["choices"][0].update(finish_reason="stop"),
    )


@FAULTS.plant(RETRIEVE, "create_text", "stream_text", "retrieve_twice")
def retrieved_created_moves(application: Application) -> None:
    """created of a retrieved completion is an hour later."""
    edit_documents(application, _retrieved, lambda document: document.update(created=document["created"] + 3600))

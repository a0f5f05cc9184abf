"""Faults of answers: a requested part is missing, or differs."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

from ..application import Application
from ..changes import FAULTS, Change
from ..chat_request import ChatRequest
from ..completions import Completion
from ..fake_model import Answer, Piece
from ..messages import Call
from ..seams import around
from ..tokens import tokenize
from .documents import edit_documents

CREATE = "api-reference/chat/create-a-chat-completion"
STRUCTURED = "api-reference/chat/structured-output"
TOOLS = "api-reference/chat/tools"


def _ignore(name: str, value: Any, *, stream: bool) -> Callable[[Application], None]:
    def forget(call: Call, request: ChatRequest) -> None:
        if request.stream is stream:
            setattr(request, name, value)

    return lambda application: application.seams.request.append(forget)


# Parameters that are accepted and then ignored: the value put in their place, the probe, and the page.
_IGNORED = {
    "max_tokens": (4096, "length", CREATE),
    "stop": ([], "stop", CREATE),
    "logprobs": (False, "logprobs", CREATE),
    "response_format": ({"type": "text"}, "structured", STRUCTURED),
    "tools": ([], "tools", TOOLS),
}
for _name, (_value, _probe, _page) in _IGNORED.items():
    _sentence = f"{_name} is ignored"
    _document, _streamed = _ignore(_name, _value, stream=False), _ignore(_name, _value, stream=True)
    FAULTS.add(Change(f"{_name}_ignored", f"{_sentence} in documents.", _page, (f"create_{_probe}",), _document))
    FAULTS.add(
        Change(f"{_name}_ignored_in_streams", f"{_sentence} in streams.", _page, (f"stream_{_probe}",), _streamed)
    )


def _choose(application: Application, *, stream: bool, when: str | type, choice: Any) -> None:
    def change(call: Call, request: ChatRequest) -> None:
        named = isinstance(request.tool_choice, dict)
        if request.stream is stream and (request.tool_choice == when or (named and when is dict)):
            request.tool_choice = choice

    application.seams.request.append(change)


@FAULTS.plant(TOOLS, "create_no_tool")
def no_tool_calls_anyway(application: Application) -> None:
    """A tool is called though tool_choice is none."""
    _choose(application, stream=False, when="none", choice="auto")


@FAULTS.plant(TOOLS, "stream_no_tool")
def no_tool_calls_anyway_in_streams(application: Application) -> None:
    """A tool is called in a stream though tool_choice is none."""
    _choose(application, stream=True, when="none", choice="auto")


@FAULTS.plant(TOOLS, "create_named_tool")
def named_tool_not_called(application: Application) -> None:
    """The first tool is called instead of the one that tool_choice names."""
    _choose(application, stream=False, when=dict, choice="auto")


@FAULTS.plant(TOOLS, "stream_named_tool")
def named_tool_not_called_in_streams(application: Application) -> None:
    """No tool is called in a stream though tool_choice names one."""
    _choose(application, stream=True, when=dict, choice="none")


@FAULTS.plant(TOOLS, "create_tools")
def arguments_not_json(application: Application) -> None:
    """The arguments of a call are not JSON."""
    application.seams.answer.append(_edit_arguments(lambda text: text.replace('"', "'"), stream=False))


@FAULTS.plant(TOOLS, "create_tools")
def arguments_an_object(application: Application) -> None:
    """The arguments of a call are an object instead of its text."""

    def change(document: dict[str, Any]) -> None:
        for call in document["choices"][0]["message"].get("tool_calls", []):
            call["function"]["arguments"] = json.loads(call["function"]["arguments"])

    edit_documents(application, lambda call, completion: bool(completion.answer.call_ids) and not call.streams, change)


@FAULTS.plant(TOOLS, "stream_tools")
def arguments_not_json_in_streams(application: Application) -> None:
    """The arguments of a streamed call are cut short."""
    application.seams.answer.append(_edit_arguments(lambda text: text[:-2], stream=True))


def _edit_arguments(edit: Callable[[str], str], *, stream: bool) -> Callable[[Call, ChatRequest, Answer], None]:
    def change(call: Call, request: ChatRequest, answer: Answer) -> None:
        if request.stream is stream and answer.call_ids:
            text = edit("".join(piece.text for piece in answer.pieces if not piece.is_name))
            answer.pieces = [answer.pieces[0], *(Piece(token, call=0) for token in tokenize(text))]

    return change


@FAULTS.plant(TOOLS, "create_tools", "stream_tools")
def undeclared_tool_called(application: Application) -> None:
    """A function is called that was not declared."""

    def change(call: Call, request: ChatRequest, answer: Answer) -> None:
        if answer.call_ids and not isinstance(request.tool_choice, dict):
            answer.pieces[0] = Piece("search", call=0, is_name=True)

    application.seams.answer.append(change)


@FAULTS.plant(TOOLS, "create_tools")
def tool_call_without_id(application: Application) -> None:
    """A call has no id."""

    def change(document: dict[str, Any]) -> None:
        document["choices"][0]["message"]["tool_calls"][0].pop("id")

    edit_documents(application, lambda call, completion: bool(completion.answer.call_ids), change)


def _edit_json(application: Application, edit: Callable[[Any], Any], *, form: str, stream: bool | None = None) -> None:
    """Change the value of structured answers of one form."""

    @around(application.chat.fake_model, "structured")
    def structured(original: Any, request: ChatRequest) -> str:
        text: str = original(request)
        if request.response_format["type"] != form or stream not in (None, request.stream):
            return text
        value = edit(json.loads(text))
        return value if isinstance(value, str) else json.dumps(value)


@FAULTS.plant(STRUCTURED, "create_json_object", "stream_json_object")
def json_object_in_prose(application: Application) -> None:
    """json_object is answered with prose around the JSON."""
    _edit_json(application, lambda value: f"Here it is: {json.dumps(value)}", form="json_object")


@FAULTS.plant(STRUCTURED, "create_structured")
def structured_in_a_code_block(application: Application) -> None:
    """A structured answer stands in a code block."""
    _edit_json(application, lambda value: f"```json\n{json.dumps(value)}\n```", form="json_schema", stream=False)


@FAULTS.plant(STRUCTURED, "create_structured", "stream_structured")
def required_member_missing(application: Application) -> None:
    """A structured answer leaves a required member out."""
    _edit_json(
        application,
        lambda value: dict(list(value.items())[1:]) if isinstance(value, dict) else value,
        form="json_schema",
    )


@FAULTS.plant(STRUCTURED, "stream_structured")
def undeclared_member_in_streams(application: Application) -> None:
    """A streamed structured answer has a member that additionalProperties forbids."""
    _edit_json(
        application,
        lambda value: value | {"note": "extra"} if isinstance(value, dict) else value,
        form="json_schema",
        stream=True,
    )


def _without_keyword(keyword: str, replacement: dict[str, Any]) -> Callable[[Application], None]:
    """Make the model ignore a keyword of schemas."""

    def strip(schema: Any) -> Any:
        if isinstance(schema, list):
            return [strip(item) for item in schema]
        if not isinstance(schema, dict):
            return schema
        if keyword in schema:
            return {name: value for name, value in schema.items() if name != keyword} | replacement
        return {name: strip(value) for name, value in schema.items()}

    def apply(application: Application) -> None:
        def change(call: Call, request: ChatRequest) -> None:
            if request.response_format["type"] == "json_schema":
                request.response_format = copy.deepcopy(request.response_format)
                named = request.response_format["json_schema"]
                named["schema"] = strip(named.get("schema", {}))

        application.seams.request.append(change)

    return apply


for _keyword, _replacement in (
    ("$ref", {"type": "string"}),
    ("enum", {"type": "string"}),
    ("anyOf", {"type": "object"}),
    ("items", {"items": {"type": "boolean"}}),
):
    _name = f"schema_{_keyword.strip('$').lower()}_ignored"
    _sentence = f"The keyword {_keyword} of a schema is ignored."
    _probes = ("create_structured", "stream_structured")
    FAULTS.add(Change(_name, _sentence, STRUCTURED, _probes, _without_keyword(_keyword, _replacement)))


def _edit_pieces(
    application: Application, when: Callable[[ChatRequest, Answer], bool], edit: Callable[[Answer], None]
) -> None:
    def change(call: Call, request: ChatRequest, answer: Answer) -> None:
        if when(request, answer):
            edit(answer)

    application.seams.answer.append(change)


@FAULTS.plant(CREATE, "create_length", "stream_length")
def cut_answer_says_stop(application: Application) -> None:
    """An answer cut by max_tokens has the finish_reason stop."""

    def change(answer: Answer) -> None:
        answer.finish_reason = "stop"

    _edit_pieces(application, lambda request, answer: answer.finish_reason == "length", change)


@FAULTS.plant(CREATE, "create_length", "stream_length")
def cut_answer_too_long(application: Application) -> None:
    """An answer cut by max_tokens has twice as many words as it has tokens, by its own count."""

    def change(answer: Answer) -> None:
        answer.pieces = [Piece(f"{piece.text} and more words follow", piece.call) for piece in answer.pieces]

    _edit_pieces(application, lambda request, answer: answer.finish_reason == "length" and not answer.call_ids, change)


@FAULTS.plant(CREATE, "create_stop")
def stop_sequence_in_the_answer(application: Application) -> None:
    """An answer ends with its stop sequence."""

    @around(application.chat.fake_model, "cut_at_stop")
    def cut_at_stop(original: Any, request: ChatRequest, text: str) -> str:
        cut: str = original(request, text)
        found = [sequence for sequence in request.stop if sequence and text[len(cut) :].startswith(sequence)]
        return cut + found[0] if found and not request.stream else cut


@FAULTS.plant(CREATE, "stream_stop")
def only_first_stop_sequence_in_streams(application: Application) -> None:
    """Only the first of several stop sequences counts in a stream."""

    def change(call: Call, request: ChatRequest) -> None:
        if request.stream:
            del request.stop[1:]

    application.seams.request.append(change)


@FAULTS.plant(CREATE, "create_choices")
def as_many_choices_as_asked(application: Application) -> None:
    """n makes more than one choice."""

    def change(call: Call, completion: Completion, document: dict[str, Any]) -> None:
        for index in range(1, int(completion.request.body.get("n", 1))):
            document["choices"].append(document["choices"][0] | {"index": index})

    application.seams.document.append(change)

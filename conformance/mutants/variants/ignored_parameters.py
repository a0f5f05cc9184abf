"""Faults of parameters that are ignored: tools, formats, limits and stops."""

import json
from abc import ABC, abstractmethod
from typing import Any

from mutants.messages import Frame, Request, Response, refusal
from mutants.registry import Behaviour, Frames, Replacement, fault

TOOLS = "api-reference/chat/tools"
STRUCTURED = "api-reference/chat/structured-output"
CREATE_PAGE = "api-reference/chat/create-a-chat-completion"
CALLS = "A call is {id, type: function, function: {name, arguments}}, its arguments JSON text."
STRICT = "With strict: true the answer is constrained to the schema."


def _calls(body: dict[str, Any]) -> list[dict[str, Any]]:
    calls: list[dict[str, Any]] = body["choices"][0]["message"].get("tool_calls") or []
    return calls


@fault.completion("tools.arguments_not_json", CALLS, TOOLS)
def replace_quotes(body: dict[str, Any]) -> None:
    for call in _calls(body):
        call["function"]["arguments"] = call["function"]["arguments"].replace('"', "'")


@fault.completion("tools.arguments_object", CALLS, TOOLS)
def parse_arguments(body: dict[str, Any]) -> None:
    for call in _calls(body):
        call["function"]["arguments"] = json.loads(call["function"]["arguments"])


@fault.completion("tools.no_call_id", CALLS, TOOLS)
def drop_call_id(body: dict[str, Any]) -> None:
    for call in _calls(body):
        del call["id"]


@fault.completion("tools.other_type", CALLS, TOOLS)
def change_type_of_calls(body: dict[str, Any]) -> None:
    for call in _calls(body):
        call["type"] = "tool"


@fault.completion("tools.undeclared_name", "A call names a function that was declared.", TOOLS)
def rename_calls(body: dict[str, Any]) -> None:
    for call in _calls(body):
        call["function"]["name"] = "functions." + call["function"]["name"]


@fault.completion("tools.single_call", "tool_calls is a list.", TOOLS)
def unwrap_calls(body: dict[str, Any]) -> None:
    if _calls(body):
        body["choices"][0]["message"]["tool_calls"] = _calls(body)[0]


@fault.request("tools.none_ignored", "tool_choice none forbids calls.", TOOLS)
def ignore_none(request: Request) -> Replacement:
    if request.creates and request.body.get("tool_choice") == "none":
        request.body["tool_choice"] = "auto"
    return None


@fault.request("tools.forced_ignored", "tool_choice with a function forces a call of it.", TOOLS)
def ignore_forced(request: Request) -> Replacement:
    if request.creates and isinstance(request.body.get("tool_choice"), dict):
        request.body["tool_choice"] = "none"
    return None


@fault.completion("tools.forced_other", "tool_choice with a function forces a call of that one.", TOOLS)
def call_other_tool(body: dict[str, Any]) -> None:
    for call in _calls(body):
        call["function"]["name"] = "other_tool"


@fault.request("tools.results_refused", "The result of a call is sent back as a message of role tool.", TOOLS)
def refuse_results(request: Request) -> Replacement:
    messages = request.body.get("messages") if request.creates else None
    if isinstance(messages, list) and any(isinstance(each, dict) and each.get("role") == "tool" for each in messages):
        return refusal(400, "invalid_request", "invalid_format", "This role is not known.", "messages")
    return None


@fault.request("tools.named_choice_refused", "tool_choice may be {type: function, function: {name}}.", CREATE_PAGE)
def refuse_named_choice(request: Request) -> Replacement:
    if request.creates and isinstance(request.body.get("tool_choice"), dict):
        return refusal(400, "invalid_request", "invalid_format", "tool_choice is a word.", "tool_choice")
    return None


@fault.frame("tools.stream_nameless", "The deltas of a call add up to it.", TOOLS)
def drop_names(frame: Frame) -> Frames:
    for call in frame.delta.get("tool_calls") or ():
        call["function"].pop("name", None)
    return None


def _format(request: Request) -> str:
    wanted = request.body.get("response_format")
    return str(wanted.get("type")) if request.creates and isinstance(wanted, dict) else ""


@fault.request("format.json_object_ignored", "json_object gives valid JSON.", STRUCTURED)
def ignore_json_object(request: Request) -> Replacement:
    if _format(request) == "json_object":
        del request.body["response_format"]
    return None


@fault.request("format.json_schema_ignored", STRICT, STRUCTURED)
def ignore_json_schema(request: Request) -> Replacement:
    if _format(request) == "json_schema" and "strict" in json.dumps(request.body["response_format"]):
        request.body["response_format"] = {"type": "json_object"}
    return None


class StrictResponses(Behaviour, ABC):
    """Alters the objects that were asked for with a strict schema, in plain answers."""

    @abstractmethod
    def alter(self, value: dict[str, Any]) -> Any:
        """The object to answer with, or a text."""

    def response(self, request: Request, response: Response) -> None:
        if _format(request) != "json_schema" or not response.completion:
            return
        message = response.body["choices"][0]["message"]
        try:
            value = json.loads(message["content"])
        except (TypeError, ValueError):
            return
        if isinstance(value, dict):
            altered = self.alter(value)
            message["content"] = altered if isinstance(altered, str) else json.dumps(altered)


@fault.behaviour("format.required_left_out", STRICT, STRUCTURED)
class RequiredLeftOut(StrictResponses):
    def alter(self, value: dict[str, Any]) -> Any:
        return {}


@fault.behaviour("format.member_invented", STRICT, STRUCTURED)
class MemberInvented(StrictResponses):
    def alter(self, value: dict[str, Any]) -> Any:
        return {**value, "explanation": "Here you are."}


@fault.behaviour("format.values_as_text", STRICT, STRUCTURED)
class ValuesAsText(StrictResponses):
    def alter(self, value: dict[str, Any]) -> Any:
        return {name: it if isinstance(it, str) else json.dumps(it) for name, it in value.items()}


@fault.behaviour("format.fenced", "The answer is JSON, and nothing else.", STRUCTURED)
class Fenced(StrictResponses):
    def alter(self, value: dict[str, Any]) -> Any:
        return f"```json\n{json.dumps(value)}\n```"


@fault.request("format.ignored_in_streams", "response_format applies to streams as well.", STRUCTURED)
def ignore_format_of_streams(request: Request) -> Replacement:
    if request.streams:
        request.body.pop("response_format", None)
    return None


@fault.request("format.text_refused", "response_format may be {type: text}.", CREATE_PAGE)
def refuse_text(request: Request) -> Replacement:
    if _format(request) == "text":
        return refusal(400, "invalid_request", "invalid_format", "This format is not known.", "response_format")
    return None


@fault.request("limits.max_tokens_ignored", "An answer has at most max_tokens tokens.", CREATE_PAGE)
def ignore_max_tokens(request: Request) -> Replacement:
    if request.creates and isinstance(request.body.get("max_tokens"), int) and 0 < request.body["max_tokens"] < 1000:
        request.body["max_tokens"] = 1000
    return None


@fault.request("limits.max_tokens_off_by_one", "An answer has at most max_tokens tokens.", CREATE_PAGE)
def add_one_token(request: Request) -> Replacement:
    if request.creates and isinstance(request.body.get("max_tokens"), int) and 0 < request.body["max_tokens"] < 1000:
        request.body["max_tokens"] += 1
    return None


@fault.request("limits.max_tokens_ignored_in_streams", "An answer has at most max_tokens tokens.", CREATE_PAGE)
def ignore_max_tokens_of_streams(request: Request) -> Replacement:
    if request.streams and isinstance(request.body.get("max_tokens"), int) and 0 < request.body["max_tokens"] < 1000:
        request.body["max_tokens"] = 1000
    return None


@fault.request("limits.stop_ignored", "The answer stops at a stop sequence.", CREATE_PAGE)
def ignore_stop(request: Request) -> Replacement:
    stop = request.body.get("stop") if request.creates else None
    if isinstance(stop, str) and len(stop) <= 200:
        del request.body["stop"]
    return None


@fault.request("limits.stop_list_ignored", "The answer stops at any of the stop sequences.", CREATE_PAGE)
def ignore_stop_list(request: Request) -> Replacement:
    stop = request.body.get("stop") if request.creates else None
    if isinstance(stop, list) and len(stop) <= 4 and all(isinstance(each, str) and len(each) <= 200 for each in stop):
        del request.body["stop"]
    return None


@fault.request("limits.second_stop_ignored", "The answer stops at any of the stop sequences.", CREATE_PAGE)
def keep_first_stop(request: Request) -> Replacement:
    stop = request.body.get("stop") if request.creates else None
    if (
        isinstance(stop, list)
        and 1 < len(stop) <= 4
        and all(isinstance(each, str) and len(each) <= 200 for each in stop)
    ):
        request.body["stop"] = stop[:1]
    return None

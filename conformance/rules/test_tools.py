"""Rules on tool calls."""

from __future__ import annotations

import json
from typing import Any

import pytest
from harness import contract
from harness.client.api_client import ApiClient
from harness.client.completion_result import fetch_result
from harness.client.exchange import Exchange
from harness.client.stream import Transcript
from harness.rules import DROP_IN, PRICING, TOOLS, rule
from harness.violations import RuleViolation, inform, not_tested, require

from .billing_math import require_room
from .refusals import can_require_tools
from .scenarios import FORCED, PARAMETERS, QUESTION, TOOL, each_mode

OTHER_TOOL = {"type": "function", "function": {"name": "get_time", "parameters": {"type": "object"}}}
ROOM = 96


@pytest.fixture(scope="module")
def tool_call_completion(api: ApiClient) -> Exchange:
    """A completion that had to call a function."""
    return api.complete(api.chat_body(QUESTION, tools=[OTHER_TOOL, TOOL], tool_choice=FORCED, max_tokens=ROOM))


@pytest.fixture(scope="module")
def tool_call_stream(api: ApiClient) -> Transcript:
    """A stream that had to call a function."""
    return api.stream(api.chat_body(QUESTION, tools=[OTHER_TOOL, TOOL], tool_choice=FORCED, max_tokens=ROOM))


@rule("tools.forced", page=TOOLS, sentence="`tool_choice` naming a function makes the model call that function.")
def test_tool_choice_forces_the_named_function(tool_call_completion: Exchange) -> None:
    names = [call["function"]["name"] for call in tool_call_completion.at("choices", 0, "message", "tool_calls")]
    require(names and set(names) == {"get_weather"}, f"it called {names}", tool_call_completion)


@rule("tools.call_shape", page=TOOLS, sentence="A call has an id, type `function`, a name, and its arguments as text.")
def test_tool_call_fits_the_schema(tool_call_completion: Exchange) -> None:
    for call in tool_call_completion.at("choices", 0, "message", "tool_calls"):
        schema_errors = contract.schema_errors("ToolCall", call)
        require(not schema_errors, "; ".join(schema_errors), tool_call_completion)
        require(call["type"] == "function", f"`type` is {call['type']!r}", tool_call_completion)
        require(call["id"], "`id` is empty", tool_call_completion)


@rule("tools.ids_unique", page=TOOLS, sentence="No two calls have the same id.")
def test_tool_call_ids_are_unique(tool_call_completion: Exchange, tool_call_stream: Transcript) -> None:
    ids = [call["id"] for call in tool_call_completion.at("choices", 0, "message", "tool_calls")]
    ids += [call.get("id") for call in tool_call_stream.tool_calls]
    require(len(ids) == len(set(ids)), f"the ids are {ids}", tool_call_completion, tool_call_stream.exchange)


@rule("tools.arguments_parse", page=TOOLS, sentence="`arguments` is a JSON text, of an object.")
def test_tool_call_arguments_are_a_json_object(tool_call_completion: Exchange) -> None:
    for call in tool_call_completion.at("choices", 0, "message", "tool_calls"):
        parse_arguments(call, tool_call_completion)


@rule("tools.arguments_counted", page=PRICING, sentence="The arguments of a call count as `completion_tokens`.")
def test_tool_call_arguments_count_as_completion_tokens(tool_call_completion: Exchange) -> None:
    counts = tool_call_completion.at("usage", "completion_tokens")
    require(counts > 0, f"a call was made, and completion_tokens is {counts}", tool_call_completion)


@rule("tools.arguments_fit", page=TOOLS, sentence="The arguments fit the function's schema.", informational=True)
def test_tool_call_arguments_against_the_parameters_schema(tool_call_completion: Exchange) -> None:
    for call in tool_call_completion.at("choices", 0, "message", "tool_calls"):
        schema_errors = contract.instance_errors(PARAMETERS, parse_arguments(call, tool_call_completion))
        inform(
            f"they do not: {'; '.join(schema_errors)}"
            if schema_errors
            else f"they do: {call['function']['arguments'][:60]}"
        )


@rule(
    "tools.finish_reason",
    page=TOOLS,
    sentence="A turn that calls ends with `tool_calls` (OpenAI's word).",
    informational=True,
)
def test_finish_reason_of_a_tool_call(tool_call_completion: Exchange) -> None:
    inform(f"it ends with {tool_call_completion.at('choices', 0, 'finish_reason')!r}")


@rule(
    "tools.not_cut",
    page=DROP_IN,
    sentence="A call that had room to spare does not end with `length`, as if it were cut.",
)
def test_untruncated_tool_call_does_not_finish_with_length(
    tool_call_completion: Exchange, tool_call_stream: Transcript
) -> None:
    reason = tool_call_completion.at("choices", 0, "finish_reason")
    for exchange, usage, reasons in (
        (tool_call_completion, tool_call_completion.at("usage"), [reason]),
        (
            tool_call_stream.exchange,
            tool_call_stream.usage or tool_call_completion.at("usage"),
            tool_call_stream.finish_reasons,
        ),
    ):
        tokens = require_room(usage, ROOM)
        require("length" not in reasons, f"it took {tokens} of {ROOM} tokens, and finish_reason is {reasons}", exchange)


@rule("tools.none", page=TOOLS, sentence="`tool_choice: none` forbids calls.")
@each_mode
def test_tool_choice_none_forbids_calls(api: ApiClient, stream: bool) -> None:
    result = fetch_result(api, api.chat_body(QUESTION, tools=[TOOL], tool_choice="none"), stream=stream)
    require(not result.tool_calls, f"it called {result.tool_calls}", result.exchange)


@rule("tools.auto", page=TOOLS, sentence="`tool_choice: auto`, the default with tools, lets the model decide.")
@pytest.mark.parametrize("options", [{"tool_choice": "auto"}, {}], ids=["auto", "left out"])
@each_mode
def test_tool_choice_auto_calls_declared_functions_only(api: ApiClient, options: dict[str, Any], stream: bool) -> None:
    result = fetch_result(api, api.chat_body(QUESTION, tools=[TOOL], **options, max_tokens=ROOM), stream=stream)
    for call in result.tool_calls:
        name = call["function"]["name"]
        require(name == "get_weather", f"it called {name!r}", result.exchange)
        parse_arguments(call, result.exchange)


@rule(
    "tools.required",
    page="api-reference/errors/tool_choice_required_unsupported",
    sentence="`tool_choice: required` is 400 `tool_choice_required_unsupported` on a model without the capability.",
)
@each_mode
def test_tool_choice_required_is_refused_without_the_capability(api: ApiClient, stream: bool) -> None:
    if can_require_tools(api):
        not_tested(f"{api.model} has the capability tool_choice_required")
    body = api.chat_body(QUESTION, tools=[TOOL], tool_choice="required", stream=stream)
    response = api.create(body, expect_error=True).expect(400)
    code, kind = response.at("error", "code"), response.at("error", "type")
    actual = (code, kind) == ("tool_choice_required_unsupported", "invalid_request")
    require(actual, f"the error is {kind} {code}", response)


@rule("tools.round_trip", page=TOOLS, sentence="A result goes back as a `tool` message, and is answered.")
@each_mode
def test_tool_result_is_answered(api: ApiClient, tool_call_completion: Exchange, stream: bool) -> None:
    message = tool_call_completion.at("choices", 0, "message")
    results = [
        {"role": "tool", "tool_call_id": call["id"], "content": '{"celsius": 4}'} for call in message["tool_calls"]
    ]
    turns = [{"role": "user", "content": QUESTION}, message, *results]
    result = fetch_result(api, {**api.chat_body(tools=[TOOL]), "messages": turns}, stream=stream)
    require(result.content or result.tool_calls, "the answer is empty", result.exchange)


@rule("tools.stream", page=TOOLS, sentence="A streamed call, put together, is the call of the record.")
def test_streamed_tool_call_equals_the_recorded_one(api: ApiClient, tool_call_stream: Transcript) -> None:
    calls = tool_call_stream.tool_calls
    require(calls, "no delta carries a call", tool_call_stream.exchange)
    for call in calls:
        require(
            call["function"]["name"] == "get_weather",
            f"it called {call['function']['name']!r}",
            tool_call_stream.exchange,
        )
        parse_arguments(call, tool_call_stream.exchange)
    record = api.retrieve(tool_call_stream.id).expect(200)
    stored = record.at("choices", 0, "message", "tool_calls")
    pairs = [(call.get("id"), call["function"]["name"], call["function"]["arguments"]) for call in calls]
    recorded = [(call["id"], call["function"]["name"], call["function"]["arguments"]) for call in stored]
    require(pairs == recorded, f"streamed {pairs}, stored {recorded}", tool_call_stream.exchange, record)


@rule("tools.no_tools_no_calls", page=TOOLS, sentence="Without tools nothing is called, in a stream either.")
def test_stream_without_tools_has_no_tool_calls(transcript: Transcript) -> None:
    require(not transcript.tool_calls, f"it called {transcript.tool_calls}", transcript.exchange)


@rule(
    "tools.undeclared",
    page=TOOLS,
    sentence="What becomes of a choice that names no declared function.",
    informational=True,
)
def test_tool_choice_of_an_undeclared_function(api: ApiClient) -> None:
    choice = {"type": "function", "function": {"name": "no_such_function"}}
    inform(f"it is answered {api.create(api.chat_body(QUESTION, tools=[TOOL], tool_choice=choice)).outcome}")


def parse_arguments(call: dict[str, Any], exchange: Exchange) -> dict[str, Any]:
    text = call["function"]["arguments"]
    require(isinstance(text, str), f"`arguments` is {type(text).__name__}, not text", exchange)
    try:
        arguments = json.loads(text)
    except ValueError:
        arguments = None
    if not isinstance(arguments, dict):
        raise RuleViolation(f"`arguments` is {text[:100]!r}", exchange)
    return arguments

"""Functions that the model may call."""

from __future__ import annotations

import json
from typing import Any

import pytest
from harness import contract
from harness.client.api_client import Server
from harness.client.exchange import Exchange
from harness.client.stream import Transcript
from harness.rules import DROP_IN, PRICING, TOOLS, rule
from harness.violations import Breach, observe, require, unseen

from .billing_math import had_room

PARAMETERS = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
    "required": ["city", "days"],
    "additionalProperties": False,
}
TOOL = {
    "type": "function",
    "function": {"name": "get_weather", "description": "The weather of a city.", "parameters": PARAMETERS},
}
OTHER_TOOL = {"type": "function", "function": {"name": "get_time", "parameters": {"type": "object"}}}
FORCED = {"type": "function", "function": {"name": "get_weather"}}
QUESTION = "What will the weather be in Oslo, for three days?"
ROOM = 96


@pytest.fixture(scope="module")
def called(server: Server) -> Exchange:
    """A completion that had to call a function."""
    return server.completed(server.ask(QUESTION, tools=[OTHER_TOOL, TOOL], tool_choice=FORCED, max_tokens=ROOM))


@pytest.fixture(scope="module")
def streamed(server: Server) -> Transcript:
    """A stream that had to call a function."""
    return server.streamed(server.ask(QUESTION, tools=[OTHER_TOOL, TOOL], tool_choice=FORCED, max_tokens=ROOM))


@rule("tools.forced", page=TOOLS, says="`tool_choice` naming a function makes the model call that function.")
def test_forced(called: Exchange) -> None:
    names = [call["function"]["name"] for call in called.at("choices", 0, "message", "tool_calls")]
    require(names and set(names) == {"get_weather"}, f"it called {names}", called)


@rule("tools.call_shape", page=TOOLS, says="A call has an id, type `function`, a name, and its arguments as text.")
def test_call_shape(called: Exchange) -> None:
    for call in called.at("choices", 0, "message", "tool_calls"):
        misfits = contract.misfits("ToolCall", call)
        require(not misfits, "; ".join(misfits), called)
        require(call["type"] == "function", f"`type` is {call['type']!r}", called)
        require(call["id"], "`id` is empty", called)


@rule("tools.ids_unique", page=TOOLS, says="No two calls have the same id.")
def test_ids_unique(called: Exchange, streamed: Transcript) -> None:
    ids = [call["id"] for call in called.at("choices", 0, "message", "tool_calls")]
    ids += [call.get("id") for call in streamed.tool_calls]
    require(len(ids) == len(set(ids)), f"the ids are {ids}", called, streamed.exchange)


@rule("tools.arguments_parse", page=TOOLS, says="`arguments` is a JSON text, of an object.")
def test_arguments_parse(called: Exchange) -> None:
    for call in called.at("choices", 0, "message", "tool_calls"):
        parsed(call, called)


@rule("tools.arguments_counted", page=PRICING, says="The arguments of a call count as `completion_tokens`.")
def test_arguments_counted(called: Exchange) -> None:
    counted = called.at("usage", "completion_tokens")
    require(counted > 0, f"a call was made, and completion_tokens is {counted}", called)


@rule("tools.arguments_fit", page=TOOLS, says="The arguments fit the function's schema.", observed=True)
def test_arguments_fit(called: Exchange) -> None:
    for call in called.at("choices", 0, "message", "tool_calls"):
        misfits = contract.misfits_of(PARAMETERS, parsed(call, called))
        observe(f"they do not: {'; '.join(misfits)}" if misfits else f"they do: {call['function']['arguments'][:60]}")


@rule(
    "tools.finish_reason", page=TOOLS, says="A turn that calls ends with `tool_calls` (OpenAI's word).", observed=True
)
def test_finish_reason(called: Exchange) -> None:
    observe(f"it ends with {called.at('choices', 0, 'finish_reason')!r}")


@rule(
    "tools.not_cut", page=DROP_IN, says="A call that had room to spare does not end with `length`, as if it were cut."
)
def test_not_cut(called: Exchange, streamed: Transcript) -> None:
    reason = called.at("choices", 0, "finish_reason")
    for exchange, usage, reasons in (
        (called, called.at("usage"), [reason]),
        (streamed.exchange, streamed.usage or called.at("usage"), streamed.finish_reasons),
    ):
        made = had_room(usage, ROOM)
        require("length" not in reasons, f"it took {made} of {ROOM} tokens, and finish_reason is {reasons}", exchange)


@rule("tools.none", page=TOOLS, says="`tool_choice: none` forbids calls.")
def test_none(server: Server) -> None:
    made = server.completed(server.ask(QUESTION, tools=[TOOL], tool_choice="none"))
    calls = made.at("choices", 0, "message").get("tool_calls")
    require(not calls, f"it called {calls}", made)


@rule("tools.auto", page=TOOLS, says="`tool_choice: auto`, the default with tools, lets the model decide.")
@pytest.mark.parametrize("options", [{"tool_choice": "auto"}, {}], ids=["auto", "left out"])
def test_auto(server: Server, options: dict[str, Any]) -> None:
    made = server.completed(server.ask(QUESTION, tools=[TOOL], **options, max_tokens=ROOM))
    for call in made.at("choices", 0, "message").get("tool_calls") or []:
        require(call["function"]["name"] == "get_weather", f"it called {call['function']['name']!r}", made)
        parsed(call, made)


@rule(
    "tools.required",
    page="api-reference/errors/tool_choice_required_unsupported",
    says="`tool_choice: required` is 400 `tool_choice_required_unsupported` on a model without the capability.",
)
def test_required(server: Server) -> None:
    rows = {row["id"]: row for row in server.models().expect(200).at("data")}
    if "tool_choice_required" in ((rows[server.model].get("aurous_metadata") or {}).get("capabilities") or []):
        unseen(f"{server.model} has the capability tool_choice_required")
    refused = server.create(server.ask(QUESTION, tools=[TOOL], tool_choice="required"), refused=True).expect(400)
    code, kind = refused.at("error", "code"), refused.at("error", "type")
    told = (code, kind) == ("tool_choice_required_unsupported", "invalid_request")
    require(told, f"the answer is {kind} {code}", refused)


@rule("tools.round_trip", page=TOOLS, says="A result goes back as a `tool` message, and is answered.")
def test_round_trip(server: Server, called: Exchange) -> None:
    message = called.at("choices", 0, "message")
    results = [
        {"role": "tool", "tool_call_id": call["id"], "content": '{"celsius": 4}'} for call in message["tool_calls"]
    ]
    turns = [{"role": "user", "content": QUESTION}, message, *results]
    made = server.create({**server.ask(tools=[TOOL]), "messages": turns})
    made.expect(200)
    require(made.at("choices", 0, "message", "role") == "assistant", "the answer has another role", made)


@rule("tools.stream", page=TOOLS, says="A streamed call, put together, is the call of the record.")
def test_stream(server: Server, streamed: Transcript) -> None:
    calls = streamed.tool_calls
    require(calls, "no delta carries a call", streamed.exchange)
    for call in calls:
        require(call["function"]["name"] == "get_weather", f"it called {call['function']['name']!r}", streamed.exchange)
        parsed(call, streamed.exchange)
    found = server.retrieve(streamed.id).expect(200)
    stored = found.at("choices", 0, "message", "tool_calls")
    pairs = [(call.get("id"), call["function"]["name"], call["function"]["arguments"]) for call in calls]
    kept = [(call["id"], call["function"]["name"], call["function"]["arguments"]) for call in stored]
    require(pairs == kept, f"streamed {pairs}, stored {kept}", streamed.exchange, found)


@rule("tools.no_tools_no_calls", page=TOOLS, says="Without tools nothing is called, in a stream either.")
def test_no_tools_no_calls(transcript: Transcript) -> None:
    require(not transcript.tool_calls, f"it called {transcript.tool_calls}", transcript.exchange)


@rule("tools.undeclared", page=TOOLS, says="What becomes of a choice that names no declared function.", observed=True)
def test_undeclared(server: Server) -> None:
    choice = {"type": "function", "function": {"name": "no_such_function"}}
    observe(f"it is answered {server.create(server.ask(QUESTION, tools=[TOOL], tool_choice=choice)).outcome}")


def parsed(call: dict[str, Any], exchange: Exchange) -> dict[str, Any]:
    text = call["function"]["arguments"]
    require(isinstance(text, str), f"`arguments` is {type(text).__name__}, not text", exchange)
    try:
        arguments = json.loads(text)
    except ValueError:
        arguments = None
    if not isinstance(arguments, dict):
        raise Breach(f"`arguments` is {text[:100]!r}", exchange)
    return arguments

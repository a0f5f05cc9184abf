"""Probes of documents: the answers to requests of every kind."""

from __future__ import annotations

from typing import Any

from .prober import PROBES, Prober, body, probe

WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather of a city.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
TIME = {"type": "function", "function": {"name": "get_time", "parameters": {"type": "object", "properties": {}}}}
SCHEMA = {
    "type": "object",
    "properties": {
        "kind": {"type": "string", "enum": ["square", "circle"]},
        "owner": {"$ref": "#/$defs/person"},
        "size": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
        "tags": {"type": "array", "items": {"type": "string"}},
    },
    "required": ["kind", "owner", "size", "tags"],
    "additionalProperties": False,
    "$defs": {"person": {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}},
}
STRUCTURED = {"type": "json_schema", "json_schema": {"name": "thing", "strict": True, "schema": SCHEMA}}

# The members with which each kind of answer is requested.
ASKED: dict[str, dict[str, Any]] = {
    "text": {},
    "tools": {"tools": [WEATHER]},
    "named_tool": {"tools": [WEATHER, TIME], "tool_choice": {"type": "function", "function": {"name": "get_time"}}},
    "no_tool": {"tools": [WEATHER], "tool_choice": "none"},
    "reasoning": {"reasoning_effort": "high"},
    "minimal": {"reasoning_effort": "minimal"},
    "structured": {"response_format": STRUCTURED},
    "json_object": {"response_format": {"type": "json_object"}},
    "logprobs": {"logprobs": True, "top_logprobs": 3},
    "plain_logprobs": {"logprobs": True},
    "length": {"max_tokens": 5},
    "stop": {"stop": [" salt", "Hello"]},
    "choices": {"n": 2},
}


def _register(name: str, members: dict[str, Any]) -> None:
    def run(prober: Prober) -> Any:
        response = prober.create(body(**members))
        return [prober.tell(response), prober.tell(prober.get(prober.completion_id(response.text)))]

    PROBES[f"create_{name}"] = run


for _name, _members in ASKED.items():
    _register(_name, _members)


@probe
def models(prober: Prober) -> Any:
    return prober.tell(prober.send("GET", "/v1/models"))


@probe
def balance(prober: Prober) -> Any:
    document = prober.balance()
    return [prober.tell(prober.send("GET", "/v1/balance"))["headers"], sorted(document), document["currency"]]


@probe
def balance_types(prober: Prober) -> Any:
    document = prober.balance()
    return [sorted((name, type(value).__name__) for name, value in document.items()), document["available_credits"] < 0]


@probe
def unasked_members(prober: Prober) -> Any:
    return prober.tell(prober.create(body(user="ada", parallel_tool_calls=True)))


@probe
def top_logprobs_alone(prober: Prober) -> Any:
    return prober.tell(prober.create(body(top_logprobs=2)))


@probe
def picture(prober: Prober) -> Any:
    url = {"url": "data:image/png;base64,iVBORw0KGgo="}
    content = [{"type": "text", "text": "Look"}, {"type": "image_url", "image_url": url}]
    return prober.tell(prober.create(body() | {"messages": [{"role": "user", "content": content}]}))


@probe
def many_completions(prober: Prober) -> Any:
    return [prober.tell(prober.create())["body"] for _ in range(3)]


@probe
def same_question_twice(prober: Prober) -> Any:
    return [prober.tell(prober.create(body(seed=1)))["body"] for _ in range(2)]


@probe
def balance_text(prober: Prober) -> Any:
    return prober.send("GET", "/v1/balance").text.replace(" ", "_")[:1] + str(prober.balance().get("billing_mode"))

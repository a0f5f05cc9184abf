"""Probes of the documented bounds of a request, with and without a stream."""

from __future__ import annotations

from typing import Any

from .answers import WEATHER
from .prober import PROBES, Prober, body

_URL = {"url": "https://example.com/cat.png"}


def _message(**members: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": "Hi"} | members]}


def _picture(**members: Any) -> dict[str, Any]:
    return _message(content=[{"type": "image_url", "image_url": _URL | members}])


def _schema(levels: int, padding: int = 0) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string", "description": "x" * padding}
    for _ in range(levels - 1):
        schema = {"type": "object", "properties": {"inner": schema}}
    return {"response_format": {"type": "json_schema", "json_schema": {"name": "thing", "schema": schema}}}


# Members that must be refused, by the name of the check that refuses them.
REFUSED: dict[str, dict[str, Any]] = {
    "model_present": {"model": None},
    "model_length": {"model": "m" * 129},
    "model_known": {"model": "unknown"},
    "model_kind": {"model": "aurous-embed-vision-1.0"},
    "messages_least": {"messages": []},
    "messages_most": {"messages": [{"role": "user", "content": "Hi"}] * 201},
    "messages_roles": _message(role="wizard"),
    "messages_content": _message(content=7),
    "message_names": _message(name=7),
    "tool_messages": {"messages": [{"role": "tool", "content": "4"}]},
    "media_addresses": _picture(url="https://127.0.0.1/cat.png"),
    "max_tokens_type": {"max_tokens": "many"},
    "max_tokens_range": {"max_tokens": 0},
    "max_tokens_cap": {"max_tokens": 8193},
    "temperature_type": {"temperature": "hot"},
    "temperature_range": {"temperature": 2.01},
    "top_p_range": {"top_p": 1.01},
    "presence_penalty_range": {"presence_penalty": 2.01},
    "frequency_penalty_range": {"frequency_penalty": -2.01},
    "seed_type": {"seed": 1.5},
    "top_logprobs_range": {"logprobs": True, "top_logprobs": 21},
    "logprobs_type": {"logprobs": "yes"},
    "stop_type": {"stop": 7},
    "stop_count": {"stop": ["a1", "b2", "c3", "d4", "e5"]},
    "stop_length": {"stop": "s" * 201},
    "reasoning_effort": {"reasoning_effort": "extreme"},
    "stream_options": {"stream_options": 7},
    "tools": {"tools": [{"type": "function", "function": {"description": "nameless"}}]},
    "tool_choice": {"tools": [WEATHER], "tool_choice": "sometimes"},
    "tool_choice_required": {"tools": [WEATHER], "tool_choice": "required"},
    "response_format": {"response_format": {"type": "yaml"}},
    "response_format_schema": {"response_format": {"type": "json_schema", "json_schema": {"schema": {}}}},
    "response_format_size": _schema(1, padding=20_000),
    "response_format_depth": _schema(12),
}
NEGATIVE: dict[str, dict[str, Any]] = {
    "temperature_range": {"temperature": -0.01},
    "top_p_range": {"top_p": -0.01},
    "presence_penalty_range": {"presence_penalty": -2.01},
    "frequency_penalty_range": {"frequency_penalty": -2.01},
    "top_logprobs_range": {"logprobs": True, "top_logprobs": -1},
}
# Members at the edge of what must be accepted.
ACCEPTED: dict[str, dict[str, Any]] = {
    "messages": {"messages": [{"role": "user", "content": "Hi"}] * 200},
    "max_tokens": {"max_tokens": 8192},
    "temperature": {"temperature": 2},
    "top_p": {"top_p": 0},
    "presence_penalty": {"presence_penalty": -2},
    "frequency_penalty": {"frequency_penalty": 2},
    "top_logprobs": {"logprobs": True, "top_logprobs": 20},
    "stop": {"stop": ["a1", "b2", "c3", "d4"]},
    "stop_length": {"stop": "s" * 200},
    "schema_size": _schema(1, padding=5_000),
    "schema_depth": _schema(3),
    "name": _message(name="ada"),
}


def _register(name: str, members: dict[str, Any]) -> None:
    def run(prober: Prober, stream: bool) -> Any:
        return prober.tell(prober.create(body() | members | {"stream": stream}))

    PROBES[name] = lambda prober: run(prober, False)
    PROBES[f"{name}_streaming"] = lambda prober: run(prober, True)


for _name in REFUSED:
    _register(f"refused_{_name}", REFUSED[_name])
for _name in NEGATIVE:
    _register(f"negative_{_name}", NEGATIVE[_name])
for _name in ACCEPTED:
    _register(f"accepted_{_name}", ACCEPTED[_name])


def _absent(name: str) -> None:
    def run(prober: Prober) -> Any:
        documents = [body(stream=stream) for stream in (False, True)]
        for document in documents:
            del document[name]
        return [prober.tell(prober.create(document)) for document in documents]

    PROBES[f"absent_{name}"] = run


_absent("model")
_absent("messages")

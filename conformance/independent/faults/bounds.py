"""Faults of a request's bounds: not enforced at all, not on streams, not downwards, or too strictly."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from ..application import Application
from ..changes import FAULTS, Change
from ..errors import ApiError
from ..messages import Call
from ..probes.bounds import ACCEPTED, NEGATIVE, REFUSED

PAGE = "api-reference/chat/create-a-chat-completion"
PAGES = {
    "model_kind": "api-reference/errors/model_wrong_kind",
    "max_tokens_cap": "api-reference/errors/max_tokens_exceeds_hard_cap",
    "tool_choice_required": "api-reference/errors/tool_choice_required_unsupported",
    "response_format_size": "api-reference/errors/response_format_too_large",
    "response_format_depth": "api-reference/errors/response_format_too_deep",
    "response_format_schema": "api-reference/chat/structured-output",
    "tools": "api-reference/chat/tools",
}
# Without these checks a later step would fail on the value.
_UNUSABLE = {
    "model_present",
    "messages_content",
    "messages_roles",
    "max_tokens_type",
    "stop_type",
    "stream_options",
    "tools",
    "response_format",
    "response_format_schema",
    "seed_type",
    "model_length",
}
CHECKED = [name for name in REFUSED if name not in _UNUSABLE]


def _unbounded(name: str, when: Callable[[dict[str, Any]], bool]) -> Callable[[Application], None]:
    return lambda application: application.chat.validator.exempt(name, when)


def _describe(name: str) -> str:
    return f"What the check {name!r} should refuse is accepted"


for _name in CHECKED:
    _page = PAGES.get(_name, PAGE)
    FAULTS.add(
        Change(
            f"{_name}_unchecked",
            f"{_describe(_name)} in documents.",
            _page,
            (f"refused_{_name}",),
            _unbounded(_name, lambda body: not body.get("stream")),
        )
    )
    FAULTS.add(
        Change(
            f"{_name}_unchecked_in_streams",
            f"{_describe(_name)} when a stream is asked for.",
            _page,
            (f"refused_{_name}_streaming",),
            _unbounded(_name, lambda body: bool(body.get("stream"))),
        )
    )

for _name in NEGATIVE:
    _parameter = _name.removesuffix("_range")
    FAULTS.add(
        Change(
            f"{_parameter}_without_lower_bound",
            f"{_parameter} has no lower bound.",
            PAGE,
            (f"negative_{_name}", f"negative_{_name}_streaming"),
            _unbounded(_name, lambda body, name=_parameter: body.get(name, 0) < 0),  # type: ignore[misc]
        )
    )


def _too_strict(members: dict[str, Any], *, stream: bool) -> Callable[[Application], None]:
    def has_members(body: dict[str, Any]) -> bool:
        return all(body.get(name) == value for name, value in members.items())

    return _refusing(has_members, next(iter(members)), stream=stream)


def _refusing(applies: Callable[[dict[str, Any]], bool], param: str, *, stream: bool) -> Callable[[Application], None]:
    def refuse(call: Call) -> None:
        if call.streams is stream and isinstance(call.body, dict) and applies(call.body):
            raise ApiError("value_out_of_range", f"{param} is out of range.", param=param)

    return lambda application: application.seams.call.append(refuse)


def _has_a_name(body: dict[str, Any]) -> bool:
    messages = body.get("messages")
    return isinstance(messages, list) and any(isinstance(turn, dict) and "name" in turn for turn in messages)


def _has_three_levels(body: dict[str, Any]) -> bool:
    return json.dumps(body.get("response_format")).count('"properties"') >= 2


def _has_a_large_schema(body: dict[str, Any]) -> bool:
    return 5000 <= len(json.dumps(body.get("response_format"))) <= 10_000


def _has_as_many(name: str, count: int) -> Callable[[dict[str, Any]], bool]:
    return lambda body: isinstance(body.get(name), list) and len(body[name]) >= count


def _has_a_long_stop(body: dict[str, Any]) -> bool:
    stop = body.get("stop")
    sequences = stop if isinstance(stop, list) else [stop]
    return any(isinstance(sequence, str) and len(sequence) >= 200 for sequence in sequences)


_STRICT = {
    **{name: _too_strict(ACCEPTED[name], stream=False) for name in ("max_tokens", "temperature", "top_logprobs")},
    "messages": _refusing(_has_as_many("messages", 200), "messages", stream=False),
    "stop": _refusing(_has_as_many("stop", 4), "stop", stream=False),
    "schema_size": _refusing(_has_a_large_schema, "response_format", stream=False),
    "stop_length": _refusing(_has_a_long_stop, "stop", stream=False),
}
for _name, _apply in _STRICT.items():
    FAULTS.add(
        Change(
            f"{_name}_too_strict",
            f"The largest {_name.replace('_', ' ')} that must be accepted is refused.",
            PAGE,
            (f"accepted_{_name}",),
            _apply,
        )
    )
_STRICT_IN_STREAMS = {
    **{name: _too_strict(ACCEPTED[name], stream=True) for name in ("presence_penalty", "top_p", "max_tokens")},
    "schema_depth": _refusing(_has_three_levels, "response_format", stream=True),
    "name": _refusing(_has_a_name, "messages", stream=True),
}
for _name, _apply in _STRICT_IN_STREAMS.items():
    FAULTS.add(
        Change(
            f"{_name}_too_strict_in_streams",
            f"A {_name.replace('_', ' ')} that must be accepted is refused when a stream is asked for.",
            PAGE,
            (f"accepted_{_name}_streaming",),
            _apply,
        )
    )


@FAULTS.plant(PAGE, "refused_max_tokens_cap")
def max_tokens_cap_clamped(application: Application) -> None:
    """max_tokens above the hard cap is lowered to it instead of refused."""

    def clamp(call: Call) -> None:
        if isinstance(call.body, dict) and isinstance(call.body.get("max_tokens"), int):
            call.body["max_tokens"] = min(call.body["max_tokens"], 8192)

    application.seams.call.append(clamp)


@FAULTS.plant(PAGE, "refused_max_tokens_cap")
def max_tokens_cap_code_wrong(application: Application) -> None:
    """max_tokens above the hard cap is refused with a general code."""

    def check(body: dict[str, Any], models: dict[str, Any]) -> None:
        if isinstance(body.get("max_tokens"), int) and body["max_tokens"] > 8192:
            raise ApiError("value_out_of_range", "max_tokens is too large.", param="max_tokens")

    application.chat.validator.checks["max_tokens_cap"] = check


@FAULTS.plant(PAGE, "refused_max_tokens_cap", "refused_max_tokens_cap_streaming")
def max_tokens_cap_names_no_param(application: Application) -> None:
    """The refusal of max_tokens above the hard cap does not name max_tokens as its param."""

    def check(body: dict[str, Any], models: dict[str, Any]) -> None:
        if isinstance(body.get("max_tokens"), int) and body["max_tokens"] > 8192:
            raise ApiError("max_tokens_exceeds_hard_cap", "max_tokens is too large.", param="model")

    application.chat.validator.checks["max_tokens_cap"] = check


@FAULTS.plant(PAGE, "picture")
def pictures_refused(application: Application) -> None:
    """Pictures are refused."""

    def refuse(call: Call) -> None:
        for message in call.body.get("messages", []) if isinstance(call.body, dict) else []:
            if isinstance(message, dict) and isinstance(message.get("content"), list):
                raise ApiError("invalid_format", "content must be a string.", param="messages[0].content")

    application.seams.call.append(refuse)


@FAULTS.plant("api-reference/errors/max_input_tokens_exceeded", "large_body")
def context_window_unchecked(application: Application) -> None:
    """A prompt beyond the context window is answered."""
    application.chat.validator.exempt("context_window")


@FAULTS.plant(PAGE, "absent_model")
def model_optional(application: Application) -> None:
    """model may be left out."""

    def fill(call: Call) -> None:
        if isinstance(call.body, dict):
            call.body.setdefault("model", "aurous-grow-2.0-pro")

    application.seams.call.append(fill)


@FAULTS.plant(PAGE, "absent_messages")
def messages_optional_in_streams(application: Application) -> None:
    """messages may be left out when a stream is asked for."""

    def fill(call: Call) -> None:
        if call.streams:
            call.body.setdefault("messages", [{"role": "user", "content": "Hi"}])

    application.seams.call.append(fill)

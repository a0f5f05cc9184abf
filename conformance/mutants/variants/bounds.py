"""Faults of validation: bounds not checked or off by one, as rows of a table.

To accept a value out of bounds, a variant corrects the request on its way to the mock; to refuse one within them, it
makes the request invalid, so that the mock refuses it.
"""

from collections.abc import Callable
from typing import Any

from mutants.messages import Request
from mutants.registry import Replacement, fault

CREATE_PAGE = "api-reference/chat/create-a-chat-completion"
STRUCTURED = "api-reference/chat/structured-output"
CODES = "api-reference/errors/"
MODEL = "aurous-grow-2.0-pro"
HELLO: dict[str, Any] = {"role": "user", "content": "Hello."}

Test = Callable[[Any], bool]


def _number(test: Callable[[float], bool]) -> Test:
    return lambda it: isinstance(it, int | float) and not isinstance(it, bool) and test(it)


def _items(test: Callable[[list[Any]], bool]) -> Test:
    return lambda it: isinstance(it, list) and test(it)


def _text(test: Callable[[str], bool]) -> Test:
    return lambda it: isinstance(it, str) and test(it)


def _no_text(it: Any) -> bool:
    return it is not None and not isinstance(it, str)


def _bound(name: str, sentence: str, member: str, test: Test, value: Any, page: str = CREATE_PAGE) -> None:
    """Replaces a member that fits `test` by `value`, which may be computed from it."""

    @fault.request(f"bound.{name}", sentence, page)
    def replace(request: Request) -> Replacement:
        if request.creates and member in request.body and test(request.body[member]):
            request.body[member] = value(request.body[member]) if callable(value) else value
        return None


def _required(member: str, value: Any) -> None:
    @fault.request(f"bound.{member}_optional", f"{member} is required.", CREATE_PAGE)
    def supply(request: Request) -> Replacement:
        if request.creates and request.body and member not in request.body:
            request.body[member] = value
        return None


_required("model", MODEL)
_required("messages", [HELLO])

_bound("model_too_long", "model has at most 128 characters.", "model", _text(lambda it: len(it) > 128), MODEL)
_bound("model_not_text", "model is a string.", "model", _no_text, MODEL)
_bound("embedding_model", "An embedding model is 400 model_wrong_kind.", "model",
       _text(lambda it: "embed" in it), MODEL, CODES + "model_wrong_kind")  # fmt: skip

_bound("no_messages", "There is at least 1 message.", "messages", _items(lambda it: not it), [HELLO])
_bound("201_messages", "There are at most 200 messages.", "messages", _items(lambda it: len(it) == 201), [HELLO])
_bound("200_messages", "There may be 200 messages.", "messages", _items(lambda it: len(it) == 200), lambda it: it * 2)
_bound("many_messages", "There are at most 200 messages.", "messages", _items(lambda it: len(it) > 200), [HELLO])
_bound("messages_not_a_list", "messages is a list.", "messages", lambda it: isinstance(it, dict | str), [HELLO])

_bound("max_tokens_0", "max_tokens is at least 1.", "max_tokens", _number(lambda it: it == 0), 1)
_bound("max_tokens_negative", "max_tokens is at least 1.", "max_tokens", _number(lambda it: it < 0), 1)
_bound("max_tokens_1", "max_tokens may be 1.", "max_tokens", _number(lambda it: it == 1), 0)
_bound("max_tokens_text", "max_tokens is a number.", "max_tokens", lambda it: isinstance(it, str), 16)
_bound("max_tokens_over_cap", "max_tokens is at most the model's hard cap.", "max_tokens",
       _number(lambda it: it > 8192), 8192, CODES + "max_tokens_exceeds_hard_cap")  # fmt: skip
_bound("max_tokens_just_over_cap", "max_tokens is at most the model's hard cap.", "max_tokens",
       _number(lambda it: it == 8193), 8192, CODES + "max_tokens_exceeds_hard_cap")  # fmt: skip
_bound("max_tokens_at_cap", "max_tokens may be the model's hard cap.", "max_tokens",
       _number(lambda it: it == 8192), 8193, CODES + "max_tokens_exceeds_hard_cap")  # fmt: skip


def _range(name: str, low: int, high: int) -> None:
    sentence = f"{name} is from {low} to {high}, both included."
    _bound(f"{name}_too_high", sentence, name, _number(lambda it: it > high), high)
    _bound(f"{name}_too_low", sentence, name, _number(lambda it: it < low), low)
    _bound(f"{name}_at_most", sentence, name, _number(lambda it: it == high), high + 1)
    _bound(f"{name}_at_least", sentence, name, _number(lambda it: it == low), low - 1)
    _bound(f"{name}_text", f"{name} is a number.", name, lambda it: isinstance(it, str), low)


_range("temperature", 0, 2)
_range("top_p", 0, 1)
_range("presence_penalty", -2, 2)
_range("frequency_penalty", -2, 2)
_range("top_logprobs", 0, 20)

_bound("five_stops", "There are up to 4 stop sequences.", "stop", _items(lambda it: len(it) == 5), lambda it: it[:4])
_bound("four_stops", "There may be 4 stop sequences.", "stop", _items(lambda it: len(it) == 4), lambda it: it * 2)
_bound("long_stop", "A stop sequence has up to 200 characters.", "stop",
       _text(lambda it: len(it) > 200), lambda it: it[:200])  # fmt: skip
_bound("long_stop_in_list", "A stop sequence has up to 200 characters.", "stop",
       _items(lambda it: len(it) < 5 and all(isinstance(each, str) for each in it)),
       lambda it: [each[:200] for each in it])  # fmt: skip
_bound("stop_of_200", "A stop sequence may have 200 characters.", "stop",
       _text(lambda it: len(it) == 200), lambda it: it * 2)  # fmt: skip
_bound("stop_number", "stop is a string or a list of strings.", "stop", _number(lambda it: True), "x")

_EFFORTS = ("minimal", "low", "medium", "high")
_bound("any_effort", "reasoning_effort is minimal, low, medium or high.", "reasoning_effort",
       lambda it: it not in _EFFORTS, "low", "api-reference/chat/reasoning")  # fmt: skip
_bound("no_minimal_effort", "reasoning_effort may be minimal.", "reasoning_effort",
       lambda it: it == "minimal", "none", "api-reference/chat/reasoning")  # fmt: skip
_bound("stream_text", "stream is true or false.", "stream", lambda it: not isinstance(it, bool), False)
_bound("logprobs_text", "logprobs is true or false.", "logprobs", lambda it: not isinstance(it, bool), False)
_bound("seed_text", "seed is a number.", "seed", lambda it: isinstance(it, str), 1)
_bound("stream_options_text", "stream_options is an object.", "stream_options",
       lambda it: not isinstance(it, dict), {})  # fmt: skip
_bound("tools_object", "tools is a list.", "tools", lambda it: isinstance(it, dict), [])
_bound("nameless_tool", "A tool's function has a name.", "tools",
       _items(lambda it: any(isinstance(each, dict) and "name" not in (each.get("function") or {}) for each in it)),
       [], "api-reference/chat/tools")  # fmt: skip
_bound("tool_choice_word", "tool_choice is auto, none or a function.", "tool_choice",
       _text(lambda it: it not in ("auto", "none", "required")), "auto")  # fmt: skip
_bound("tool_choice_required", "tool_choice required is 400 tool_choice_required_unsupported.", "tool_choice",
       lambda it: it == "required", "auto", CODES + "tool_choice_required_unsupported")  # fmt: skip


def _format_size(it: Any) -> int:
    return len(str(it))


def _format_depth(it: Any) -> int:
    if isinstance(it, dict):
        return 1 + max((_format_depth(each) for each in it.values()), default=0)
    return 0


_SCHEMA = {"type": "json_schema", "json_schema": {"name": "any", "schema": {"type": "object"}}}
_BROKEN = {"type": "json_schema"}


def _with_schema(test: Callable[[dict[str, Any]], bool]) -> Test:
    return lambda it: isinstance(it, dict) and isinstance(it.get("json_schema"), dict) and test(it)


_bound("large_format", "A schema of more than 10 KB is 400 response_format_too_large.", "response_format",
       _with_schema(lambda it: _format_size(it) > 10_240 and _format_depth(it) < 10),
       _SCHEMA, CODES + "response_format_too_large")  # fmt: skip
_bound("deep_format", "A schema of more than 5 levels is 400 response_format_too_deep.", "response_format",
       _with_schema(lambda it: _format_depth(it) > 12), _SCHEMA, CODES + "response_format_too_deep")  # fmt: skip
_bound("small_format_limit", "A schema may have 10 KB.", "response_format",
       _with_schema(lambda it: _format_size(it) > 4_000), _BROKEN, STRUCTURED)  # fmt: skip
_bound("shallow_format_limit", "A schema may have 5 levels.", "response_format",
       _with_schema(lambda it: _format_depth(it) > 6), _BROKEN, STRUCTURED)  # fmt: skip
_bound("nameless_format", "json_schema.name is required.", "response_format",
       _with_schema(lambda it: "name" not in it["json_schema"]), _SCHEMA, STRUCTURED)  # fmt: skip
_bound("any_format", "response_format.type is text, json_object or json_schema.", "response_format",
       lambda it: isinstance(it, dict) and it.get("type") not in ("text", "json_object", "json_schema"),
       {"type": "text"}, STRUCTURED)  # fmt: skip


def _message(name: str, sentence: str, test: Callable[[dict[str, Any]], bool], page: str = CREATE_PAGE) -> None:
    """Replaces a message that fits `test` by a harmless one."""

    @fault.request(f"bound.{name}", sentence, page)
    def replace(request: Request) -> Replacement:
        messages = request.body.get("messages")
        if request.creates and isinstance(messages, list):
            request.body["messages"] = [HELLO if isinstance(each, dict) and test(each) else each for each in messages]
        return None


def _pictures(message: dict[str, Any]) -> list[dict[str, Any]]:
    content = message.get("content")
    parts = [part for part in content if isinstance(part, dict)] if isinstance(content, list) else []
    return [part["image_url"] for part in parts if isinstance(part.get("image_url"), dict)]


_ROLES = ("system", "user", "assistant", "tool")
_message("any_role", "role is system, user, assistant or tool.", lambda it: it.get("role", "user") not in _ROLES)
_message("content_number", "content is a string or a list of parts.",
         lambda it: isinstance(it.get("content"), int | float))  # fmt: skip
_message("any_detail", "image_url.detail is low, high or auto.",
         lambda it: any(each.get("detail", "low") not in ("low", "high", "auto") for each in _pictures(it)),
         "api-reference/chat/multimodal")  # fmt: skip
_message("any_picture_address", "image_url.url is https or a data URI.",
         lambda it: any(not str(each.get("url", "https://")).startswith(("https://", "data:image/"))
                        for each in _pictures(it)),
         "api-reference/chat/multimodal")  # fmt: skip


@fault.request("bound.unchecked_when_streaming", "temperature is from 0 to 2, streamed or not.", CREATE_PAGE)
def skip_check_of_streams(request: Request) -> Replacement:
    if request.streams and _number(lambda it: not 0 <= it <= 2)(request.body.get("temperature")):
        request.body["temperature"] = 1
    return None

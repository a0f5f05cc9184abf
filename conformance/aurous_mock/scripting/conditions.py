"""Decides which requests a scripted answer is for.

"Oslo"                    the text of the last message contains it
{"pattern": "Oslo|Rome"}  the text of the last message matches it somewhere
{"role": "tool"}          members of the last message
[{...}, {...}]            such conditions on the last messages, in order
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from aurous_mock.generation.parsed_request import ParsedRequest

_MESSAGE_MEMBERS: Final = frozenset({"role", "content", "name", "tool_call_id", "tool_calls"})
# Patterns are the tester's own; the text may be long. `re` has no time limit and holds the GIL while it matches, so
# that a thread would not bound it either.
_MAX_TEXT: Final = 100_000


def check_condition(condition: Any) -> None:
    """Raise ValueError, which says what is wrong, for what is no condition."""
    if isinstance(condition, str):
        return
    if isinstance(condition, Mapping):
        _check_message(condition)
    elif isinstance(condition, Sequence) and condition:
        for each in condition:
            if not isinstance(each, str | Mapping):
                raise ValueError("a condition on several messages is a list of texts and objects")
            check_condition(each)
    else:
        raise ValueError("a condition is text, an object, or a list of these that is not empty")


def _check_message(condition: Mapping[str, Any]) -> None:
    if "pattern" in condition:
        try:
            re.compile(condition["pattern"])
        except (re.error, TypeError) as error:
            raise ValueError(f"{condition['pattern']!r} is not a regular expression: {error}") from error
    unknown = sorted(condition.keys() - _MESSAGE_MEMBERS - {"pattern"})
    if unknown or not condition:
        known = ", ".join(["pattern", *sorted(_MESSAGE_MEMBERS)])
        raise ValueError(f"a condition has members of a message ({known}), and not {unknown or 'nothing'}")


def is_met(condition: Any, request: ParsedRequest) -> bool:
    """Whether a checked condition is true of a request; None is true of all."""
    messages: Sequence[Mapping[str, Any]] = request.body["messages"]
    if condition is None:
        return True
    conditions = condition if isinstance(condition, list) else [condition]
    if len(conditions) > len(messages):
        return False
    return all(map(_is_met_by, conditions, messages[len(messages) - len(conditions) :]))


def _is_met_by(condition: Any, message: Mapping[str, Any]) -> bool:
    if isinstance(condition, str):
        return condition in text_of(message)
    pattern = condition.get("pattern")
    if pattern is not None and re.search(pattern, text_of(message)[:_MAX_TEXT]) is None:
        return False
    return all(
        text_of(message) == value if name == "content" and isinstance(value, str) else message.get(name) == value
        for name, value in condition.items()
        if name != "pattern"
    )


def text_of(message: Mapping[str, Any]) -> str:
    """The text of a message, that of its parts included."""
    content = message.get("content")
    if isinstance(content, str):
        return content
    return " ".join(part["text"] for part in content or () if part["type"] == "text")

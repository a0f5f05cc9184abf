"""Reads completions and chunks that deviate from the contract.

An answer is charged when it is made, so it is worth more than a member that nobody needs. What a strict parser refuses
is converted, or replaced by an empty value, until it accepts the rest; each of these repairs is reported.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from typing import Any, Final, NamedTuple

from aurous_client.errors import ParseError, Path

MISSING_INDEX: Final = -1
"""The index of a piece of a tool call that names none."""

# No server makes more kinds of mistakes in one object, and each repair parses it again.
_MAX_REPAIRS: Final = 200
# Of no use in parts, and long.
_DROPPED_WHOLE: Final = frozenset({"logprobs"})
_ABSENT: Final = object()
_NO_BREAKDOWN: Final = {"input_credits": 0.0, "output_credits": 0.0, "model": "", "pricing_version": 0}


class Repaired(NamedTuple):
    """An object that could be read, and what was wrong with its document."""

    result: Any
    document: Any
    """As the parser accepted it."""
    notes: Mapping[str, str]
    """What was wrong, by the kind of place."""


class _BeyondRepairError(Exception):
    """A member is wrong without which the object is of no use."""


def repair(parser: Callable[[Any], Any], document: Any, *, essential: Collection[str] = ()) -> Repaired:
    """The object that a document stands for, though it does not match the contract.

    essential: names of members that are not replaced by an empty value, since without them the answer, or its price,
               is lost

    Raises ParseError if the document cannot be repaired.
    """
    document = _copy(document)
    notes: dict[str, str] = {}
    fault = ParseError("an object that can be read", document)
    for _ in range(_MAX_REPAIRS):
        previous = fault
        try:
            return Repaired(parser(document), document, notes)
        except ParseError as error:
            fault = error.with_traceback(None)
        path = fault.path
        # An element of a list is removed, so that the next one has its path.
        if not path or (path == previous.path and not isinstance(path[-1], int)):
            break
        notes.setdefault("".join("[]" if isinstance(step, int) else f".{step}" for step in path)[1:], str(fault))
        try:
            _mend(document, path, essential)
        except (_BeyondRepairError, LookupError, TypeError):
            break
    raise fault


def _copy(document: Any) -> Any:
    """A copy of a document. Not by `deepcopy`, whose frames do not suffice for all that can be decoded."""
    holder = [document]
    pending: list[Any] = [holder]
    while pending:
        container = pending.pop()
        for key, value in container.items() if isinstance(container, dict) else enumerate(container):
            if isinstance(value, dict | list):
                container[key] = value.copy()
                pending.append(container[key])
    return holder[0]


def _mend(document: Any, path: Path, essential: Collection[str]) -> None:
    """Make the value at a path acceptable."""
    for depth, step in enumerate(path):
        if step in _DROPPED_WHOLE:
            path = path[: depth + 1]
            break
    parent: Any = document
    for step in path[:-1]:
        parent = parent[step]
    name: Any = path[-1]
    if isinstance(parent, list):
        # An element that is no object at all.
        del parent[name]
        return
    value = parent.get(name, _ABSENT)
    if "usage" in path:
        _mend_usage(document, parent, path, essential)
        return
    mended = _REPAIRS[name](value, parent, path) if name in _REPAIRS else _ABSENT
    if name in essential and not mended:
        raise _BeyondRepairError
    if mended is not _ABSENT:
        parent[name] = mended
    else:
        del parent[name]


def _mend_usage(document: dict[str, Any], parent: dict[str, Any], path: Path, essential: Collection[str]) -> None:
    name: Any = path[-1]
    value = parent.get(name, _ABSENT)
    number = _number(value)
    if name == "usage" or (name == "credits_charged" and number is None):
        if name in essential:
            raise _BeyondRepairError
        # The price of a stream can still be learned from its stored record.
        document.pop("usage", None)
    elif name == "breakdown":
        parent[name] = {**_NO_BREAKDOWN, "model": _text(document.get("model"), document, path)}
    elif name == "model":
        parent[name] = _text(value, parent, path)
    elif number is not None and not str(name).endswith("tokens"):
        parent[name] = number
    else:
        parent[name] = int(number or 0)


def _number(value: Any) -> float | None:
    """A number that was written as a string, or is one; None for anything else."""
    try:
        number = None if value is _ABSENT or isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    # What is no number, or not finite, is none.
    return number if number is not None and abs(number) < float("inf") else None


def _whole(value: Any, _: dict[str, Any], __: Path) -> int:
    return int(_number(value) or 0)


def _index(value: Any, parent: dict[str, Any], path: Path) -> int:
    number = _number(value)
    if number is not None:
        return int(number)
    if "tool_calls" in path:
        return MISSING_INDEX
    position = path[-2] if len(path) > 1 else 0
    return position if isinstance(position, int) else 0


def _text(value: Any, _: dict[str, Any], __: Path) -> str:
    if isinstance(value, str):
        return value
    return "" if value is None or value is _ABSENT else json.dumps(value)


def _content(value: Any, parent: dict[str, Any], path: Path) -> Any:
    """Content as a list of parts, as in requests, or as anything else."""
    if isinstance(value, list) and all(isinstance(part, (str, dict)) for part in value):
        return "".join(part if isinstance(part, str) else _text(part.get("text"), part, path) for part in value)
    return None if value is _ABSENT else _text(value, parent, path)


def _list(value: Any, _: dict[str, Any], __: Path) -> Any:
    return [value] if isinstance(value, dict) else []


def _delta(value: Any, parent: dict[str, Any], _: Path) -> Any:
    if isinstance(value, str):
        return {"content": value}
    return parent.pop("message") if isinstance(parent.get("message"), dict) else {}


def _message(value: Any, parent: dict[str, Any], _: Path) -> Any:
    if isinstance(value, str):
        return {"role": "assistant", "content": value}
    if isinstance(parent.get("delta"), dict):
        return parent.pop("delta")
    if isinstance(parent.get("text"), str):
        return {"role": "assistant", "content": parent.pop("text")}
    raise _BeyondRepairError


def _function(value: Any, parent: dict[str, Any], _: Path) -> Any:
    # Some servers leave out the level of `function`.
    known = {name: parent.pop(name) for name in ("name", "arguments") if name in parent}
    return known or ({"name": value} if isinstance(value, str) else {"name": "", "arguments": ""})


_REPAIRS: Final[Mapping[str | int, Callable[[Any, dict[str, Any], Path], Any]]] = {
    "id": _text,
    "object": lambda _, __, ___: _ABSENT,
    "created": _whole,
    "model": _text,
    "status": lambda value, _, __: value if isinstance(value, str) else "completed",
    "type": lambda value, _, __: value if isinstance(value, str) else "function",
    "name": _text,
    "index": _index,
    "choices": _list,
    "delta": _delta,
    "message": _message,
    "role": lambda value, _, __: value if isinstance(value, str) else "assistant",
    "content": _content,
    "arguments": _text,
    "function": _function,
    "tool_calls": _list,
    "finish_reason": lambda value, parent, path: _text(value, parent, path) or None,
    "logprobs": lambda _, __, ___: None,
}

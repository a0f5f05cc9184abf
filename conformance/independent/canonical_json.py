"""Strict reading of JSON, and the canonical text that request bodies are compared by."""

from __future__ import annotations

import json
import math
import re
from typing import Any

MAX_DEPTH = 200
_UNUSABLE = re.compile("[\0\ud800-\udfff]")


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


def parse(raw: bytes) -> Any:
    """Return the value of a JSON text; ValueError if it is not JSON, not UTF-8 or beyond what the server handles.

    Strings with a NUL or half a surrogate pair are refused, as are numbers beyond a double and more than 200 levels.
    """
    try:
        value = json.loads(raw.decode("utf-8"), parse_constant=_refuse_constant)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    _refuse_unusable(value)
    return value


def _refuse_unusable(root: Any) -> None:
    pending = [(root, 1)]
    while pending:
        value, depth = pending.pop()
        if depth > MAX_DEPTH:
            raise ValueError(f"it has more than {MAX_DEPTH} levels")
        if isinstance(value, str):
            _refuse_text(value)
        elif isinstance(value, float) and not math.isfinite(value):
            raise ValueError("a number is too large")
        elif isinstance(value, dict):
            for name, member in value.items():
                _refuse_text(name)
                pending.append((member, depth + 1))
        elif isinstance(value, list):
            pending.extend((member, depth + 1) for member in value)


def _refuse_text(text: str) -> None:
    unusable = _UNUSABLE.search(text)
    if unusable is not None:
        raise ValueError(f"a string contains the character U+{ord(unusable.group()):04X}")


def canonical(value: Any) -> str:
    """Return the one text of a JSON value: members sorted, no white space, equal numbers written alike."""
    if isinstance(value, dict):
        members = (f"{json.dumps(name)}:{canonical(value[name])}" for name in sorted(value))
        return "{" + ",".join(members) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(canonical, value)) + "]"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return json.dumps(value)

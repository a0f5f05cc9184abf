"""Reads log probabilities of an upstream server; entries that are none are left out."""

from collections.abc import Mapping
from typing import Any

from aurous_mock.generation.answer import Logprobs
from aurous_mock.upstream.values import whole

_LOWEST = -9999.0


def read_logprobs(choice: Mapping[str, Any]) -> Logprobs:
    """The entries of a choice that are understood."""
    logprobs = choice.get("logprobs")
    entries = logprobs.get("content") if isinstance(logprobs, Mapping) else None
    return tuple(_entries(entries, deeper=True))


def _entries(entries: Any, *, deeper: bool) -> list[dict[str, Any]]:
    read = []
    for entry in entries if isinstance(entries, list) else ():
        if not isinstance(entry, Mapping) or not isinstance(entry.get("token"), str):
            continue
        token = whole(entry["token"])
        known: dict[str, Any] = {
            "token": token,
            "logprob": _logprob(entry.get("logprob")),
            "bytes": _bytes(entry.get("bytes")),
        }
        if deeper:
            known["top_logprobs"] = _entries(entry.get("top_logprobs"), deeper=False)
        read.append(known)
    return read


def _logprob(value: Any) -> float:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    # False for NaN too.
    return float(value) if is_number and _LOWEST <= value <= -_LOWEST else _LOWEST


def _bytes(value: Any) -> list[int] | None:
    if not isinstance(value, list) or not all(isinstance(item, int) and 0 <= item <= 255 for item in value):
        return None
    return value

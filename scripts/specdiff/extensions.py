"""Finds what the engine does not compare: names of models, documented error codes, extensions of this project."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from generator.spec import walk
from generator.yaml_loader import Pointer

from .findings import Finding

_CODES = ("components", "x-error-codes")
_BY_CLIENT = "x-set-by-client"


def find(old: dict[str, Any], new: dict[str, Any]) -> Iterator[Finding]:
    """Every difference that is ours to find."""
    yield from _models(old, new)
    yield from _codes(old, new)
    yield from _extensions(old, new)


def _models(old: dict[str, Any], new: dict[str, Any]) -> Iterator[Finding]:
    before, after = (document.get("components", {}).get("schemas", {}) for document in (old, new))
    for name in before:
        if name not in after:
            text = "the model is gone, or has another name"
            yield Finding("model-removed", False, text, ("components", "schemas", name), None)
    for name in after:
        if name not in before:
            yield Finding("model-added", False, "the model is new", None, ("components", "schemas", name))


def _codes(old: dict[str, Any], new: dict[str, Any]) -> Iterator[Finding]:
    before, after = (document.get("components", {}).get("x-error-codes", {}) for document in (old, new))
    for code in {**before, **after}:
        place: Pointer = (*_CODES, code)
        if code not in before:
            yield Finding("error-code-added", False, "the error code is new", None, place)
        elif code not in after:
            yield Finding("error-code-removed", False, "the error code is gone", place, None)
        else:
            yield from _code(place, before[code], after[code])


def _code(place: Pointer, before: dict[str, Any], after: dict[str, Any]) -> Iterator[Finding]:
    for name in {**before, **after}:
        was, now = before.get(name), after.get(name)
        if was == now:
            continue
        rule = {"status": "error-status-changed", "type": "error-status-changed", "retryable": "error-retry-changed"}
        text = f"`{name}` changed from `{was}` to `{now}`"
        yield Finding(rule.get(name, "description-changed"), False, text, (*place, name), (*place, name))


def _extensions(old: dict[str, Any], new: dict[str, Any]) -> Iterator[Finding]:
    before, after = (dict(_extended(document)) for document in (old, new))
    for pointer in {**before, **after}:
        was, now = before.get(pointer), after.get(pointer)
        if was == now:
            continue
        rule, name = "extension-changed", str(pointer[-1])
        text = f"`{name}` changed"
        if name == "x-errors":
            rule = "documented-errors-changed"
            removed, added = (sorted(set(one or ()) - set(other or ())) for one, other in ((was, now), (now, was)))
            text = "; ".join(
                f"{way} {', '.join(codes)}" for way, codes in (("now also", added), ("no longer", removed)) if codes
            )
        elif name == _BY_CLIENT:
            rule = "parameter-moved-out-of-client"
            text = "who gives its value, the client or each call, changed"
        at_old, at_new = (pointer if value is not None else None for value in (was, now))
        yield Finding(rule, False, text or "listed in another order", at_old, at_new)


def _extended(document: dict[str, Any]) -> Iterator[tuple[Pointer, Any]]:
    """Every extension but the table of codes; those of added or removed operations are reported with them."""
    for pointer, node in walk(document):
        if pointer and str(pointer[-1]).startswith("x-") and pointer[:2] != _CODES and "example" not in pointer:
            yield pointer, node

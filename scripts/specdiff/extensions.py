"""Finds what Redocly does not compare: names of models and methods, error codes, extensions of this project."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from generator import charges, method_tree, paging
from generator.normalize import event_streams
from generator.spec import Spec, walk
from generator.yaml_loader import Pointer

from .findings import Finding

_CODES = ("components", "x-error-codes")
_BY_CLIENT = "x-set-by-client"


def find(old: dict[str, Any], new: dict[str, Any]) -> Iterator[Finding]:
    """Every difference that is ours to find."""
    yield from _models(old, new)
    yield from _codes(old, new)
    yield from _methods(old, new)
    yield from _set_by_client(old, new)
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


def _methods(old: dict[str, Any], new: dict[str, Any]) -> Iterator[Finding]:
    """Operations whose method has another name; those that are gone are reported as that."""
    before, after = (method_tree.method_names(Spec(Path("the spec"), document)) for document in (old, new))
    for pointer in before:
        if pointer in after and before[pointer] != after[pointer]:
            text = f"the method {before[pointer]} is now {after[pointer]}"
            yield Finding("method-renamed", False, text, pointer, pointer)


def _set_by_client(old: dict[str, Any], new: dict[str, Any]) -> Iterator[Finding]:
    """Parameters whose value is given by the client in one document, and by each call in the other."""
    before, after = (_parameters(Spec(Path("the spec"), document)) for document in (old, new))
    for (operation, name), flag in before.items():
        if after.get((operation, name), flag) != flag:
            text = f"who gives the value of `{name}`, the client or each call, changed"
            yield Finding("parameter-moved-out-of-client", False, text, operation, operation)


def _parameters(spec: Spec) -> dict[tuple[Pointer, str], bool]:
    return {
        (pointer, str(parameter.get("name"))): bool(parameter.get(_BY_CLIENT))
        for pointer, _ in spec.operations()
        for parameter in spec.parameters(pointer)
    }


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
        kind = {"status": "error-status-changed", "type": "error-status-changed", "retryable": "error-retry-changed"}
        text = f"`{name}` changed from `{was}` to `{now}`"
        yield Finding(kind.get(name, "description-changed"), False, text, (*place, name), (*place, name))


def _extensions(old: dict[str, Any], new: dict[str, Any]) -> Iterator[Finding]:
    before, after = (dict(_extended(document)) for document in (old, new))
    for pointer in {**before, **after}:
        was, now = before.get(pointer), after.get(pointer)
        if was == now:
            continue
        kind, name = "extension-changed", str(pointer[-1])
        text = f"`{name}` changed"
        if name == "x-errors":
            kind = "documented-errors-changed"
            removed, added = (sorted(set(one or ()) - set(other or ())) for one, other in ((was, now), (now, was)))
            text = "; ".join(
                f"{way} {', '.join(codes)}" for way, codes in (("now also", added), ("no longer", removed)) if codes
            )
        elif name == "x-renamed-from" and now is not None:
            text = f"earlier versions call it `{now}`"
        elif name == charges.EXTENSION:
            kind, text = _charge(was, now)
        elif name == paging.EXTENSION:
            kind, text = _paging(was, now)
        elif name == event_streams.EXTENSION and was is not None:
            kind, text = "stream-class-changed", "the stream has another class"
        elif name == "x-sdk-method":
            # Reported as the method's new name.
            continue
        elif name == _BY_CLIENT:
            # Compared by operation, since it may stand in a component.
            continue
        at_old, at_new = (pointer if value is not None else None for value in (was, now))
        yield Finding(kind, False, text or "listed in another order", at_old, at_new)


def _charge(was: Any, now: Any) -> tuple[str, str]:
    if was is None:
        is_record = isinstance(now, dict) and "record_of" in now
        return "charge-added", "responses repeat an earlier charge" if is_record else "calls are charged"
    if now is None:
        return "charge-removed", "responses have no price any more"
    return "charge-changed", "where responses have their price changed"


def _paging(was: Any, now: Any) -> tuple[str, str]:
    if was is None:
        return "paging-added", "the result goes on to further pages"
    return ("paging-removed", "the result has no pages") if now is None else ("paging-changed", "pages go on otherwise")


def _extended(document: dict[str, Any]) -> Iterator[tuple[Pointer, Any]]:
    """Every extension but the table of codes; those of added or removed operations are reported with them."""
    for pointer, node in walk(document):
        if pointer and str(pointer[-1]).startswith("x-") and pointer[:2] != _CODES and "example" not in pointer:
            yield pointer, node

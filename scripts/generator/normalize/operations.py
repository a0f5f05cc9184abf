"""Rewrites operations: root security, `default` responses, descriptions of parameters."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from ..schemas import METHODS
from .draft import Draft

_ERRORS = ("4XX", "5XX")


def copy_root_security(draft: Draft) -> None:
    """Give the document's security to the operations without one of their own."""
    if "security" not in draft.document:
        return
    for pointer, operation in draft.operations():
        if "security" not in operation:
            operation["security"] = deepcopy(draft.document["security"])
            draft.sources.move((*pointer, "security"), ("security",))


def expand_default_responses(draft: Draft) -> None:
    """Put `default` in the place of the errors that an operation does not list."""
    for pointer, operation in draft.operations():
        responses = operation.get("responses", {})
        default = responses.pop("default", None)
        for status in _ERRORS if default is not None else ():
            if status not in responses:
                responses[status] = deepcopy(default)
                draft.sources.move((*pointer, "responses", status), (*pointer, "responses", "default"))


def describe_parameters(draft: Draft) -> None:
    """Move what is written beside the schema of a parameter into the schema, where docstrings find it."""
    for parameter in draft.components("parameters").values():
        _describe(parameter)
    for path, item in draft.document.get("paths", {}).items():
        for parameter in [*item.get("parameters", ()), *_own_parameters(draft, path)]:
            _describe(parameter)


def _own_parameters(draft: Draft, path: str) -> list[dict[str, Any]]:
    item = draft.document["paths"][path]
    return [parameter for method in METHODS for parameter in item.get(method, {}).get("parameters", ())]


def _describe(parameter: dict[str, Any]) -> None:
    schema = parameter.get("schema")
    if not isinstance(schema, dict):
        return
    for keyword in ("description", "deprecated"):
        if keyword in parameter:
            schema[keyword] = parameter.pop(keyword)

"""Short names for parts of a spec, as people write them: `Usage.total_tokens`, `GET /v1/models, status 200`."""

from __future__ import annotations

from typing import Any

from generator.yaml_loader import Pointer

from . import sources

_KINDS = {"parameters": "parameter", "headers": "header", "responses": "response", "requestBodies": "body"}


def name(document: dict[str, Any], pointer: Pointer) -> str:
    """The name of what a pointer leads to; `document` has it."""
    head, *rest = pointer or ("the document",)
    if head == "components" and len(rest) >= 2:
        kind, component = str(rest[0]), str(rest[1])
        member = _member(rest[2:])
        if kind == "schemas":
            return component + member
        node = sources.find(document, pointer[:3])
        shown = node.get("name", component) if isinstance(node, dict) and kind == "parameters" else component
        return f"{_KINDS.get(kind, kind)} {shown}{member}"
    if head == "paths" and rest:
        return _of_path(document, pointer)
    return ".".join(str(step) for step in pointer)


def _of_path(document: dict[str, Any], pointer: Pointer) -> str:
    path, method, rest = str(pointer[1]), str(pointer[2]) if len(pointer) > 2 else "", list(pointer[3:])
    text = f"{method.upper()} {path}".strip()
    if not rest:
        return text
    match rest:
        case ["parameters", index, *rest]:
            parameter = sources.follow(document, sources.find(document, (*pointer[:3], "parameters", index)))
            text += f", parameter {parameter['name'] if isinstance(parameter, dict) else index}"
        case ["responses", status, "headers", header, *rest]:
            text += f", status {status}, header {header}"
        case ["responses", status, "content", media_type, *rest]:
            text += f", status {status}" + ("" if media_type == "application/json" else f" ({media_type})")
        case ["responses", status, *rest]:
            text += f", status {status}"
        case ["requestBody", "content", _, *rest] | ["requestBody", *rest]:
            text += ", body"
        case _:
            return text
    member = _member(rest)
    return f"{text}: {member.removeprefix('.')}" if member else text


def _member(steps: list[str | int]) -> str:
    """The dotted path of a member; keywords and unions are left out."""
    text, index = "", 0
    while index < len(steps):
        step = steps[index]
        if step == "properties" and index + 1 < len(steps):
            text += f".{steps[index + 1]}"
            index += 1
        elif step == "items":
            text += "[]"
        elif step in ("oneOf", "anyOf", "allOf", "discriminator"):
            index += 2 if step == "discriminator" else 1
        index += 1
    return text

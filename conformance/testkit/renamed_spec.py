"""Renames members and values in a spec, as a later version of the API may."""

from __future__ import annotations

from typing import Any


def rename_member(document: dict[str, Any], schema: str, name: str, new: str) -> None:
    """Give a member of a component schema a new name, in its place, and say so."""
    node = document["components"]["schemas"][schema]
    members = {(new if each == name else each): member for each, member in node["properties"].items()}
    members[new] = {**members[new], "x-renamed-from": name}
    node["properties"] = members
    if name in node.get("required", ()):
        node["required"] = [new if each == name else each for each in node["required"]]


def rename_value(document: dict[str, Any], schema: str, value: str, new: str) -> None:
    """Give a value of a component enum a new name, and say so; an error code has it in the table of codes, too."""
    node = document["components"]["schemas"][schema]
    node["enum"] = [new if each == value else each for each in node["enum"]]
    node["x-renamed-values"] = {**node.get("x-renamed-values", {}), new: value}
    codes = document["components"]["x-error-codes"]
    if value in codes and schema == "ErrorCode":
        document["components"]["x-error-codes"] = {(new if each == value else each): row for each, row in codes.items()}


def rename_in_examples(node: Any, name: str, new: str) -> None:
    """Give a member its new name in every example of a document."""
    if isinstance(node, list):
        for child in node:
            rename_in_examples(child, name, new)
    elif isinstance(node, dict):
        for key, child in node.items():
            if key in ("example", "examples", "value"):
                node[key] = _renamed(child, name, new)
            else:
                rename_in_examples(child, name, new)


def _renamed(value: Any, name: str, new: str) -> Any:
    if isinstance(value, list):
        return [_renamed(each, name, new) for each in value]
    if not isinstance(value, dict):
        return value
    return {(new if each == name else each): _renamed(child, name, new) for each, child in value.items()}

"""The alternatives, types and a small value of a schema."""

from __future__ import annotations

from typing import Any

from harness import contract
from harness.generation.request_normalizer import PIXEL


def essential(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema behind a reference, without the null that only stands for a member that is left out."""
    schema = contract.resolve(schema)
    if schema.get("default", 0) is not None:
        return schema
    essence = {keyword: value for keyword, value in schema.items() if keyword != "default"}
    if isinstance(essence.get("type"), list):
        kinds = [kind for kind in essence["type"] if kind != "null"]
        return {**essence, "type": kinds[0] if len(kinds) == 1 else kinds}
    for keyword in ("anyOf", "oneOf"):
        branches = [branch for branch in essence.get(keyword, ()) if branch != {"type": "null"}]
        if len(branches) == 1:
            return essential(branches[0])
        if branches:
            essence[keyword] = branches
    return essence


def alternatives(schema: dict[str, Any]) -> list[dict[str, Any]]:
    """The schemas that a value may keep, each without a union at its top."""
    branches = schema.get("anyOf") or schema.get("oneOf")
    if branches is None:
        return [schema]
    return [inner for branch in branches for inner in alternatives(essential(branch))]


def sample(schema: dict[str, Any]) -> Any:
    """A small value of a schema."""
    schema = essential(schema)
    if "const" in schema:
        return schema["const"]
    branches = schema.get("oneOf") or schema.get("anyOf")
    if branches:
        return sample(branches[0])
    match schema.get("type"):
        case "object":
            properties = schema.get("properties", {})
            # Pictures are charged by their detail, the least of which comes first.
            names = [*schema.get("required", ()), *(["detail"] if "detail" in properties else [])]
            return {name: sample(properties[name]) for name in names}
        case "array":
            return [sample(schema["items"])]
        case "string":
            return PIXEL if "pattern" in schema else schema.get("enum", [schema.get("example", "Hi.")])[0]
        case "integer" | "number":
            return schema.get("example", schema.get("minimum", 1))
        case _:
            return True


def types_of(value: Any) -> set[str]:
    """The names that JSON Schema has for the type of a value."""
    match value:
        case None:
            return {"null"}
        case bool():
            return {"boolean"}
        case int():
            return {"integer", "number"}
        case str():
            return {"string"}
        case list():
            return {"array"}
        case _:
            return {"object"}


def in_words(types: set[str]) -> str:
    """Types in words."""
    words = {
        "array": "an array",
        "object": "an object",
        "integer": "a whole number",
        "number": "a number",
        "boolean": "true or false",
        "string": "text",
        "null": "null",
    }
    return " or ".join(word for kind, word in words.items() if kind in types)

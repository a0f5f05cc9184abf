"""Checks of tools, of the choice among them, and of the form that an answer must have."""

from __future__ import annotations

import json
from typing import Any

from .catalogue import Model
from .errors import ApiError
from .validation import Body, check, missing, wrong_type

MAX_SCHEMA_BYTES = 10 * 1024
MAX_SCHEMA_LEVELS = 5


@check("tools")
def _tools(body: Body, models: dict[str, Model]) -> None:
    tools = body.get("tools", [])
    if not isinstance(tools, list):
        raise wrong_type("tools", "an array")
    for index, tool in enumerate(tools):
        path = f"tools[{index}]"
        if not isinstance(tool, dict):
            raise wrong_type(path, "an object")
        _refuse_function(path, tool)
        if not isinstance(tool["function"].get("parameters", {}), dict):
            raise wrong_type(f"{path}.function.parameters", "a JSON Schema")
        if not isinstance(tool["function"].get("description", ""), str):
            raise wrong_type(f"{path}.function.description", "a string")


def _refuse_function(path: str, item: dict[str, Any]) -> None:
    for member in ("type", "function"):
        if member not in item:
            raise missing(f"{path}.{member}")
    if item["type"] != "function":
        raise ApiError("invalid_format", f"{path}.type must be function.", param=f"{path}.type")
    path, function = f"{path}.function", item["function"]
    if not isinstance(function, dict):
        raise wrong_type(path, "an object")
    if "name" not in function:
        raise missing(f"{path}.name")
    if not isinstance(function["name"], str) or not function["name"]:
        raise wrong_type(f"{path}.name", "a string that is not empty")


@check("tool_choice_required")
def _tool_choice_required(body: Body, models: dict[str, Model]) -> None:
    if body.get("tool_choice") == "required":
        message = f"{body['model']} does not support tool_choice required."
        raise ApiError("tool_choice_required_unsupported", message, param="tool_choice")


@check("tool_choice")
def _tool_choice(body: Body, models: dict[str, Model]) -> None:
    choice = body.get("tool_choice", "auto")
    if isinstance(choice, str):
        if choice not in ("auto", "none", "required"):
            raise ApiError("invalid_format", "tool_choice must be auto, none or a function.", param="tool_choice")
        return
    if not isinstance(choice, dict):
        raise wrong_type("tool_choice", "a string or an object")
    _refuse_function("tool_choice", choice)
    name = choice["function"]["name"]
    if name not in [tool["function"]["name"] for tool in body.get("tools", [])]:
        message = f"tool_choice names {name!r}, which is not among the tools."
        raise ApiError("invalid_format", message, param="tool_choice.function.name")


@check("response_format")
def _response_format(body: Body, models: dict[str, Model]) -> None:
    form = body.get("response_format", {"type": "text"})
    if not isinstance(form, dict):
        raise wrong_type("response_format", "an object")
    if "type" not in form:
        raise missing("response_format.type")
    if form["type"] not in ("text", "json_object", "json_schema"):
        message = "response_format.type must be text, json_object or json_schema."
        raise ApiError("invalid_format", message, param="response_format.type")


@check("response_format_schema")
def _response_format_schema(body: Body, models: dict[str, Model]) -> None:
    form = body.get("response_format", {})
    if form.get("type") != "json_schema":
        return
    path = "response_format.json_schema"
    if "json_schema" not in form:
        raise missing(path)
    named = form["json_schema"]
    if not isinstance(named, dict):
        raise wrong_type(path, "an object")
    if "name" not in named:
        raise missing(f"{path}.name")
    if not isinstance(named["name"], str):
        raise wrong_type(f"{path}.name", "a string")
    if not isinstance(named.get("strict", False), bool):
        raise wrong_type(f"{path}.strict", "true or false")
    if not isinstance(named.get("schema", {}), dict):
        raise wrong_type(f"{path}.schema", "a JSON Schema")


@check("response_format_size")
def _response_format_size(body: Body, models: dict[str, Model]) -> None:
    named = _named_schema(body)
    size = len(json.dumps(named, separators=(",", ":"), ensure_ascii=False).encode())
    if size > MAX_SCHEMA_BYTES:
        message = f"response_format.json_schema has {size} bytes; at most {MAX_SCHEMA_BYTES} are allowed."
        raise ApiError("response_format_too_large", message, param="response_format")


@check("response_format_depth")
def _response_format_depth(body: Body, models: dict[str, Model]) -> None:
    levels = schema_levels(_named_schema(body).get("schema", {}))
    if levels > MAX_SCHEMA_LEVELS:
        message = f"The schema has {levels} levels; at most {MAX_SCHEMA_LEVELS} are allowed."
        raise ApiError("response_format_too_deep", message, param="response_format")


@check("response_format_references")
def _response_format_references(body: Body, models: dict[str, Model]) -> None:
    pending: list[Any] = [_named_schema(body).get("schema", {})]
    while pending:
        value = pending.pop()
        if isinstance(value, dict):
            reference = value.get("$ref")
            if isinstance(reference, str) and not reference.startswith("#"):
                message = f"The schema refers to {reference!r}; a $ref must stay inside the schema."
                raise ApiError("invalid_format", message, param="response_format")
            pending.extend(value.values())
        elif isinstance(value, list):
            pending.extend(value)


def _named_schema(body: Body) -> dict[str, Any]:
    form = body.get("response_format", {})
    named = form.get("json_schema") if form.get("type") == "json_schema" else None
    return named if isinstance(named, dict) else {}


def schema_levels(schema: Any) -> int:
    """Return how deeply a schema nests: one for itself, one more for each schema inside it.

    Definitions count on their own, since each `$ref` starts the count again.
    """
    if not isinstance(schema, dict):
        return 0
    nested: list[Any] = []
    for name in ("properties", "patternProperties"):
        if isinstance(schema.get(name), dict):
            nested += schema[name].values()
    for name in ("items", "additionalProperties", "contains", "not"):
        nested.append(schema.get(name))
    for name in ("anyOf", "oneOf", "allOf", "prefixItems"):
        if isinstance(schema.get(name), list):
            nested += schema[name]
    deepest = 1 + max(map(schema_levels, nested), default=0)
    definitions = [
        definition
        for name in ("$defs", "definitions")
        if isinstance(schema.get(name), dict)
        for definition in schema[name].values()
    ]
    return max([deepest, *map(schema_levels, definitions)])

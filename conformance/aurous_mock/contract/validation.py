"""Validates request bodies: JSON, the request schema, and documented limits that a schema cannot express."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import jsonschema_rs
import orjson

from aurous_mock.contract.model_catalogue import MODELS, Model
from aurous_mock.contract.spec import Contract
from aurous_mock.http.errors import APIError

MAX_FORMAT_BYTES = 10_240
MAX_FORMAT_LEVELS = 5
MAX_DEPTH = 100

_BOUNDS = frozenset(
    {
        "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf",
        "minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties",
    }
)  # fmt: skip
_TAGS = frozenset({"const", "enum"})
_NESTING = frozenset(
    {
        "properties", "$defs", "definitions", "patternProperties", "dependentSchemas",
    }
)  # fmt: skip
_SUBSCHEMAS = frozenset({"items", "additionalProperties", "not", "contains", "propertyNames", "if", "then", "else"})
_BRANCHES = frozenset({"anyOf", "oneOf", "allOf", "prefixItems"})


def parse(raw: bytes) -> Any:
    """The JSON value of a body. Raises APIError if it is not JSON, nested too deeply, or has a NUL in a string."""
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise APIError("invalid_format", f"The request body is not valid JSON: {error}.") from error
    # Walk the value only if it has enough brackets to be too deep, or an escaped NUL.
    if raw.count(b"[") + raw.count(b"{") > MAX_DEPTH and _depth(body) > MAX_DEPTH:
        raise APIError("invalid_format", f"The request body is nested deeper than {MAX_DEPTH} levels.")
    if b"\\u0000" in raw and (path := _find_nul(body)) is not None:
        raise APIError("invalid_format", "Strings must not contain NUL characters.", param=path or None)
    return body


def check(body: Any, contract: Contract) -> None:
    """Raise APIError, with code and `param`, for a body that the request schema does not allow."""
    if contract.request.is_valid(body):
        return
    error = _most_specific([*contract.request.iter_errors(body)])
    path = [*error.instance_path]
    keyword = error.kind.name
    if isinstance(error.kind, jsonschema_rs.ValidationErrorKind.Required):
        raise APIError(
            "missing_field", f"{error.kind.property} is required.", param=_dotted([*path, error.kind.property])
        )
    code = "value_out_of_range" if keyword in _BOUNDS else "invalid_format"
    param = _dotted(path)
    # The message would name the tag of one branch of the union, though others are allowed too.
    reason = "this value is not allowed here" if keyword == "const" else _shorten(error.message)
    raise APIError(code, f"{param or 'The request body'}: {reason}.", param=param or None)


def resolve_model(body: Mapping[str, Any]) -> Model:
    """The chat model that a valid body names. Raises APIError if there is none."""
    slug = body["model"]
    model = MODELS.get(slug)
    if model is None:
        raise APIError("resource_not_found", f"No model has the slug {_shorten(slug)!r}.", param="model")
    if model.kind != "chat":
        raise APIError("model_wrong_kind", f"{slug} is an {model.kind} model; it cannot chat.", param="model")
    return model


def check_limits(body: Mapping[str, Any], model: Model) -> None:
    """Raise APIError for what is forbidden beyond the schema: caps, unsupported choices, oversized schemas."""
    max_tokens = body.get("max_tokens")
    cap = model.max_output_tokens_hard_cap
    if max_tokens is not None and max_tokens > cap:
        raise APIError(
            "max_tokens_exceeds_hard_cap",
            f"max_tokens {max_tokens} exceeds the model's hard cap of {cap} for {model.id}.",
            param="max_tokens",
        )
    _check_tool_choice(body, model)
    response_format = body.get("response_format") or {}
    if response_format.get("type") == "json_schema":
        _check_format(response_format["json_schema"])


def _check_tool_choice(body: Mapping[str, Any], model: Model) -> None:
    choice = body.get("tool_choice")
    if choice == "required" and "tool_choice_required" not in model.capabilities:
        raise APIError(
            "tool_choice_required_unsupported",
            f'{model.id} does not support tool_choice "required".',
            param="tool_choice",
        )


def _check_format(json_schema: Mapping[str, Any]) -> None:
    size = len(orjson.dumps(json_schema))
    if size > MAX_FORMAT_BYTES:
        raise APIError(
            "response_format_too_large",
            f"response_format.json_schema is {size} bytes of JSON; the limit is {MAX_FORMAT_BYTES}.",
            param="response_format",
        )
    levels = depth(json_schema.get("schema") or {})
    if levels > MAX_FORMAT_LEVELS:
        raise APIError(
            "response_format_too_deep",
            f"response_format.json_schema.schema is {levels} levels deep; the limit is {MAX_FORMAT_LEVELS}.",
            param="response_format",
        )


def depth(schema: Any) -> int:
    """How many levels of schemas a JSON Schema nests; its root is level 1 and a `$ref` is not followed."""
    deepest, pending = 0, [(schema, 1)]
    while pending:
        node, level = pending.pop()
        deepest = max(deepest, level)
        pending += [(child, level + shift) for child, shift in _subschemas(node)]
    return deepest


def _subschemas(node: Any) -> Iterator[tuple[Any, int]]:
    if not isinstance(node, Mapping):
        return
    for keyword, value in node.items():
        if keyword in _SUBSCHEMAS and isinstance(value, Mapping):
            yield value, 1
        elif keyword in _NESTING and isinstance(value, Mapping):
            # The page says that each $ref restarts the count.
            shift = 0 if keyword in ("$defs", "definitions") else 1
            yield from ((child, shift) for child in value.values() if isinstance(child, Mapping))
        elif keyword in _BRANCHES and isinstance(value, Sequence) and not isinstance(value, str):
            # Branches describe the same value; only positional items are one level down.
            shift = 1 if keyword == "prefixItems" else 0
            yield from ((child, shift) for child in value if isinstance(child, Mapping))


def _most_specific(errors: Sequence[jsonschema_rs.ValidationError]) -> jsonschema_rs.ValidationError:
    """The error that helps most: the first one, or, in a union, the one of the branch that matches the value best."""
    error = errors[0]
    branches: list[list[jsonschema_rs.ValidationError]] | None = getattr(error.kind, "context", None)
    if not branches:
        return error
    level = len(error.instance_path)
    branch = min(branches, key=lambda branch: _mismatch(branch, level))
    # If no branch has the value's tag, report the tag and not the rest of that branch.
    return _most_specific([each for each in branch if _is_tag(each, level)] or branch)


def _mismatch(branch: Sequence[jsonschema_rs.ValidationError], level: int) -> tuple[bool, bool, int]:
    wrong_type = any(each.kind.name == "type" and len(each.instance_path) == level for each in branch)
    return wrong_type, any(_is_tag(each, level) for each in branch), len(branch)


def _is_tag(error: jsonschema_rs.ValidationError, level: int) -> bool:
    return error.kind.name in _TAGS and len(error.instance_path) == level + 1


def _dotted(path: Iterable[str | int]) -> str:
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


def _shorten(text: str) -> str:
    return text if len(text) <= 200 else text[:200] + "..."


def _depth(value: Any) -> int:
    deepest, pending = 0, [(value, 1)]
    while pending:
        node, level = pending.pop()
        deepest = max(deepest, level)
        if isinstance(node, dict | list):
            pending += [(child, level + 1) for child in (node.values() if isinstance(node, dict) else node)]
    return deepest


def _find_nul(value: Any) -> str | None:
    """The path of the first string, or member name, with a NUL in it."""
    pending: list[tuple[list[str | int], Any]] = [([], value)]
    while pending:
        path, node = pending.pop()
        if isinstance(node, str) and "\0" in node:
            return _dotted(path)
        if isinstance(node, dict):
            if any("\0" in name for name in node):
                return _dotted(path)
            pending += [([*path, name], child) for name, child in node.items()]
        elif isinstance(node, list):
            pending += [([*path, index], child) for index, child in enumerate(node)]
    return None

"""Judges request bodies by the contract, and by the documented limits that no schema can say; knows nothing of HTTP."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import jsonschema_rs
import orjson

from aurous_mock.contract.model_catalogue import MODELS, Model
from aurous_mock.contract.spec import Contract
from aurous_mock.http.errors import Refused

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
    """The JSON value of a body; anything that is not JSON text, or that hides a NUL in a string, is refused."""
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise Refused("invalid_format", f"The request body is not valid JSON: {error}.") from error
    # Few bodies have brackets enough to be deep, or the escape that hides a NUL, so these walks are rare.
    if raw.count(b"[") + raw.count(b"{") > MAX_DEPTH and _depth(body) > MAX_DEPTH:
        raise Refused("invalid_format", f"The request body is nested deeper than {MAX_DEPTH} levels.")
    if b"\\u0000" in raw and (path := _find_nul(body)) is not None:
        raise Refused("invalid_format", "Strings must not contain NUL characters.", param=path or None)
    return body


def check(body: Any, contract: Contract) -> None:
    """Refuse a body that the request schema does not allow, with the code and `param` of its first fault."""
    if contract.request.is_valid(body):
        return
    fault = _sharpest([*contract.request.iter_errors(body)])
    path = [*fault.instance_path]
    keyword = fault.kind.name
    if isinstance(fault.kind, jsonschema_rs.ValidationErrorKind.Required):
        raise Refused(
            "missing_field", f"{fault.kind.property} is required.", param=_dotted([*path, fault.kind.property])
        )
    code = "value_out_of_range" if keyword in _BOUNDS else "invalid_format"
    param = _dotted(path)
    # A tag that no branch of a union has would be explained by the one branch that happened to be looked at.
    reason = "this value is not allowed here" if keyword == "const" else _shorten(fault.message)
    raise Refused(code, f"{param or 'The request body'}: {reason}.", param=param or None)


def resolve_model(body: Mapping[str, Any]) -> Model:
    """The chat model a valid body names."""
    slug = body["model"]
    model = MODELS.get(slug)
    if model is None:
        raise Refused("resource_not_found", f"No model has the slug {_shorten(slug)!r}.", param="model")
    if model.kind != "chat":
        raise Refused("model_wrong_kind", f"{slug} is an {model.kind} model; it cannot chat.", param="model")
    return model


def check_limits(body: Mapping[str, Any], model: Model) -> None:
    """Refuse what the documentation forbids beyond the schema: caps, unsupported choices, oversized schemas."""
    max_tokens = body.get("max_tokens")
    cap = model.max_output_tokens_hard_cap
    if max_tokens is not None and max_tokens > cap:
        raise Refused(
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
        raise Refused(
            "tool_choice_required_unsupported",
            f'{model.id} does not support tool_choice "required".',
            param="tool_choice",
        )


def _check_format(json_schema: Mapping[str, Any]) -> None:
    size = len(orjson.dumps(json_schema))
    if size > MAX_FORMAT_BYTES:
        raise Refused(
            "response_format_too_large",
            f"response_format.json_schema is {size} bytes of JSON; the limit is {MAX_FORMAT_BYTES}.",
            param="response_format",
        )
    levels = depth(json_schema.get("schema") or {})
    if levels > MAX_FORMAT_LEVELS:
        raise Refused(
            "response_format_too_deep",
            f"response_format.json_schema.schema is {levels} levels deep; the limit is {MAX_FORMAT_LEVELS}.",
            param="response_format",
        )


def depth(schema: Any) -> int:
    """How many levels of schemas a JSON Schema nests; its root is level 1 and a `$ref` is not followed."""
    deepest, waiting = 0, [(schema, 1)]
    while waiting:
        node, level = waiting.pop()
        deepest = max(deepest, level)
        waiting += [(child, level + shift) for child, shift in _subschemas(node)]
    return deepest


def _subschemas(node: Any) -> Iterator[tuple[Any, int]]:
    if not isinstance(node, Mapping):
        return
    for keyword, value in node.items():
        if keyword in _SUBSCHEMAS and isinstance(value, Mapping):
            yield value, 1
        elif keyword in _NESTING and isinstance(value, Mapping):
            # A definition starts its own count: the page says each $ref restarts it.
            shift = 0 if keyword in ("$defs", "definitions") else 1
            yield from ((child, shift) for child in value.values() if isinstance(child, Mapping))
        elif keyword in _BRANCHES and isinstance(value, Sequence) and not isinstance(value, str):
            # A branch says something about the same value, so only positional items are a level further down.
            shift = 1 if keyword == "prefixItems" else 0
            yield from ((child, shift) for child in value if isinstance(child, Mapping))


def _sharpest(faults: Sequence[jsonschema_rs.ValidationError]) -> jsonschema_rs.ValidationError:
    """The fault that tells a person most: a missing or misplaced member before what follows from it, and, in a union,
    the fault of the branch that the value was meant for."""
    fault = faults[0]
    branches: list[list[jsonschema_rs.ValidationError]] | None = getattr(fault.kind, "context", None)
    if not branches:
        return fault
    level = len(fault.instance_path)
    branch = min(branches, key=lambda branch: _misfit(branch, level))
    # Meant for no branch at all: then the tag is the fault, and what else that branch misses is beside the point.
    return _sharpest([fault for fault in branch if _is_tag(fault, level)] or branch)


def _misfit(branch: Sequence[jsonschema_rs.ValidationError], level: int) -> tuple[bool, bool, int]:
    wrong_type = any(fault.kind.name == "type" and len(fault.instance_path) == level for fault in branch)
    return wrong_type, any(_is_tag(fault, level) for fault in branch), len(branch)


def _is_tag(fault: jsonschema_rs.ValidationError, level: int) -> bool:
    return fault.kind.name in _TAGS and len(fault.instance_path) == level + 1


def _dotted(path: Iterable[str | int]) -> str:
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


def _shorten(text: str) -> str:
    return text if len(text) <= 200 else text[:200] + "..."


def _depth(value: Any) -> int:
    deepest, waiting = 0, [(value, 1)]
    while waiting:
        node, level = waiting.pop()
        deepest = max(deepest, level)
        if isinstance(node, dict | list):
            waiting += [(child, level + 1) for child in (node.values() if isinstance(node, dict) else node)]
    return deepest


def _find_nul(value: Any) -> str | None:
    """The path of the first string, or member name, with a NUL in it."""
    waiting: list[tuple[list[str | int], Any]] = [([], value)]
    while waiting:
        path, node = waiting.pop()
        if isinstance(node, str) and "\0" in node:
            return _dotted(path)
        if isinstance(node, dict):
            if any("\0" in name for name in node):
                return _dotted(path)
            waiting += [([*path, name], child) for name, child in node.items()]
        elif isinstance(node, list):
            waiting += [([*path, index], child) for index, child in enumerate(node)]
    return None

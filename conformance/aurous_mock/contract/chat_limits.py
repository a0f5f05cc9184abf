"""Documented limits of chat requests that a schema cannot express: models, caps, and the size of response schemas."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson

from aurous_mock.contract.model_catalogue import Model
from aurous_mock.contract.validation import shorten
from aurous_mock.errors import APIError

MAX_FORMAT_BYTES = 10_240
MAX_FORMAT_LEVELS = 5

_NESTING = frozenset(
    {
        "properties", "$defs", "definitions", "patternProperties", "dependentSchemas",
    }
)  # fmt: skip
_SUBSCHEMAS = frozenset({"items", "additionalProperties", "not", "contains", "propertyNames", "if", "then", "else"})
_BRANCHES = frozenset({"anyOf", "oneOf", "allOf", "prefixItems"})


def resolve_model(body: Mapping[str, Any], models: Mapping[str, Model]) -> Model:
    """The chat model that a valid body names. Raises APIError if there is none."""
    slug = body["model"]
    model = models.get(slug)
    if model is None:
        raise APIError("resource_not_found", f"No model has the slug {shorten(slug)!r}.", param="model")
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

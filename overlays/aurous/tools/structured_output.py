"""Structured output: the `response_format` for a class, and the answer as an object of the class.

Page: api-reference/chat/structured-output.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final, Literal, TypeAlias, TypeVar

from aurous_client.models import ChatCompletion, JsonSchemaFormat, NamedJsonSchema
from aurous_client.types import JsonObject

from ..errors import AurousError
from .json_schema import explain, read, schema_for, walk

T = TypeVar("T")

MAX_SCHEMA_BYTES: Final = 10_240
MAX_SCHEMA_LEVELS: Final = 5

Fault: TypeAlias = Literal["unfinished", "truncated", "refused", "tool_calls", "empty", "invalid"]
"""Why an answer is not an object: the completion failed, was cancelled or is in progress; it ended at `max_tokens`; the
model or a filter refused; it calls tools; it has no text; its text does not fit the type."""


class SchemaLimitError(AurousError, ValueError):
    """A schema that the API would refuse. Nothing was sent.

    Pages: api-reference/errors/response_format_too_large, api-reference/errors/response_format_too_deep.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        """The API's own: `response_format_too_large`, `response_format_too_deep`, or `invalid_format`."""
        self.param = "response_format"


class StructuredOutputError(AurousError):
    """An answer is not an object of the type that was asked for. It was charged all the same."""

    def __init__(self, message: str, *, fault: Fault, completion: ChatCompletion) -> None:
        super().__init__(message)
        self.fault: Fault = fault
        self.completion = completion
        self.completion_id = completion.id
        self.text = "".join(choice.message.content or "" for choice in completion.choices)
        """The answer's text, unchanged; empty if it has none."""


def response_format_for(kind: type[Any], *, name: str | None = None, strict: bool = True) -> JsonSchemaFormat:
    """The `response_format` that asks for answers of a type; `parsed` reads them.

    Args:
        kind: A dataclass, an attrs class, a TypedDict, a msgspec.Struct or a pydantic model. The model sees docstrings
            of classes and descriptions of fields (`Annotated[int, msgspec.Meta(description=...)]`,
            `pydantic.Field(description=...)`). A field with a default may be left out of the answer.
        name: The name of the schema; by default that of the type.
        strict: Whether generation is constrained to the schema; otherwise it is best effort. Formats, patterns and
            bounds are best effort in either case.

    Raises SchemaLimitError for a schema beyond the documented limits, MissingLibraryError, and UnsupportedTypeError,
    a TypeError, for a type without a JSON Schema, such as one with a union of two dataclasses.
    """
    schema_name = (
        name if name is not None else re.sub(r"[^A-Za-z0-9_-]+", "_", getattr(kind, "__name__", "answer"))[:64]
    )
    named = NamedJsonSchema(name=schema_name, strict=strict, schema=schema_for(kind))
    check_schema(named)
    return JsonSchemaFormat(json_schema=named)


def parsed(completion: ChatCompletion, kind: type[T]) -> T:
    """The answer as an object of the type that `response_format_for` asked for.

    Raises StructuredOutputError, which says why there is none and has the text; UnsupportedTypeError, a TypeError, for
    a type that cannot be read; and MissingLibraryError.
    """

    def error(fault: Fault, message: str) -> StructuredOutputError:
        return StructuredOutputError(message, fault=fault, completion=completion)

    if completion.status != "completed":
        raise error("unfinished", f"the completion is {completion.status}")
    if not completion.choices:
        raise error("empty", "the completion has no choices, and so no answer")
    choice = completion.choices[0]
    refusal = choice.message.additional_properties.get("refusal")
    if choice.finish_reason == "cancelled":
        raise error("unfinished", "the completion was cancelled")
    if choice.finish_reason == "length":
        raise error("truncated", "the answer was truncated; raise max_tokens")
    if choice.finish_reason == "content_filter" or refusal:
        raise error("refused", f"the answer was refused: {refusal or 'a filter stopped it'}")
    if choice.message.tool_calls:
        raise error("tool_calls", "the answer calls tools; send their results to get the answer itself")
    if not choice.message.content:
        raise error("empty", "the answer has no text")
    try:
        return read(choice.message.content, kind)
    except (ValueError, RecursionError) as fault:
        raise error("invalid", f"the answer is not a {getattr(kind, '__name__', kind)}: {explain(fault)}") from fault


def check_schema(schema: NamedJsonSchema | Mapping[str, Any]) -> None:
    """Raise SchemaLimitError, with the API's own code, for a schema that the API would refuse.

    The limits are 10 KB as compact JSON, which includes the name if it is given, and 5 levels. The root is level 1,
    the schema of a member or an item one more than that of its object or array, and each `$ref` starts anew. A
    `$ref` must lead to the same schema.
    """
    document = schema.to_dict() if isinstance(schema, JsonObject) else schema
    root = document.get("schema", {}) if isinstance(schema, JsonObject) else schema
    levels = 0
    for part, level in walk(root):
        levels = max(levels, level)
        reference = part.get("$ref", "#")
        if not str(reference).startswith("#"):
            raise SchemaLimitError("invalid_format", f"$ref {reference!r} points outside the schema")
    if levels > MAX_SCHEMA_LEVELS:
        raise SchemaLimitError(
            "response_format_too_deep", f"the schema is {levels} levels deep, and {MAX_SCHEMA_LEVELS} are allowed"
        )
    size = len(json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode())
    if size > MAX_SCHEMA_BYTES:
        raise SchemaLimitError(
            "response_format_too_large", f"the schema is {size} bytes of JSON, and {MAX_SCHEMA_BYTES} are allowed"
        )

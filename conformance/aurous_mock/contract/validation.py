"""Checks values against schemas, and reports the first fault with its code and place, in bounded time and memory."""

from collections.abc import Iterable, Sequence
from typing import Any

import jsonschema_rs
from jsonschema_rs import ValidationErrorKind as Kind

from aurous_mock.contract.document import Schema
from aurous_mock.contract.excerpts import Excerpt, excerpts
from aurous_mock.errors import APIError

_BOUNDS = frozenset(
    {
        "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf",
        "minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties",
    }
)  # fmt: skip
_TAGS = frozenset({"const", "enum"})


def check(schema: Schema, value: Any, *, name: str = "") -> None:
    """Raise APIError, with code and `param`, for a value that the schema does not allow.

    name: what the value is called in errors; "" for the request body, whose members are called by their own names
    """
    if not schema.is_valid(value):
        raise _error(schema, value, name)


def _error(schema: Schema, value: Any, name: str) -> APIError:
    # An error quotes the value, and one of a union has the errors of all branches: of a whole body that would take
    # quadratic time and memory. An excerpt is enough to see what is wrong.
    for excerpt in excerpts(value, schema.is_valid, schema.document.member_names):
        try:
            schema.validator.validate(excerpt.value)
        except jsonschema_rs.ValidationError as error:
            return _api_error(_most_specific(error), excerpt, name)
    raise AssertionError("an invalid value is valid")


def _api_error(error: jsonschema_rs.ValidationError, excerpt: Excerpt, name: str) -> APIError:
    path = ([name] if name else []) + excerpt.original_path(error.instance_path)
    if isinstance(error.kind, Kind.Required):
        return APIError(
            "missing_field", f"{error.kind.property} is required.", param=dotted([*path, error.kind.property])
        )
    unexpected = _unexpected_member(error, excerpt.value)
    if unexpected is not None:
        param = shorten(dotted([*path, unexpected]))
        return APIError("invalid_format", f"{param}: there is no such member.", param=param)
    keyword = error.kind.name
    code = "value_out_of_range" if keyword in _BOUNDS else "invalid_format"
    param = dotted(path)
    # The message would name the tag of one branch of the union, though others are allowed too.
    reason = "this value is not allowed here" if keyword == "const" else shorten(error.message)
    return APIError(code, f"{param or 'The request body'}: {reason}.", param=param or None)


def _unexpected_member(error: jsonschema_rs.ValidationError, value: Any) -> str | None:
    """The first member of an object that its schema does not allow; None if the error is another."""
    if isinstance(error.kind, Kind.AdditionalProperties | Kind.UnevaluatedProperties):
        return error.kind.unexpected[0]
    if isinstance(error.kind, Kind.FalseSchema) and list(error.schema_path)[-1:] == ["additionalProperties"]:
        # The schema allows no member at all; the error's path is that of the object.
        for step in error.instance_path:
            value = value[step]
        return str(next(iter(value)))
    return None


def _most_specific(error: jsonschema_rs.ValidationError) -> jsonschema_rs.ValidationError:
    """The error itself or, in a union, that of the branch that matches the value best."""
    branches: list[list[jsonschema_rs.ValidationError]] | None = getattr(error.kind, "context", None)
    if not branches:
        return error
    level = len(error.instance_path)
    branch = min(branches, key=lambda branch: _mismatch(branch, level))
    # If no branch has the value's tag, report the tag and not the rest of that branch.
    return _most_specific(next((each for each in branch if _is_tag(each, level)), branch[0]))


def _mismatch(branch: Sequence[jsonschema_rs.ValidationError], level: int) -> tuple[bool, bool, int]:
    wrong_type = any(each.kind.name == "type" and len(each.instance_path) == level for each in branch)
    return wrong_type, any(_is_tag(each, level) for each in branch), len(branch)


def _is_tag(error: jsonschema_rs.ValidationError, level: int) -> bool:
    return error.kind.name in _TAGS and len(error.instance_path) == level + 1


def dotted(path: Iterable[str | int]) -> str:
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


def shorten(text: str) -> str:
    return text if len(text) <= 200 else text[:200] + "..."

"""Reads the parameters of a request from its path, query, headers and cookies, and checks them against the spec."""

import re
from collections.abc import Mapping, Sequence
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qsl

import orjson

from aurous_mock.contract.document import Document
from aurous_mock.contract.operations import Operation, Parameter
from aurous_mock.contract.validation import check
from aurous_mock.errors import APIError

MAX_FIELDS = 1000
_INTEGER = re.compile(r"-?\d{1,18}")
_NUMBER = re.compile(r"-?\d{1,300}(\.\d{1,300})?([eE][+-]?\d{1,2})?")
_SEPARATORS = {"spaceDelimited": " ", "pipeDelimited": "|"}

Fields = Mapping[str, Sequence[str]]


def check_parameters(operation: Operation, path: Mapping[str, str], query: Fields, headers: Mapping[str, str]) -> None:
    """Raise APIError for a parameter that is missing or that the spec does not allow."""
    places: dict[str, Fields] = {
        "path": {name: [value] for name, value in path.items()},
        "query": query,
        "header": {name: [value] for name, value in headers.items()},
        "cookie": _read_cookies(headers.get("cookie", "")),
    }
    for parameter in operation.parameters:
        try:
            _check(parameter, places[parameter.location])
        except APIError as error:
            if parameter.location == "path" and operation.documents_not_found:
                # An id of another form names nothing.
                message = f"Nothing has this {parameter.name}."
                raise APIError("resource_not_found", message, param=parameter.name) from error
            raise


def read_fields(text: str) -> dict[str, list[str]]:
    """The fields of a query or of a form body, by name. Raises APIError for too many."""
    fields: dict[str, list[str]] = {}
    try:
        for name, value in parse_qsl(text, keep_blank_values=True, max_num_fields=MAX_FIELDS):
            fields.setdefault(name, []).append(value)
    except ValueError as error:
        raise APIError("invalid_format", f"There are more than {MAX_FIELDS} fields.") from error
    return fields


def convert(document: Document, texts: Sequence[str], schema: Any) -> Any:
    """The value that texts stand for under a schema: an array of all of them, or the last one."""
    if "array" in document.types(schema):
        items = document.item_schema(schema)
        return [_convert_one(document, text, items) for text in texts]
    return _convert_one(document, texts[-1], schema)


def _check(parameter: Parameter, fields: Fields) -> None:
    value = _read(parameter, fields)
    if value is not None:
        check(parameter.schema, value[0], name=parameter.name)
    elif parameter.required:
        message = f"The {parameter.location} parameter {parameter.name} is required."
        raise APIError("missing_field", message, param=parameter.name)


def _read(parameter: Parameter, fields: Fields) -> tuple[Any] | None:
    """The value of a parameter in a tuple of its own; None if the request has none."""
    document, schema = parameter.schema.document, parameter.schema.node
    name = parameter.name.lower() if parameter.location == "header" else parameter.name
    types = document.types(schema)
    if "object" in types and not parameter.is_json and (parameter.style == "deepObject" or parameter.explode):
        members = document.member_schemas(schema)
        texts_of = _exploded_members(parameter, fields, name, members)
        if not texts_of:
            return None
        return ({key: convert(document, texts, members.get(key, {})) for key, texts in texts_of.items()},)
    texts = fields.get(name)
    if texts is None:
        return None
    if parameter.is_json:
        return (_read_json(parameter, texts[-1]),)
    if "array" in types:
        if not (parameter.style == "form" and parameter.explode):
            separator = _SEPARATORS.get(parameter.style, ",")
            texts = [part for text in texts for part in (text.split(separator) if text else [])]
        return (convert(document, texts, schema),)
    if "object" in types:
        parts = texts[-1].split(",")
        members = document.member_schemas(schema)
        pairs = zip(parts[::2], parts[1::2], strict=False)
        return ({key: convert(document, [text], members.get(key, {})) for key, text in pairs},)
    return (convert(document, texts, schema),)


def _exploded_members(
    parameter: Parameter, fields: Fields, name: str, members: Mapping[str, Any]
) -> dict[str, Sequence[str]]:
    if parameter.style == "deepObject":
        prefix = f"{name}["
        return {
            key[len(prefix) : -1]: texts
            for key, texts in fields.items()
            if key.startswith(prefix) and key.endswith("]")
        }
    if parameter.style == "form":
        return {key: texts for key, texts in fields.items() if key in members}
    # simple: name=value pairs with commas between them
    pairs = (part.partition("=") for part in fields.get(name, [""])[-1].split(","))
    return {key: [value] for key, _, value in pairs if key}


def _read_json(parameter: Parameter, text: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise APIError("invalid_format", f"{parameter.name} is not valid JSON.", param=parameter.name) from error


def _convert_one(document: Document, text: str, schema: Any) -> Any:
    types = document.types(schema)
    if "integer" in types and _INTEGER.fullmatch(text):
        return int(text)
    if types & {"number", "integer"} and _NUMBER.fullmatch(text):
        return float(text)
    if "boolean" in types and text in ("true", "false"):
        return text == "true"
    if "null" in types and text == "null":
        return None
    if types & {"object", "array"} and "string" not in types:
        # In a form, as JSON text.
        try:
            return orjson.loads(text)
        except orjson.JSONDecodeError:
            return text
    return text


def _read_cookies(header: str) -> dict[str, list[str]]:
    try:
        return {name: [morsel.value] for name, morsel in SimpleCookie(header).items()}
    except CookieError:
        return {}

"""Formats that msgspec leaves out of the JSON Schemas of dates, times, decimals and bytes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

_BASE64: Final = {"pattern": "^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$"}
# By the class of msgspec.inspect. Without them a model may write a date where a datetime is wanted.
_FORMATS: Final[Mapping[str, Mapping[str, str]]] = {
    "DateTimeType": {"format": "date-time"},
    "TimeType": {"format": "time"},
    "DecimalType": {"pattern": r"^-?[0-9]+(\.[0-9]+)?$"},
    "BytesType": _BASE64,
    "ByteArrayType": _BASE64,
    "MemoryViewType": _BASE64,
}


def add_formats(schema: dict[str, Any], type_info: Any) -> None:
    """Add to a schema made by msgspec, in place, what it does not say of a type.

    type_info: the same type, as `msgspec.inspect.type_info` describes it
    """
    definitions = schema.get("$defs", {})
    visited: set[int] = set()
    waiting = [(type_info, schema)]
    while waiting:
        info, part = waiting.pop()
        part = _resolve(part, definitions)
        if id(part) in visited:
            continue
        name = type(info).__name__
        if name in ("Metadata", "UnionType"):
            waiting += _alternatives(info, part, definitions)
            continue
        if name in _FORMATS:
            # "decimal" is msgspec's own.
            if part.get("format") == "decimal":
                del part["format"]
            if "format" not in part and "pattern" not in part:
                part.update(_FORMATS[name])
            continue
        visited.add(id(part))
        waiting += _members(info, part)


def _resolve(part: dict[str, Any], definitions: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    return definitions.get(str(part.get("$ref", "")).removeprefix("#/$defs/"), part)


def _alternatives(
    info: Any, part: dict[str, Any], definitions: Mapping[str, dict[str, Any]]
) -> Iterator[tuple[Any, dict[str, Any]]]:
    """The types behind an annotation or within a union, each with its schema."""
    if type(info).__name__ == "Metadata":
        yield info.type, part
        return
    for branch in part.get("anyOf", ()):
        yield from ((each, branch) for each in info.types if _matches(each, _resolve(branch, definitions)))


def _matches(info: Any, part: Mapping[str, Any]) -> bool:
    """Whether a branch of a union is that of a type. msgspec allows only one of each kind, but for tagged classes."""
    if type(info).__name__ in ("Metadata", *_FORMATS):
        return "enum" not in part and bool(part.get("type") == "string")
    if hasattr(info, "fields"):
        properties: Mapping[str, Any] = part.get("properties", {})
        return {field.encode_name for field in info.fields} <= properties.keys()
    if hasattr(info, "value_type"):
        return "additionalProperties" in part and "properties" not in part
    if part.get("type") != "array":
        return False
    return hasattr(info, "item_type") or hasattr(info, "item_types")


def _members(info: Any, part: dict[str, Any]) -> Iterator[tuple[Any, dict[str, Any]]]:
    """The types within a type, each with its schema."""
    if hasattr(info, "fields"):
        properties, items = part.get("properties", {}), part.get("prefixItems", [])
        yield from ((each.type, properties[each.encode_name]) for each in info.fields if each.encode_name in properties)
        # Of a NamedTuple, which JSON has as an array.
        yield from zip((each.type for each in info.fields), items, strict=False)
    elif hasattr(info, "value_type"):
        if isinstance(part.get("additionalProperties"), dict):
            yield info.value_type, part["additionalProperties"]
    elif hasattr(info, "item_type"):
        if isinstance(part.get("items"), dict):
            yield info.item_type, part["items"]
    elif hasattr(info, "item_types"):
        yield from zip(info.item_types, part.get("prefixItems", ()), strict=False)

"""JSON Schemas of Python types, and values of these types from JSON text.

msgspec does both, or pydantic for types that use it; neither is imported before it is needed.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, Literal, TypeVar, get_args, get_type_hints

from .._optional import MSGSPEC, PYDANTIC
from ..errors import AurousError
from .formats import add_formats

T = TypeVar("T")

# Where schemas stand within a schema: under a keyword, under any name within it, or in a list within it.
_SINGLE_SUBSCHEMA: Final = frozenset(
    {"items", "additionalProperties", "contains", "propertyNames", "not", "if", "then", "else"}
)
_SUBSCHEMAS_BY_NAME: Final = frozenset({"properties", "patternProperties", "dependentSchemas", "$defs", "definitions"})
_SUBSCHEMA_LISTS: Final = frozenset({"anyOf", "oneOf", "allOf", "prefixItems"})
# What the libraries add and the page does not list. A default in particular says nothing to a model.
_UNDOCUMENTED: Final = frozenset({"title", "default", "discriminator"})
# What msgspec raises for a type that it cannot use.
_OF_TYPES: Final = (TypeError, NameError, AttributeError, SyntaxError)


class MissingLibraryError(AurousError, ImportError):
    """A library that the caller's types need is not installed, or is too old."""


class UnsupportedTypeError(AurousError, TypeError):
    """A type that has no JSON Schema, or whose values cannot be told apart in JSON, such as a union of dataclasses."""


def schema_for(kind: Any) -> dict[str, Any]:
    """The JSON Schema of a type, in the keywords that the page lists. Its root is the type itself, not a `$ref`.

    Raises UnsupportedTypeError and MissingLibraryError.
    """
    if needs_pydantic(kind):
        pydantic = library("pydantic")
        try:
            schema = pydantic.TypeAdapter(kind).json_schema()
        except (pydantic.errors.PydanticUserError, NameError) as error:
            raise _unsupported(kind, error) from error
    else:
        msgspec = library("msgspec")
        try:
            schema = msgspec.json.schema(kind)
        except _OF_TYPES as error:
            raise _unsupported(kind, error) from error
        add_formats(schema, msgspec.inspect.type_info(kind))
    return _inline_root(_restrict_keywords(schema))


def read(text: str, kind: type[T]) -> T:
    """An object of a type from JSON text.

    Raises ValueError, which `explain` puts into words, UnsupportedTypeError and MissingLibraryError.
    """
    if needs_pydantic(kind):
        pydantic = library("pydantic")
        try:
            value: T = pydantic.TypeAdapter(kind).validate_json(text)
        except pydantic.errors.PydanticUserError as error:
            raise _unsupported(kind, error) from error
        return value
    try:
        # Apart from decoding, which runs code of the type.
        decode: Callable[[str], T] = library("msgspec").json.Decoder(kind).decode
    except _OF_TYPES as error:
        raise _unsupported(kind, error) from error
    try:
        return decode(text)
    except ValueError:
        try:
            # To JSON Schema, and so to a model, 5.0 is an integer; to msgspec it is not.
            return decode(json.dumps(json.loads(text, parse_float=_number)))
        except (ValueError, RecursionError):
            pass
        raise


def explain(error: Exception) -> str:
    """What does not fit, and where, in one line."""
    faults: Callable[..., list[dict[str, Any]]] | None = getattr(error, "errors", None)
    if faults is None:
        return str(error)
    return "; ".join(
        f"{fault['msg']} - at `{'.'.join(map(str, ('$', *fault['loc'])))}`" for fault in faults(include_url=False)
    )


def needs_pydantic(kind: Any) -> bool:
    """Whether a type is made with pydantic, or with something of it: `list[Model]`, `Annotated[int, Field(gt=0)]`."""
    return (
        hasattr(kind, "__pydantic_validator__")
        or type(kind).__module__.startswith("pydantic.")
        or any(map(needs_pydantic, get_args(kind)))
    )


def library(name: Literal["msgspec", "pydantic"]) -> Any:
    """A library that is there only if someone wants it. Raises MissingLibraryError, which says how to get it."""
    problem = (MSGSPEC if name == "msgspec" else PYDANTIC).problem()
    if problem is not None:
        raise MissingLibraryError(problem, name=name)
    # Statements, which tools that freeze applications can see.
    if name == "msgspec":
        import msgspec

        return msgspec
    import pydantic

    return pydantic


def _unsupported(kind: Any, error: Exception) -> UnsupportedTypeError:
    """The error for a type that a library refuses: what is wrong with it, and what to do where that is known."""
    unresolved = _unresolved_field(kind)
    if unresolved is not None:
        field, fault = unresolved
        return UnsupportedTypeError(
            f"the type of {field} cannot be evaluated: {fault}; types are looked up in the module of their class:"
            " define or import them there, outside of functions, and not only for type checkers"
        )
    is_of_union = isinstance(error, TypeError) and "union" in str(error)
    hint = " (msgspec.Struct classes with tag=True, or pydantic models, can form a union)" if is_of_union else ""
    return UnsupportedTypeError(f"{_name(kind)} has no JSON Schema: {error}{hint}")


def _unresolved_field(kind: Any) -> tuple[str, Exception] | None:
    """The first field, as `Class.field`, whose annotation cannot be evaluated, and why; of a type and those in it."""
    waiting, visited = [kind], [kind]
    while waiting:
        part = waiting.pop(0)
        found = [*get_args(part)]
        for owner in getattr(part, "__mro__", ()):
            name = owner.__name__
            try:
                for field, annotation in inspect.get_annotations(owner).items():
                    name = f"{owner.__name__}.{field}"
                    # A class with this field alone.
                    members = {"__module__": owner.__module__, "__annotations__": {field: annotation}}
                    found += get_type_hints(type(owner.__name__, (), members)).values()
            except Exception as error:
                return name, error
        new = [each for each in found if each not in visited]
        waiting += new
        visited += new
    return None


def _name(kind: Any) -> str:
    return str(getattr(kind, "__name__", kind))


def _number(text: str) -> float | int:
    number = float(text)
    return int(number) if number.is_integer() else number


def walk(schema: Mapping[str, Any]) -> Iterator[tuple[Mapping[str, Any], int]]:
    """All schemas within a schema, itself included, with their levels. A `$ref` is not followed."""
    waiting: list[tuple[Any, int]] = [(schema, 1)]
    while waiting:
        part, level = waiting.pop()
        if not isinstance(part, Mapping):
            continue
        yield part, level
        for keyword, value in part.items():
            if keyword in _SINGLE_SUBSCHEMA:
                waiting.append((value, level + 1))
            elif keyword in _SUBSCHEMAS_BY_NAME and isinstance(value, Mapping):
                # A $ref to a definition starts to count anew.
                deeper = 1 if keyword in ("$defs", "definitions") else level + 1
                waiting += [(child, deeper) for child in value.values()]
            elif keyword in _SUBSCHEMA_LISTS and isinstance(value, list):
                # An alternative describes the same value; only an item is a level below.
                deeper = level + 1 if keyword == "prefixItems" else level
                waiting += [(child, deeper) for child in value]


def _restrict_keywords(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The same schema in the listed keywords, its objects closed."""
    restricted: dict[str, Any] = {}
    for keyword, value in schema.items():
        if keyword in _SINGLE_SUBSCHEMA and isinstance(value, Mapping):
            restricted[keyword] = _restrict_keywords(value)
        elif keyword in _SUBSCHEMAS_BY_NAME:
            restricted[keyword] = {name: _restrict_keywords(part) for name, part in value.items()}
        elif keyword in _SUBSCHEMA_LISTS:
            restricted[keyword] = [_restrict_keywords(part) for part in value]
        elif keyword == "const":
            restricted["enum"] = [value]
        elif keyword not in _UNDOCUMENTED:
            restricted[keyword] = value
    if "properties" in restricted:
        restricted.setdefault("additionalProperties", False)
    return restricted


def _inline_root(schema: dict[str, Any]) -> dict[str, Any]:
    """The same schema with its root in place of a reference to it. Only a recursive type stays defined besides."""
    definitions: dict[str, Any] = {**schema.get("$defs", {})}
    reference = schema.get("$ref", "")
    root = definitions.get(reference.removeprefix("#/$defs/"))
    if root is None:
        return schema
    if all(part.get("$ref") != reference for definition in definitions.values() for part, _ in walk(definition)):
        del definitions[reference.removeprefix("#/$defs/")]
    return {**root, "$defs": definitions} if definitions else root

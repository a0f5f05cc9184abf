"""Turns a parsed property into source text: its annotation, its parser and its encoder."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from openapi_python_client import schema as oai
from openapi_python_client.parser.properties.any import AnyProperty
from openapi_python_client.parser.properties.boolean import BooleanProperty
from openapi_python_client.parser.properties.const import ConstProperty
from openapi_python_client.parser.properties.date import DateProperty
from openapi_python_client.parser.properties.datetime import DateTimeProperty
from openapi_python_client.parser.properties.file import FileProperty
from openapi_python_client.parser.properties.float import FloatProperty
from openapi_python_client.parser.properties.int import IntProperty
from openapi_python_client.parser.properties.list_property import ListProperty
from openapi_python_client.parser.properties.literal_enum_property import LiteralEnumProperty
from openapi_python_client.parser.properties.model_property import ModelProperty
from openapi_python_client.parser.properties.none import NoneProperty
from openapi_python_client.parser.properties.protocol import PropertyProtocol
from openapi_python_client.parser.properties.string import StringProperty
from openapi_python_client.parser.properties.union import UnionProperty
from openapi_python_client.parser.properties.uuid import UuidProperty

from .spec import SpecError

# Python's name of a JSON scalar, and the function of parsing.py.jinja that reads it when the quick check fails.
_SCALARS: Mapping[type, tuple[str, str]] = {
    BooleanProperty: ("bool", "boolean"),
    FloatProperty: ("float", "number"),
    IntProperty: ("int", "integer"),
    StringProperty: ("str", "string"),
}
_KEYWORD = ("str", "open_enum")
_MAPPING = "Mapping[str, Any]"
_TEXTS: Mapping[type, tuple[str, str]] = {
    DateProperty: ("datetime.date", "date"),
    DateTimeProperty: ("datetime.datetime", "date_time"),
    UuidProperty: ("uuid.UUID", "uuid_value"),
}


@dataclass(frozen=True)
class Names:
    """What the spec names beyond classes: unions, by the set of their branches, and the members of unions."""

    unions: Mapping[frozenset[str], str] = field(default_factory=dict)
    tagged: frozenset[str] = frozenset()
    package: str = ""
    """What stands before the names of classes and enums."""


def is_free_form(prop: PropertyProtocol) -> bool:
    """An object without members of its own stays a plain dict."""
    if not isinstance(prop, ModelProperty):
        return False
    # Of the schema, since a reference to a model is copied before the model knows its members.
    additional = prop.data.additionalProperties
    return not (prop.data.properties or prop.data.allOf) and (
        additional in (None, True) or (isinstance(additional, oai.Schema) and not additional.model_fields_set)
    )


def has_members(prop: PropertyProtocol) -> bool:
    """Whether a body of `prop` is given member by member."""
    return isinstance(prop, ModelProperty) and not is_free_form(prop)


def annotation(prop: PropertyProtocol, names: Names = Names(), *, optional: bool = True) -> str:
    """The type of an attribute that holds `prop`, `Unset` included where it may be absent."""
    branches = [*_named(_branches(prop, names, accepted=False), names)]
    if optional and not prop.required:
        branches.append("Unset")
    return " | ".join(branches)


def accepted(prop: PropertyProtocol, names: Names, *, item: str | None = None) -> str:
    """The type of a parameter that takes `prop`: plain mappings and any sequence will do for it.

    item: a model that its array takes besides
    """
    written = " | ".join(_named(_branches(prop, names, accepted=True), names))
    return written if item is None else written.replace(_MAPPING, f"_models.{item} | {_MAPPING}", 1)


def is_nullable(prop: PropertyProtocol) -> bool:
    """Whether null is one of the values that the spec gives `prop`."""
    return any(isinstance(branch, NoneProperty) for branch in _inner(prop))


def takes_null(prop: PropertyProtocol) -> bool:
    """Whether None is a value of `prop`, or may be one."""
    return is_nullable(prop) or any(isinstance(branch, AnyProperty) for branch in _inner(prop))


def is_file(prop: PropertyProtocol) -> bool:
    """Whether every value of `prop` but null is a file, or a list of files."""
    branches = [branch for branch in _inner(prop) if not isinstance(branch, NoneProperty)]
    items = [branch.inner_property if isinstance(branch, ListProperty) else branch for branch in branches]
    return all(isinstance(item, FileProperty) for item in items)


def scalar(prop: PropertyProtocol, tagged: bool) -> tuple[str, str, bool] | None:
    """(exact type, parser for the rest, may be null) where one type check reads `prop`; None where it takes more."""
    branches = _inner(prop)
    kinds = {_scalar_kind(branch, tagged) for branch in branches if not isinstance(branch, NoneProperty)}
    if kinds == {_KEYWORD, _SCALARS[StringProperty]}:
        kinds = {_KEYWORD}
    kind = kinds.pop() if len(kinds) == 1 else None
    return None if kind is None else (kind[0], kind[1], is_nullable(prop))


def parser(prop: PropertyProtocol, names: Names = Names()) -> str:
    """An expression for a function of one argument that parses `prop`."""
    if isinstance(prop, ListProperty):
        return f"lambda value: _parse.array(value, {parser(prop.inner_property, names)})"
    if isinstance(prop, UnionProperty):
        branches = ", ".join(dict.fromkeys(parser(branch, names) for branch in prop.inner_properties))
        return f"lambda value: _parse.union(value, {branches})"
    if isinstance(prop, ConstProperty):
        return f"lambda value: _parse.constant(value, {literal(prop)})"
    if is_free_form(prop):
        return "_parse.mapping"
    if isinstance(prop, ModelProperty):
        return f"{names.package}{prop.class_info.name}.from_dict"
    if isinstance(prop, NoneProperty):
        return "_parse.null"
    if isinstance(prop, AnyProperty):
        return "_parse.anything"
    if isinstance(prop, FileProperty):
        return "_parse.binary"
    kind = _scalar_kind(prop, tagged=False) or _TEXTS.get(type(prop))
    if kind is None:
        raise SpecError([f"{_label(prop)}: {type(prop).__name__} has no counterpart in the generated client"])
    return f"_parse.{kind[1]}"


def nested(prop: PropertyProtocol, names: Names = Names()) -> tuple[str, str] | None:
    """(kind, parser) where a value of `prop` is an object of one class, or an array, so that generated code can read it
    without a function in between; None where it takes more. The kinds: `object`, `objects`, `array`, and `scalars`, an
    array of elements that one type check reads, with their exact type in place of the parser.
    """
    branches = [branch for branch in _inner(prop) if not isinstance(branch, NoneProperty)]
    if len(branches) != 1:
        return None
    branch = branches[0]
    if isinstance(branch, ModelProperty) and not is_free_form(branch):
        return "object", parser(branch, names)
    if not isinstance(branch, ListProperty):
        return None
    item = branch.inner_property
    if isinstance(item, ModelProperty) and not is_free_form(item):
        return "objects", parser(item, names)
    exact = scalar(item, tagged=False)
    if exact is not None and not exact[2]:
        return "scalars", exact[0]
    return "array", parser(item, names)


def is_plain(prop: PropertyProtocol) -> bool:
    """Whether a value of `prop` is JSON already, so that encoding it would be work for nothing."""
    return all(
        isinstance(branch, NoneProperty) or _scalar_kind(branch, False) for branch in _inner(prop)
    ) or isinstance(prop, ConstProperty)


def references(prop: PropertyProtocol) -> Iterator[ModelProperty | LiteralEnumProperty]:
    """The models and enums that the annotation or the parser of `prop` names."""
    if isinstance(prop, ListProperty):
        yield from references(prop.inner_property)
    elif isinstance(prop, UnionProperty):
        for branch in prop.inner_properties:
            yield from references(branch)
    elif isinstance(prop, LiteralEnumProperty) or (isinstance(prop, ModelProperty) and not is_free_form(prop)):
        yield prop


def literal(prop: ConstProperty) -> str:
    return _quoted(prop.value.raw_value)


def quoted_name(prop: PropertyProtocol) -> str:
    return _quoted(prop.name.get_untrusted_value())


def _branches(prop: PropertyProtocol, names: Names, *, accepted: bool) -> list[str]:
    """The annotations of each alternative of `prop`, in the order of the spec, null last."""
    sequence = "Sequence" if accepted else "list"
    branches: list[str] = []
    for branch in _inner(prop):
        if isinstance(branch, ListProperty):
            inner = _branches(branch.inner_property, names, accepted=accepted)
            branches.append(f"{sequence}[{' | '.join(_named(inner, names))}]")
        elif isinstance(branch, NoneProperty):
            branches.append("None")
        elif isinstance(branch, ConstProperty):
            branches.append(f"Literal[{literal(branch)}]")
        elif is_free_form(branch):
            branches.append(_MAPPING if accepted else "dict[str, Any]")
        elif isinstance(branch, ModelProperty):
            branches.append(f"{names.package}{branch.class_info.name}")
            branches += [_MAPPING] * accepted
        elif isinstance(branch, LiteralEnumProperty):
            branches.append(f"{names.package}{branch.class_info.name}")
        elif isinstance(branch, AnyProperty):
            branches.append("Any")
        elif isinstance(branch, FileProperty):
            branches.append("FileInput")
        elif kind := (_SCALARS.get(type(branch)) or _TEXTS.get(type(branch))):
            branches.append(kind[0])
        else:
            raise SpecError([f"{_label(branch)}: {type(branch).__name__} has no counterpart in the generated client"])
    unique = list(dict.fromkeys(branches))
    return sorted(unique, key=lambda name: name == "None")


def _named(branches: list[str], names: Names) -> list[str]:
    """The branches, with the largest set of them that the spec names as a union replaced by that name."""
    for members in sorted(names.unions, key=len, reverse=True):
        if members <= set(branches):
            rest = [branch for branch in branches if branch not in members]
            return [names.unions[members], *rest]
    return branches


def _inner(prop: PropertyProtocol) -> Iterable[PropertyProtocol]:
    return prop.inner_properties if isinstance(prop, UnionProperty) else (prop,)


def _scalar_kind(prop: PropertyProtocol, tagged: bool) -> tuple[str, str] | None:
    if isinstance(prop, LiteralEnumProperty):
        # Values that the spec does not list are kept: a server may learn new ones.
        return _KEYWORD if prop.value_type is str else _SCALARS[IntProperty]
    if isinstance(prop, ConstProperty) and not tagged and isinstance(prop.value.raw_value, str):
        return _KEYWORD
    return _SCALARS.get(type(prop))


def _quoted(value: object) -> str:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)


def _label(prop: PropertyProtocol) -> str:
    return f"member {prop.name.get_untrusted_value()!r}"

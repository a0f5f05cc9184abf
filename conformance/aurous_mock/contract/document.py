"""One spec as data: resolves its references and makes validators for its schemas."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import quote

import jsonschema_rs

_URI = "urn:aurous-mock:spec"
METHODS = ("get", "put", "post", "delete", "patch")
# The name that a member had in earlier versions, and such values of an enum, by their name now.
RENAMED_MEMBER = "x-renamed-from"
RENAMED_VALUES = "x-renamed-values"
PARAMETER = re.compile(r"\{([^{}]*)\}")
# Bounds schemas that refer to themselves.
_DEEPEST = 12


@dataclass(frozen=True)
class Schema:
    """The schema at a place of a spec."""

    document: "Document"
    pointer: str
    node: Any

    @cached_property
    def validator(self) -> jsonschema_rs.Draft202012Validator:
        return self.document.validator(self.pointer)

    def is_valid(self, value: Any) -> bool:
        return self.validator.is_valid(value)


class Document:
    """An OpenAPI document. Pointers are JSON Pointers, such as `/components/schemas/Balance`."""

    def __init__(self, root: dict[str, Any]) -> None:
        self.root = root
        self._registry = jsonschema_rs.Registry([(_URI, root)])

    def resolve(self, pointer: str) -> Any:
        """The node at a pointer. Raises LookupError if there is none."""
        node: Any = self.root
        for step in pointer.split("/")[1:]:
            name = step.replace("~1", "/").replace("~0", "~")
            node = node[int(name)] if isinstance(node, list) else node[name]
        return node

    def follow(self, pointer: str, node: Any) -> tuple[str, Any]:
        """The node that a reference stands for, and where it is; the node itself if it is no reference."""
        for _ in range(_DEEPEST):
            if not isinstance(node, Mapping) or not isinstance(node.get("$ref"), str):
                return pointer, node
            pointer = node["$ref"].removeprefix("#")
            node = self.resolve(pointer)
        raise ValueError(f"$ref {pointer!r} leads back to itself")

    def child(self, pointer: str, node: Mapping[str, Any], name: str) -> tuple[str, Any]:
        """A member of a node, its references followed; an empty mapping if there is none."""
        return self.follow(join(pointer, name), node.get(name, {}))

    def operations(self) -> Iterator[tuple[str, str, str, Mapping[str, Any], Mapping[str, Any]]]:
        """Path, method, pointer, path item and operation of each operation."""
        paths = self.root.get("paths") or {}
        for path, node in paths.items():
            pointer, item = self.follow(join("/paths", path), node)
            for method in METHODS:
                if method in item:
                    yield path, method, join(pointer, method), item, item[method]

    @cached_property
    def member_names(self) -> frozenset[str]:
        """The names of all properties that any schema declares."""
        members = (node.get("properties") for node in self.nodes())
        return frozenset(name for each in members if isinstance(each, Mapping) for name in each)

    @cached_property
    def has_renames(self) -> bool:
        """Whether any member or value has another name than in an earlier version."""
        return any(RENAMED_MEMBER in node or RENAMED_VALUES in node for node in self.nodes())

    def nodes(self) -> Iterator[Mapping[str, Any]]:
        """Every object in the document."""
        pending: list[Any] = [self.root]
        while pending:
            node = pending.pop()
            if isinstance(node, Mapping):
                yield node
                pending += node.values()
            elif isinstance(node, list):
                pending += node

    def validator(self, pointer: str) -> jsonschema_rs.Draft202012Validator:
        """A validator for the schema at a pointer."""
        reference = f"{_URI}#{quote(pointer, safe='/~')}"
        return jsonschema_rs.Draft202012Validator({"$ref": reference}, registry=self._registry, validate_formats=True)

    def standalone(self, schema: Mapping[str, Any]) -> dict[str, Any]:
        """The schema with everything that its references may lead to."""
        return {**schema, "components": self.root.get("components") or {}, "paths": self.root.get("paths") or {}}

    def types(self, schema: Any, depth: int = _DEEPEST) -> frozenset[str]:
        """The JSON types that a schema allows, as far as it says so; empty if it allows all of them."""
        _, schema = self.follow("", schema)
        if not isinstance(schema, Mapping) or not depth:
            return frozenset()
        stated = schema.get("type")
        if stated is not None:
            return frozenset([stated] if isinstance(stated, str) else stated)
        if "enum" in schema or "const" in schema:
            return frozenset(_type_of(value) for value in schema.get("enum", [schema.get("const")]))
        for keyword in ("anyOf", "oneOf"):
            if keyword in schema:
                return frozenset().union(*(self.types(branch, depth - 1) for branch in schema[keyword]))
        for part in schema.get("allOf", ()):
            if types := self.types(part, depth - 1):
                return types
        if "properties" in schema:
            return frozenset({"object"})
        return frozenset({"array"}) if "items" in schema else frozenset()

    def member_schemas(self, schema: Any, depth: int = _DEEPEST) -> dict[str, Any]:
        """The schemas of the properties that a schema declares, in whichever of its parts."""
        _, schema = self.follow("", schema)
        if not isinstance(schema, Mapping) or not depth:
            return {}
        members: dict[str, Any] = dict(schema.get("properties") or {})
        for keyword in ("allOf", "anyOf", "oneOf"):
            for part in schema.get(keyword, ()):
                members = {**self.member_schemas(part, depth - 1), **members}
        return members

    def item_schema(self, schema: Any, depth: int = _DEEPEST) -> Any:
        """The schema of the items of an array, in whichever part it stands; {} if there is none."""
        _, schema = self.follow("", schema)
        if not isinstance(schema, Mapping) or not depth:
            return {}
        if "items" in schema:
            return schema["items"]
        for keyword in ("allOf", "anyOf", "oneOf"):
            for part in schema.get(keyword, ()):
                if items := self.item_schema(part, depth - 1):
                    return items
        return {}


def concreteness(path: str) -> list[tuple[int, int]]:
    """A sort key for paths: of several that match a request, the first serves it (OpenAPI: concrete before templated).

    Segment by segment, few parameters come before many, and much text beside them before little.
    """
    segments = [PARAMETER.split(segment)[::2] for segment in path.split("/")]
    return [(len(texts), -sum(map(len, texts))) for texts in segments]


def join(pointer: str, name: str) -> str:
    return f"{pointer}/{name.replace('~', '~0').replace('/', '~1')}"


def _type_of(value: Any) -> str:
    match value:
        case bool():
            return "boolean"
        case int():
            return "integer"
        case float():
            return "number"
        case None:
            return "null"
        case str():
            return "string"
        case _:
            return "array" if isinstance(value, list) else "object"

"""Reads an operation of the spec into fields, with a JSON pointer for each fact."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from generator.yaml_loader import Pointer
from specdiff import sources
from specdiff.sources import Source

from .facts import KEYWORDS, Fact, Field

PLACES = {"Headers": "header", "Path Parameters": "path", "Query Parameters": "query"}
_JSON = "application/json"


class Operation:
    """One operation of the spec."""

    def __init__(self, spec: Source, path: str, method: str) -> None:
        self._document = spec.document
        self.pointer = f"#{sources.write(('paths', path, method.lower()))}"
        self._item: Mapping[str, Any] = spec.document["paths"][path]
        self._operation: Mapping[str, Any] = self._item[method.lower()]
        self.deprecated = bool(self._operation.get("deprecated"))

    def parameters(self, place: str) -> list[Field]:
        """The parameters in the headers, the path or the query."""
        shapes = []
        for holder, pointer in ((self._item, self.pointer.rpartition("/")[0]), (self._operation, self.pointer)):
            for index, given in enumerate(holder.get("parameters", ())):
                parameter, at = self._follow(given, f"{pointer}/parameters/{index}")
                if parameter["in"] != place:
                    continue
                shape = self._field(str(parameter["name"]), parameter.get("schema", {}), f"{at}/schema")
                shape.required, shape.pointer = bool(parameter.get("required")), at
                shape.deprecated |= bool(parameter.get("deprecated"))
                shapes.append(shape)
        return shapes

    def security_headers(self) -> set[str]:
        """The headers that may carry a credential."""
        schemes = self._document.get("components", {}).get("securitySchemes", {})
        names = set()
        for requirement in self._operation.get("security", self._document.get("security", ())):
            for name in requirement:
                scheme = schemes.get(name, {})
                names.add(scheme["name"] if scheme.get("type") == "apiKey" else "Authorization")
        return names

    def body(self, media_type: str = _JSON) -> tuple[Mapping[str, Any], str] | None:
        """The schema of the body of a media type with its pointer, or None."""
        body, at = self._follow(self._operation.get("requestBody", {}), f"{self.pointer}/requestBody")
        return self._schema(body, at, media_type)

    def response(self, status: str) -> tuple[Mapping[str, Any], str] | None:
        """The schema of the JSON response of a status with its pointer, or None."""
        return self._schema(*self._response(status))

    def media_types(self, status: str) -> set[str]:
        """The media types of a response."""
        return set(self._response(status)[0].get("content", {}))

    def success(self) -> str:
        """The first 2xx status, or an empty string."""
        return next((status for status in self._operation.get("responses", {}) if status.startswith("2")), "")

    def server_urls(self) -> list[str]:
        """The base URLs of the operation."""
        servers = self._operation.get("servers") or self._item.get("servers") or self._document.get("servers", ())
        return [str(server["url"]).rstrip("/") for server in servers]

    def error_codes(self) -> Mapping[str, Any]:
        """The documented error codes by name, each with its status."""
        codes: Mapping[str, Any] = self._document.get("components", {}).get("x-error-codes", {})
        return codes

    def _response(self, status: str) -> tuple[Mapping[str, Any], str]:
        response = self._operation.get("responses", {}).get(status, {})
        return self._follow(response, f"{self.pointer}/responses/{status}")

    def has_status(self, status: str) -> bool:
        return status in self._operation.get("responses", {})

    def members(self, schema: Mapping[str, Any], pointer: str) -> list[Field]:
        """The members of an object, or of the objects in a list, or of one that may be null."""
        schema, at = self._object(schema, pointer)
        required = schema.get("required", ())
        members = []
        for name, child in schema.get("properties", {}).items():
            member = self._field(name, child, f"{at}{sources.write(('properties', name))}")
            member.required = name in required
            members.append(member)
        return members

    def _schema(
        self, holder: Mapping[str, Any], at: str, media_type: str = _JSON
    ) -> tuple[Mapping[str, Any], str] | None:
        schema = holder.get("content", {}).get(media_type, {}).get("schema")
        return None if schema is None else (schema, f"{at}/content{sources.write((media_type,))}/schema")

    def _follow(self, node: Mapping[str, Any], pointer: str) -> tuple[Mapping[str, Any], str]:
        while "$ref" in node:
            pointer = str(node["$ref"])
            node = sources.find(self._document, sources.parse(pointer)) or {}
        return node, pointer

    def _object(self, schema: Mapping[str, Any], pointer: str) -> tuple[Mapping[str, Any], str]:
        schema, at = self._follow(schema, pointer)
        for keyword in ("oneOf", "anyOf"):
            given = schema.get(keyword, ())
            present = [index for index, member in enumerate(given) if member.get("type") != "null"]
            if len(present) == 1:
                return self._object(given[present[0]], f"{at}/{keyword}/{present[0]}")
        if "items" in schema:
            return self._object(schema["items"], f"{at}/items")
        return schema, at

    def _field(self, name: str, schema: Mapping[str, Any], pointer: str) -> Field:
        field = Field(name, pointer=pointer, schema=schema)
        field.deprecated = bool(self._follow(schema, pointer)[0].get("deprecated") or schema.get("deprecated"))
        types: set[str] = set()
        self._gather(field, types, schema, pointer)
        field.types = frozenset(types)
        return field

    def _gather(self, field: Field, types: set[str], schema: Mapping[str, Any], pointer: str) -> None:
        schema, at = self._follow(schema, pointer)
        given = schema.get("type", ())
        types |= {given} if isinstance(given, str) else set(given)
        if "const" in schema:
            field.facts["enum"] = Fact([schema["const"]], pointer=f"{at}/const")
            types |= {"string"} if isinstance(schema["const"], str) else set()
        for keyword in KEYWORDS:
            # The default of a constant, or null, is for the generated client, and no statement of the API.
            is_for_client = keyword == "default" and ("const" in schema or schema.get("default") is None)
            if keyword in schema and not is_for_client:
                field.facts[keyword] = Fact(schema[keyword], pointer=f"{at}/{keyword}")
        items, at_items = self._follow(schema.get("items", {}), f"{at}/items")
        if "enum" in items:
            # Pages list the options of an array's items as its own.
            field.facts["enum"] = Fact(items["enum"], pointer=f"{at_items}/enum")
        for keyword in ("oneOf", "anyOf"):
            members = [member for member in schema.get(keyword, ()) if member.get("type") != "null"]
            types |= {"null"} if len(members) < len(schema.get(keyword, ())) else set()
            plain = [member for member in members if set(member) == {"type"}]
            if keyword == "anyOf" and len(members) - len(plain) == 1 and len(plain) == 1:
                # An enum beside any other string: open.
                field.is_open = True
            elif len(members) > 1:
                field.is_union = True
            alone = len(members) == 1 or field.is_open
            for index, member in enumerate(schema.get(keyword, ())):
                if member.get("type") == "null":
                    continue
                # Of a union only the types can be compared: a page prints one set of facts.
                target = field if alone else Field(name=field.name)
                self._gather(target, types, member, f"{at}/{keyword}/{index}")

    def unknown_members(self, schema: Mapping[str, Any], value: Any, path: Pointer = ()) -> Iterator[Pointer]:
        """The paths of members of a sample that the schema does not name."""
        if isinstance(value, list):
            for index, item in enumerate(value):
                for items in self._parts(schema, "items"):
                    yield from self.unknown_members(items, item, (*path, index))
        elif isinstance(value, dict):
            known: dict[str, Mapping[str, Any]] = {}
            for properties in self._parts(schema, "properties"):
                known |= properties
            if not known or any(self._parts(schema, "additionalProperties")):
                return
            for name, member in value.items():
                if name in known:
                    yield from self.unknown_members(known[name], member, (*path, name))
                else:
                    yield (*path, name)

    def _parts(self, schema: Mapping[str, Any], keyword: str) -> Iterator[Any]:
        """The values of a keyword in a schema and in all members of its unions."""
        schema, _ = self._follow(schema, "")
        if keyword in schema:
            yield schema[keyword]
        for union in ("oneOf", "anyOf", "allOf"):
            for member in schema.get(union, ()):
                yield from self._parts(member, keyword)

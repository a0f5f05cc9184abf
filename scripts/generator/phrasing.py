"""Owns the rules R1-R12 of openapi.yaml's header: what openapi-python-client would drop or break without a word.

Knows the document, not the generator.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from .spec import Pointer, Spec, SpecError, component_name, walk

Fault = tuple[Pointer, str]
Rule = Callable[[Spec], Iterator[Fault]]

# Members that may stand beside a $ref without meaning being lost.
_HARMLESS_SIBLINGS = {"$ref", "description", "summary"}
_SCALARS = {"string", "integer", "number", "boolean"}


def check(spec: Spec) -> None:
    """Raise SpecError with every breach of the rules, each with its place."""
    faults = [f"{spec.place(pointer)}: {text}" for rule in RULES for pointer, text in rule(spec)]
    if faults:
        raise SpecError(faults)


def named_objects(spec: Spec) -> Iterator[Fault]:
    for pointer, schema in _schemas(spec):
        nested = pointer[:2] != ("components", "schemas") or len(pointer) > 3
        if nested and ("enum" in schema or schema.get("type") == "object") and not _is_wire_only(pointer):
            yield pointer, "R1: an object or enum must be a named component, referred to by $ref"
        if "$ref" in schema and not set(schema) <= _HARMLESS_SIBLINGS:
            extra = ", ".join(sorted(set(schema) - _HARMLESS_SIBLINGS))
            yield pointer, f"R1: {extra} beside a $ref is dropped; use oneOf or another component"


def json_first(spec: Spec) -> Iterator[Fault]:
    for pointer, operation in spec.operations():
        for status, response in spec.successes(operation):
            types = list(response.get("content", {}))
            where = (*pointer, "responses", status, "content")
            if "text/event-stream" in types and types[0] != "application/json":
                yield where, "R2: application/json must stand before text/event-stream"
            for media_type in types:
                if media_type not in ("application/json", "text/event-stream"):
                    yield (*where, media_type), f"R2: {media_type} has no counterpart in the generated client"


def nullable(spec: Spec) -> Iterator[Fault]:
    for pointer, schema in _schemas(spec):
        kind = schema.get("type")
        if "nullable" in schema:
            yield (*pointer, "nullable"), "R3: nullable is OpenAPI 3.0; use oneOf [$ref, type null] or type [T, null]"
        if isinstance(kind, list):
            if not set(kind) <= {*_SCALARS, "null"}:
                yield (*pointer, "type"), "R3: a list of types is for scalars only; use oneOf [$ref, type null]"
            if "enum" in schema:
                yield (*pointer, "enum"), "R3: a nullable enum is anyOf [$ref Enum, type null]"


def tagged_unions(spec: Spec) -> Iterator[Fault]:
    for pointer, schema in _schemas(spec):
        branches = [*schema.get("oneOf", ()), *schema.get("anyOf", ())]
        if _is_wire_only(pointer) or not branches:
            continue
        if "properties" in schema:
            yield pointer, "R4: anyOf or oneOf beside properties is dropped"
        for branch in branches:
            if "const" in branch:
                yield pointer, "R4: a scalar const inside a union makes the other branches unreachable"
        members = [component_name(branch["$ref"]) for branch in branches if "$ref" in branch]
        objects = [name for name in members if spec.schemas.get(name, {}).get("type") == "object"]
        for name in objects if len(objects) > 1 else ():
            if not _tag(spec.schemas[name]):
                where: Pointer = ("components", "schemas", name)
                yield (
                    where,
                    f"R4: {name} is one of several objects in a union; it needs a required const with that default",
                )


def open_enums(spec: Spec) -> Iterator[Fault]:
    for name in _sent_by_server(spec):
        for member, schema in spec.schemas[name].get("properties", {}).items():
            pointer: Pointer = ("components", "schemas", name, "properties", member)
            for where, branches in ((pointer, [schema]), ((*pointer, "anyOf"), schema.get("anyOf", []))):
                enums = [b for b in branches if "enum" in spec.follow(b)]
                if enums and not any(branch.get("type") == "string" and "enum" not in branch for branch in branches):
                    yield (
                        where,
                        f"R5: a server may send other values of {name}.{member}; add an anyOf branch of type string",
                    )


def no_defaults(spec: Spec) -> Iterator[Fault]:
    for pointer, schema in _schemas(spec):
        if "default" in schema and schema.get("const") != schema["default"]:
            yield (*pointer, "default"), "R6: a default would be sent with every request; say it in the description"


def plain_headers(spec: Spec) -> Iterator[Fault]:
    for pointer, _ in spec.operations():
        for parameter in spec.parameters(pointer):
            schema = spec.follow(parameter.get("schema", {}))
            if parameter["in"] == "header" and (schema.get("type") != "string" or "format" in schema):
                yield pointer, f"R8: header {parameter['name']} must be a plain string; the operation would be dropped"
            if "description" in parameter:
                yield pointer, f"R8: the description of {parameter['name']} must stand in its schema, or it is lost"


def own_security(spec: Spec) -> Iterator[Fault]:
    for pointer, operation in spec.operations():
        if "security" not in operation:
            yield pointer, "R9: an operation must name its security"


def named_errors(spec: Spec) -> Iterator[Fault]:
    for pointer, operation in spec.operations():
        for status, response in operation["responses"].items():
            where = (*pointer, "responses", status)
            if status == "default":
                yield where, "R10: use 4XX and 5XX instead of default"
            elif str(status)[0] in "45" and "$ref" not in response:
                yield where, "R10: an error response must be a $ref to components/responses"
        if not list(spec.successes(operation)):
            yield (*pointer, "responses"), "R10: an operation must have a 2xx response"


def no_booleans(spec: Spec) -> Iterator[Fault]:
    for pointer, schema in _schemas(spec):
        if schema.get("type") == "array" and "items" not in schema:
            yield pointer, "R12: an array must say what its items are"
        for keyword in ("items", "additionalProperties"):
            if isinstance(schema.get(keyword), bool) and keyword == "items":
                yield (*pointer, keyword), "R12: a boolean is no schema here; use {}"
        for member, value in schema.get("properties", {}).items():
            if isinstance(value, bool):
                yield (*pointer, "properties", member), "R12: a boolean is no schema here; use {}"


RULES: tuple[Rule, ...] = (
    named_objects,
    json_first,
    nullable,
    tagged_unions,
    open_enums,
    no_defaults,
    plain_headers,
    own_security,
    named_errors,
    no_booleans,
)


def _schemas(spec: Spec) -> Iterator[tuple[Pointer, dict[str, Any]]]:
    """Every JSON Schema object of the document; examples and the like are not schemas."""
    for pointer, node in walk(spec.document):
        if not isinstance(node, dict) or {"example", "examples", "value", "default", "const"} & set(map(str, pointer)):
            continue
        parent = pointer[-1] if pointer else None
        above = pointer[-2] if len(pointer) > 1 else None
        is_component = pointer[:2] == ("components", "schemas") and len(pointer) == 3
        is_member = above == "properties" and (len(pointer) < 3 or pointer[-3] != "properties")
        is_branch = above in ("oneOf", "anyOf", "allOf")
        if (
            is_component
            or is_member
            or is_branch
            or parent in ("schema", "items", "additionalProperties", "contentSchema")
        ):
            yield pointer, node


def _is_wire_only(pointer: Pointer) -> bool:
    """Parts that tools check and the generator never reads: events, and the values of headers."""
    return "text/event-stream" in pointer or "headers" in pointer


def _tag(schema: dict[str, Any]) -> str | None:
    for member, value in schema.get("properties", {}).items():
        if "const" in value and value.get("default") == value["const"] and member in schema.get("required", ()):
            return str(member)
    return None


def _sent_by_server(spec: Spec) -> set[str]:
    """The components that a response or an event can hold."""
    roots: list[Any] = []
    for _, operation in spec.operations():
        roots += [spec.follow(response) for response in operation["responses"].values()]
    seen: set[str] = set()
    while roots:
        for pointer, node in walk(roots.pop()):
            name = component_name(node) if pointer and pointer[-1] == "$ref" and isinstance(node, str) else ""
            if name in spec.schemas and name not in seen:
                seen.add(name)
                roots.append(spec.schemas[name])
    return {name for name in seen if "properties" in spec.schemas[name]}

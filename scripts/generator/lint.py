"""The phrasing rules of openapi.yaml's header: what openapi-python-client would drop or break silently."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from . import charges, names, unsupported
from .schemas import Place, content_schemas, subschemas, walk
from .spec import Spec, component_name
from .yaml_loader import Pointer, SpecError

Diagnostic = tuple[Pointer, str]
Rule = Callable[[Spec], Iterable[Diagnostic]]

# Members that may stand beside a $ref: the generated docstrings take them from the document itself.
_ANNOTATIONS = {"$ref", "description", "summary"}
_SCALARS = {"string", "integer", "number", "boolean"}
_JSON, _EVENTS = "application/json", "text/event-stream"
ERROR_CODE_FACTS = frozenset({"status", "type", "retryable", "when", "page"})


def check(spec: Spec) -> None:
    """Raise SpecError with every breach of the rules, each with its place."""
    faults = [f"{spec.place(pointer)}: {text}" for rule in RULES for pointer, text in rule(spec)]
    if faults:
        raise SpecError(list(dict.fromkeys(faults)))


def named_objects(spec: Spec) -> Iterator[Diagnostic]:
    for place in walk(spec.document):
        schema = place.keywords
        if not place.is_component and not place.wire_only and ("enum" in schema or _is_object(schema)):
            yield place.pointer, "R1: an object or enum must be a named component, referred to by $ref"
        if "$ref" in schema and not set(schema) <= _ANNOTATIONS:
            extra = ", ".join(sorted(set(schema) - _ANNOTATIONS))
            yield place.pointer, f"R1: {extra} beside a $ref is dropped; use oneOf or another component"
        if place.is_component and "$ref" in schema:
            yield place.pointer, "R1: a component that is a mere $ref gets no name in Python; refer to its target"


def json_first(spec: Spec) -> Iterator[Diagnostic]:
    for pointer, operation in spec.operations():
        for status, response in spec.successes(operation):
            types = list(response.get("content", {}))
            where = (*pointer, "responses", status, "content")
            if _EVENTS in types and types[0] != _JSON:
                yield where, "R2: application/json must stand before text/event-stream"
            for media_type in types:
                if media_type not in (_JSON, _EVENTS):
                    yield (*where, media_type), f"R2: {media_type} has no counterpart in the generated client"
                elif "schema" not in response["content"][media_type]:
                    yield (*where, media_type), f"R2: {media_type} needs a schema, or nothing is parsed"
            event = spec.schemas.get(spec.event_component(operation) or "")
            if _EVENTS in types and not (isinstance(event, dict) and "properties" in event):
                yield (*where, _EVENTS), "R2: an event needs a contentSchema whose first $ref is an object with members"


def nullable(spec: Spec) -> Iterator[Diagnostic]:
    for place in walk(spec.document):
        pointer, schema = place.pointer, place.keywords
        if "nullable" in schema:
            yield (*pointer, "nullable"), "R3: nullable is OpenAPI 3.0; use oneOf [$ref, type null] or type [T, null]"
        if "enum" in schema and (isinstance(schema.get("type"), list) or None in schema["enum"]):
            yield (*pointer, "enum"), "R3: a nullable enum is anyOf [$ref Enum, type null]"
        if isinstance(schema.get("type"), list) and not set(schema["type"]) <= {*_SCALARS, "null"}:
            yield (*pointer, "type"), "R3: a list of types is for scalars only; use oneOf [$ref, type null]"


def tagged_unions(spec: Spec) -> Iterator[Diagnostic]:
    for place in walk(spec.document):
        schema = place.keywords
        if place.wire_only or not _branches(schema):
            continue
        if "properties" in schema:
            yield place.pointer, "R4: anyOf or oneOf beside properties is dropped"
        if any(isinstance(branch, dict) and "const" in branch for branch in _branches(schema)):
            yield place.pointer, "R4: a scalar const inside a union makes the other branches unreachable"
        yield from _untagged(spec, place)


def _untagged(spec: Spec, place: Place) -> Iterator[Diagnostic]:
    """Objects of a union that their members do not tell apart: the first of them would always be taken."""
    objects = sorted(union_objects(spec, place.schema))
    if len(objects) < 2:
        return
    tags = {name: _tags(spec.schemas[name]) for name in objects}
    for name in objects:
        if not tags[name]:
            where: Pointer = ("components", "schemas", name)
            yield where, f"R4: {name} is one of several objects in a union; it needs a required const with that default"
    common = set.intersection(*(set(consts) for consts in tags.values()))
    distinct = [member for member in common if len({tags[name][member] for name in objects}) == len(objects)]
    if all(tags.values()) and not distinct:
        yield place.pointer, f"R4: {', '.join(objects)} share no const member with a value of its own in each"
    discriminator = place.schema.get("discriminator", {})
    member = discriminator.get("propertyName")
    for value, reference in discriminator.get("mapping", {}).items():
        name = component_name(reference)
        if name in tags and tags[name].get(member) != value:
            where = (*place.pointer, "discriminator", "mapping", value)
            yield where, f"R4: {name}.{member} is not {value!r}; the generator goes by the const, not by the mapping"


def open_enums(spec: Spec) -> Iterator[Diagnostic]:
    for root in _sent_by_server(spec):
        for place in subschemas(root):
            pointer, schema = place.pointer, place.keywords
            keyword = next((key for key in ("anyOf", "oneOf") if key in schema), None)
            branches = schema[keyword] if keyword else [schema] if pointer[-2] not in ("anyOf", "oneOf") else []
            enums = [branch for branch in branches if isinstance(branch, dict) and "enum" in spec.follow(branch)]
            plain = [branch for branch in branches if isinstance(branch, dict) and not {"enum", "$ref"} & set(branch)]
            open_types = [branch.get("type") for branch in plain]
            if enums and not place.is_component and spec.follow(enums[0]).get("type") not in open_types:
                name = component_name(str(enums[0].get("$ref", "an enum")))
                yield pointer, f"R5: a server may send other values than {name} lists; add an anyOf branch of its type"


def no_defaults(spec: Spec) -> Iterator[Diagnostic]:
    for place in walk(spec.document):
        schema = place.keywords
        if "default" in schema and ("const" not in schema or schema["const"] != schema["default"]):
            where = (*place.pointer, "default")
            yield where, "R6: a default would be sent with every request; say it in the description"


def whole_numbers(spec: Spec) -> Iterator[Diagnostic]:
    for place in walk(spec.document):
        schema = place.keywords
        step = schema.get("multipleOf", 0.5)
        if schema.get("type") == "number" and (step % 1 == 0 or str(schema.get("format")).startswith("int")):
            yield (*place.pointer, "type"), "R7: a whole number is type integer"


def plain_headers(spec: Spec) -> Iterator[Diagnostic]:
    for pointer, _ in spec.operations():
        for parameter in spec.parameters(pointer):
            schema = spec.follow(parameter.get("schema", {}))
            if parameter["in"] == "header" and (schema.get("type") != "string" or {"format", "const"} & set(schema)):
                yield pointer, f"R8: header {parameter['name']} must be a plain string; the operation would be dropped"
            if "description" in parameter:
                yield pointer, f"R8: the description of {parameter['name']} must stand in its schema, or it is lost"


def own_security(spec: Spec) -> Iterator[Diagnostic]:
    for pointer, operation in spec.operations():
        if "security" not in operation:
            yield pointer, "R9: an operation must name its security"


def named_errors(spec: Spec) -> Iterator[Diagnostic]:
    envelopes: set[str] = set()
    for pointer, operation in spec.operations():
        for status, response in operation.get("responses", {}).items():
            where = (*pointer, "responses", status)
            if status == "default":
                yield where, "R10: use 4XX and 5XX instead of default"
            elif status[0] in "45":
                if "$ref" not in response:
                    yield where, "R10: an error response must be a $ref to components/responses"
                content = spec.follow(response).get("content", {})
                listed = [media.get("schema") for media in content.values()]
                envelopes |= {str(schema.get("$ref")) if isinstance(schema, dict) else "" for schema in listed}
                if not all(isinstance(schema, dict) and spec.follow(schema).get("properties") for schema in listed):
                    yield where, "R10: the schema of an error must be a $ref to an object with members"
                if len(envelopes) > 1 or set(content) - {_JSON}:
                    yield where, "R10: all error responses must have one schema, in application/json"
        successes = [_content(response) for _, response in spec.successes(operation)]
        if not successes:
            yield (*pointer, "responses"), "R10: an operation must have a 2xx response"
        elif any(other != successes[0] for other in successes):
            yield (*pointer, "responses"), "R10: all 2xx responses of an operation must have the same content"


def known_codes(spec: Spec) -> Iterator[Diagnostic]:
    for pointer, operation in spec.operations():
        for index, code in enumerate(operation.get("x-errors", ())):
            if code not in spec.error_codes:
                yield (*pointer, "x-errors", index), f"R10: {code} is not among components/x-error-codes"
    for code, info in spec.error_codes.items():
        missing = sorted(ERROR_CODE_FACTS - set(info))
        if missing:
            yield ("components", "x-error-codes", code), f"R10: an error code needs {', '.join(missing)}"


def listed_members(spec: Spec) -> Iterator[Diagnostic]:
    for place in walk(spec.document):
        schema = place.keywords
        for name in schema.get("required", ()) if not place.wire_only else ():
            if name not in schema.get("properties", {}):
                where = (*place.pointer, "required")
                yield where, f"R11: {name} is required and not among the properties; it would not be asked for"


def no_booleans(spec: Spec) -> Iterator[Diagnostic]:
    for place in walk(spec.document):
        if isinstance(place.schema, bool) and place.pointer[-1] != "additionalProperties":
            yield place.pointer, "R12: a boolean is no schema here; use {}"
        if place.keywords.get("type") == "array" and "items" not in place.keywords:
            yield place.pointer, "R12: an array must say what its items are"


RULES: tuple[Rule, ...] = (
    named_objects,
    json_first,
    nullable,
    tagged_unions,
    open_enums,
    no_defaults,
    whole_numbers,
    plain_headers,
    own_security,
    named_errors,
    known_codes,
    listed_members,
    no_booleans,
    charges.check,
    unsupported.required,
    names.check,
)


def _content(response: Mapping[str, Any]) -> dict[str, Any]:
    """The schemas of a response, by media type."""
    return {kind: media.get("schema") for kind, media in response.get("content", {}).items()}


def union_objects(spec: Spec, schema: Mapping[str, Any]) -> set[str]:
    """The names of the objects among the alternatives of a union, those of unions inside it included."""
    objects: set[str] = set()
    seen: set[str] = set()
    waiting = [schema]
    while waiting:
        for branch in _branches(waiting.pop()):
            name = component_name(branch.get("$ref", "")) if isinstance(branch, dict) else ""
            target = spec.schemas.get(name)
            if isinstance(target, dict) and name not in seen:
                seen.add(name)
                waiting.append(target)
                objects |= {name} if _is_object(target) else set()
    return objects


def _branches(schema: Mapping[str, Any]) -> list[Any]:
    return [*schema.get("oneOf", ()), *schema.get("anyOf", ())]


def _is_object(schema: Mapping[str, Any]) -> bool:
    return schema.get("type") == "object" or ("type" not in schema and "properties" in schema)


def _tags(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The members of an object that always have one known value, with it."""
    return {
        member: value["const"]
        for member, value in schema.get("properties", {}).items()
        if isinstance(value, dict)
        and "const" in value
        and value.get("default") == value["const"]
        and member in schema.get("required", ())
    }


def _sent_by_server(spec: Spec) -> Iterator[Place]:
    """The schemas that a response or an event can hold."""
    waiting: list[Place] = []
    for pointer, operation in spec.operations():
        for status, response in operation.get("responses", {}).items():
            # Of an event only what its data decodes to; the frame around it is read by hand.
            for place in content_schemas((*pointer, "responses", status), spec.follow(response)):
                waiting += [] if place.wire_only and "$ref" not in place.keywords else [place]
    seen: set[str] = set()
    while waiting:
        place = waiting.pop()
        if not place.wire_only:
            yield place
        for inner in subschemas(place):
            name = component_name(str(inner.keywords.get("$ref", "")))
            if name in spec.schemas and name not in seen:
                seen.add(name)
                waiting.append(Place(("components", "schemas", name), spec.schemas[name], is_component=True))

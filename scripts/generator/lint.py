"""The phrasing rules of openapi.yaml's header: what openapi-python-client would drop or break silently."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from . import charges, names, paging, unsupported
from .keywords import SCHEMA_EXTENSIONS
from .normalize import event_streams
from .schemas import ANNOTATIONS, Place, walk
from .spec import Spec, component_name
from .yaml_loader import Pointer, SpecError

Diagnostic = tuple[Pointer, str]
Rule = Callable[[Spec], Iterable[Diagnostic]]

# Members that may stand beside a $ref: the generated docstrings take them from the document itself.
_ANNOTATIONS = {"$ref", *SCHEMA_EXTENSIONS, *ANNOTATIONS}
_SCALARS = {"string", "integer", "number", "boolean"}
_JSON = "application/json"
_STATUS = re.compile(r"[1-5](\d\d|XX)")
_RATE_CLASS = {"burst", "per_minute"}
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


def custom_streams(spec: Spec) -> Iterator[Diagnostic]:
    """Streams that the client has a class for: that class reads events of one kind, and the call without a stream."""
    events: dict[str, str] = {}
    for pointer, operation in spec.operations():
        stream, own = spec.events(pointer), str(operation.get("operationId"))
        if stream is None:
            if event_streams.EXTENSION in operation:
                yield (*pointer, event_streams.EXTENSION), "R2: the operation has no stream"
            continue
        if not stream.is_custom:
            continue
        if spec.only_streams(pointer, operation):
            yield stream.pointer, f"R2: a custom stream needs {_JSON} too, for a call without a stream"
        event = spec.schemas.get(stream.component or "")
        if not (isinstance(event, dict) and "properties" in event):
            yield stream.pointer, "R2: an event needs a contentSchema whose first $ref is an object with members"
        kind, first = next(iter(events.items()), (stream.component or "", own))
        events.setdefault(stream.component or "", own)
        if stream.component != kind:
            text = f"R2: the events of {own} are {stream.component}, those of {first} are {kind}; one of them is custom"
            yield stream.pointer, text


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
            yield where, f"R4: {name} is one of several objects in a union; it needs a required const"
    common = set.intersection(*(set(consts) for consts in tags.values()))
    distinct = [member for member in common if len({repr(tags[name][member]) for name in objects}) == len(objects)]
    if all(tags.values()) and not distinct:
        yield place.pointer, f"R4: {', '.join(objects)} share no const member with a value of its own in each"
    discriminator = place.schema.get("discriminator", {})
    member = discriminator.get("propertyName")
    for value, reference in discriminator.get("mapping", {}).items():
        name = component_name(reference)
        if name in tags and tags[name].get(member) != value:
            where = (*place.pointer, "discriminator", "mapping", value)
            yield where, f"R4: {name}.{member} is not {value!r}; the generator goes by the const, not by the mapping"


def const_defaults(spec: Spec) -> Iterator[Diagnostic]:
    for place in walk(spec.document):
        schema = place.keywords
        if "const" in schema and schema.get("default", schema["const"]) != schema["const"]:
            yield (*place.pointer, "default"), "R6: the default of a const is another value than the const"


def whole_numbers(spec: Spec) -> Iterator[Diagnostic]:
    for place in walk(spec.document):
        schema = place.keywords
        step = schema.get("multipleOf", 0.5)
        if schema.get("type") == "number" and (step % 1 == 0 or str(schema.get("format")).startswith("int")):
            yield (*place.pointer, "type"), "R7: a whole number is type integer"


def sendable_security(spec: Spec) -> Iterator[Diagnostic]:
    schemes = spec.document.get("components", {}).get("securitySchemes", {})
    for pointer, operation in spec.operations():
        if "security" not in operation:
            yield pointer, "R9: an operation, or the document, must name its security"
        alternatives = operation.get("security", ())
        for index, alternative in enumerate(alternatives):
            for name in alternative:
                if name not in schemes:
                    yield (*pointer, "security", index, name), f"R9: {name} is not among components/securitySchemes"
        if alternatives and not any(_is_sendable(spec, schemes, alternative) for alternative in alternatives):
            yield (*pointer, "security"), "R9: the client sends a key in a header, or a bearer token, and nothing else"


def _is_sendable(spec: Spec, schemes: Mapping[str, Any], alternative: Mapping[str, Any]) -> bool:
    listed = [spec.follow(schemes.get(name, {})) for name in alternative]
    return len(listed) <= 1 and all(
        (scheme.get("type"), scheme.get("in")) == ("apiKey", "header")
        or (scheme.get("type"), str(scheme.get("scheme")).lower()) == ("http", "bearer")
        or not scheme
        for scheme in listed
    )


def known_successes(spec: Spec) -> Iterator[Diagnostic]:
    for pointer, operation in spec.operations():
        for status, response in operation.get("responses", {}).items():
            if not _STATUS.fullmatch(status):
                yield (*pointer, "responses", status), "R10: a status is three digits, or one of 1XX to 5XX"
            elif status[0] in "45":
                media = spec.follow(response).get("content", {}).get(_JSON, {})
                if "schema" in media and not spec.follow(media["schema"]).get("properties"):
                    where = (*pointer, "responses", status)
                    yield where, "R10: the schema of an error must be an object with members"
        if not any(True for _ in spec.successes(operation)):
            yield (*pointer, "responses"), "R10: an operation must have a 2xx response"


def known_codes(spec: Spec) -> Iterator[Diagnostic]:
    for pointer, operation in spec.operations():
        for index, code in enumerate(operation.get("x-errors", ())):
            if code not in spec.error_codes:
                yield (*pointer, "x-errors", index), f"R10: {code} is not among components/x-error-codes"
    listed = spec.document.get("components", {}).get("schemas", {}).get("ErrorCode", {}).get("enum")
    for code, info in spec.error_codes.items():
        if listed is not None and code not in listed:
            yield (
                ("components", "x-error-codes", code),
                f"R10: {code} is not in the enum of components/schemas/ErrorCode",
            )
        missing = sorted(ERROR_CODE_FACTS - set(info))
        if missing:
            yield ("components", "x-error-codes", code), f"R10: an error code needs {', '.join(missing)}"


def known_rate_classes(spec: Spec) -> Iterator[Diagnostic]:
    classes = spec.document.get("components", {}).get("x-rate-classes", {})
    for pointer, operation in spec.operations():
        name = operation.get("x-rate-class")
        if name is not None and name not in classes:
            yield (*pointer, "x-rate-class"), f"R15: {name} is not among components/x-rate-classes"
    for name, figures in classes.items():
        if set(figures) != _RATE_CLASS or not all(isinstance(value, int) and value > 0 for value in figures.values()):
            where = ("components", "x-rate-classes", name)
            yield where, "R15: a rate class has burst and per_minute, whole numbers greater than 0"


def listed_members(spec: Spec) -> Iterator[Diagnostic]:
    for place in walk(spec.document):
        schema = place.keywords
        for name in schema.get("required", ()) if not place.wire_only else ():
            if name not in schema.get("properties", {}):
                where = (*place.pointer, "required")
                yield where, f"R11: {name} is required and not among the properties; it would not be asked for"
        also = schema.get("x-also-accepts")
        if also is not None and also not in spec.schemas:
            yield (*place.pointer, "x-also-accepts"), f"R11: {also} is not among components/schemas"


def renamed(spec: Spec) -> Iterator[Diagnostic]:
    """Renames of what still has its earlier name, or of what is not there, which would be translated into nothing."""
    for place in walk(spec.document):
        members, values = place.keywords.get("properties") or {}, place.keywords.get("enum") or ()
        for name, member in members.items():
            earlier = member.get("x-renamed-from") if isinstance(member, dict) else None
            if earlier in members:
                where: Pointer = (*place.pointer, "properties", name, "x-renamed-from")
                yield where, f"R16: {earlier} is a member of its own, so {name} cannot have been called that"
        for value, earlier in (place.keywords.get("x-renamed-values") or {}).items():
            if value not in values or earlier in values:
                where = (*place.pointer, "x-renamed-values", value)
                yield where, f"R16: {value} must be among the values of enum, and its earlier name {earlier} must not"


def no_booleans(spec: Spec) -> Iterator[Diagnostic]:
    for place in walk(spec.document):
        if isinstance(place.schema, bool) and place.pointer[-1] != "additionalProperties":
            yield place.pointer, "R12: a boolean is no schema here; use {}"
        if place.keywords.get("type") == "array" and "items" not in place.keywords:
            yield place.pointer, "R12: an array must say what its items are"


RULES: tuple[Rule, ...] = (
    named_objects,
    custom_streams,
    nullable,
    tagged_unions,
    const_defaults,
    whole_numbers,
    sendable_security,
    known_successes,
    known_codes,
    known_rate_classes,
    listed_members,
    no_booleans,
    renamed,
    charges.check,
    paging.check,
    unsupported.required,
    names.check,
)


def union_objects(spec: Spec, schema: Mapping[str, Any]) -> set[str]:
    """The names of the objects among the alternatives of a union, those of unions inside it included."""
    objects: set[str] = set()
    visited: set[str] = set()
    waiting = [schema]
    while waiting:
        for branch in _branches(waiting.pop()):
            name = component_name(branch.get("$ref", "")) if isinstance(branch, dict) else ""
            target = spec.schemas.get(name)
            if isinstance(target, dict) and name not in visited:
                visited.add(name)
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
        and value.get("default", value["const"]) == value["const"]
        and member in schema.get("required", ())
    }

"""Checks that every part of the spec has its counterpart in the generated package.

It reads the sources as syntax, independent of templates and parser, so that it cannot share their mistakes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from . import introspect, method_tree, paging, schemas
from .introspect import Package
from .normalize.media_types import essence
from .schemas import METHODS
from .spec import Spec, component_name
from .yaml_loader import Pointer, SpecError, resolve

Omission = tuple[Pointer, str]

_FUNCTIONS = ("build_request", "sync", "sync_detailed", "asyncio", "asyncio_detailed")


def check(spec: Spec, folder: Path) -> None:
    """Raise SpecError that names all that the package lacks, each with its place in the spec."""
    package = Package(folder)
    faults = [
        f"{spec.place(pointer)}: {what} was dropped"
        for part in (_components, _operations, _methods, _error_codes)
        for pointer, what in part(spec, package)
    ]
    faults += [f"{spec.place_in_file(pointer)}: {what} was dropped" for pointer, what in _written(spec, package)]
    if faults:
        raise SpecError(list(dict.fromkeys(faults)))


def _written(spec: Spec, package: Package) -> Iterator[Omission]:
    """What the file has, and the normalized document lacks: the other checks go by that one."""
    members = {name for model in package.models.values() for name in model.read}
    for place in schemas.walk(spec.written):
        for member in place.keywords.get("properties", {}) if not place.wire_only else ():
            if member not in members:
                yield (*place.pointer, "properties", member), f"member {member}"
    for path, item in spec.written.get("paths", {}).items():
        for method in METHODS:
            if method in item:
                yield from _written_operation(spec, package, ("paths", path, method), item[method])


def _written_operation(
    spec: Spec, package: Package, pointer: Pointer, operation: Mapping[str, Any]
) -> Iterator[Omission]:
    module = package.operations.get(str(operation.get("operationId")))
    if module is None:
        yield pointer, f"operation {operation.get('operationId')}"
        return
    for index, written in enumerate(operation.get("parameters", ())):
        parameter = _follow(spec.written, written)
        if parameter["name"] not in module.parameters:
            yield (*pointer, "parameters", index), f"parameter {parameter['name']}"
    if "requestBody" in operation and not module.sends_body:
        yield (*pointer, "requestBody"), "the body"
    known = {essence(answer.media_type or "") for answer in spec.answers(pointer)}
    events = spec.events(pointer)
    known |= {events.media_type} if events is not None else set()
    for status, written in operation.get("responses", {}).items():
        for media_type in _follow(spec.written, written).get("content", {}) if status.startswith("2") else ():
            if essence(media_type) not in known:
                yield (*pointer, "responses", status, "content", media_type), f"the answer of type {media_type}"


def _follow(document: Mapping[str, Any], node: Any) -> Mapping[str, Any]:
    while isinstance(node, dict) and "$ref" in node:
        node = resolve(document, str(node["$ref"]))
    return node if isinstance(node, dict) else {}


def _components(spec: Spec, package: Package) -> Iterator[Omission]:
    for name, schema in spec.schemas.items():
        pointer: Pointer = ("components", "schemas", name)
        if name not in package.exported:
            yield pointer, f"schema {name}"
        elif name in package.models:
            yield from _members(spec, package, name, schema)
        elif schema.get("properties"):
            yield pointer, f"the members of {name}"
        elif name in package.values:
            yield from _values(spec, package, name, schema)
        else:
            yield pointer, f"what {name} stands for"


def _members(spec: Spec, package: Package, name: str, schema: Mapping[str, Any]) -> Iterator[Omission]:
    model = package.models[name]
    for member, described in schema.get("properties", {}).items():
        pointer: Pointer = ("components", "schemas", name, "properties", member)
        annotation = model.annotations.get(model.read.get(member, ""))
        if annotation is None or member not in model.written:
            yield pointer, f"member {name}.{member}"
            continue
        for lost in sorted(_named(spec, package, described) - introspect.names(annotation)):
            yield pointer, f"alternative {lost} of {name}.{member}"
        if "const" in described and described["const"] not in introspect.constants(annotation):
            yield (*pointer, "const"), f"value {described['const']!r} of {name}.{member}"
    further = model.annotations.get("additional_properties")
    wanted = _named(spec, package, schema.get("additionalProperties"))
    if further is None or not wanted <= introspect.names(further):
        yield ("components", "schemas", name, "additionalProperties"), f"the type of further members of {name}"


def _values(spec: Spec, package: Package, name: str, schema: Mapping[str, Any]) -> Iterator[Omission]:
    pointer: Pointer = ("components", "schemas", name)
    written = package.values[name]
    for index, value in enumerate(schema.get("enum", ())):
        if value not in introspect.constants(written):
            yield (*pointer, "enum", index), f"value {value!r} of {name}"
    if "enum" in schema and not any(introspect.is_call(tree, "get_args", name) for tree in package.values.values()):
        yield (*pointer, "enum"), f"the tuple of the values of {name}"
    for lost in sorted(_named(spec, package, schema) - introspect.names(written)):
        yield pointer, f"alternative {lost} of {name}"


def _named(spec: Spec, package: Package, schema: Any, visited: frozenset[str] = frozenset()) -> set[str]:
    """The classes and enums that an annotation of a schema must name; unions in it are spelt out."""
    if not isinstance(schema, dict):
        return set()
    names: set[str] = set()
    for inner in (schema.get("items"), *schema.get("oneOf", ()), *schema.get("anyOf", ())):
        names |= _named(spec, package, inner, visited)
    name = component_name(schema.get("$ref", ""))
    if name and name not in visited:
        target = spec.schemas.get(name, {})
        if name in package.models or "enum" in target or "properties" in target:
            names.add(name)
        else:
            names |= _named(spec, package, target, visited | {name})
    return names


def _operations(spec: Spec, package: Package) -> Iterator[Omission]:
    for pointer, operation in spec.operations():
        name = str(operation.get("operationId"))
        module = package.operations.get(name)
        if module is None:
            yield pointer, f"operation {name}"
            continue
        if (module.facts.get("path"), str(module.facts.get("method")).lower()) != pointer[1:3]:
            yield pointer, f"the path or method of {name}"
        for function in _FUNCTIONS:
            if function not in module.functions:
                yield pointer, f"function {function} of {name}"
        for parameter in spec.parameters(pointer):
            if parameter["name"] not in module.parameters:
                yield pointer, f"parameter {parameter['name']} of {name}"
        if spec.body_schema(operation) is not None and not module.sends_body:
            yield (*pointer, "requestBody"), f"the body of {name}"
        yield from _answers(spec, package, pointer, operation, module)
        yield from _events(spec, package, pointer, name, module)
        yield from _formats(spec, pointer, module)
        if paging.EXTENSION in operation and "paging" not in module.facts:
            yield (*pointer, paging.EXTENSION), f"the pages of {name}"


def _answers(
    spec: Spec, package: Package, pointer: Pointer, operation: Mapping[str, Any], module: introspect.Module
) -> Iterator[Omission]:
    for status, response in spec.successes(operation):
        content = response.get("content", {})
        where = (*pointer, "responses", status, "content")
        named = _named(spec, package, content.get("application/json", {}).get("schema"))
        classes = {name for name in named if name in package.models}
        parsed = f"{module.facts.get('parse')} {module.facts.get('response_forms')}"
        if "application/json" in content and not all(f"{name}.from_dict" in parsed for name in classes):
            yield (*where, "application/json"), f"the JSON answer of {operation['operationId']}"


def _events(spec: Spec, package: Package, pointer: Pointer, name: str, module: introspect.Module) -> Iterator[Omission]:
    """The stream of an operation, where the module does not parse all of its events."""
    events = spec.events(pointer)
    if events is None:
        return
    named = _named(spec, package, {"$ref": f"#/components/schemas/{events.component}"}) if events.component else set()
    classes = {event for event in named if event in package.models}
    facts = module.events
    is_parsed = all(f"{event}.from_dict" in str(facts.get("parse")) for event in classes)
    wanted = (events.media_type, events.format, events.terminator)
    declared = (facts.get("media_type", "text/event-stream"), facts.get("format", "json"), facts.get("terminator"))
    if not facts or not is_parsed or wanted != declared:
        yield events.pointer, f"the events of {name}"


def _formats(spec: Spec, pointer: Pointer, module: introspect.Module) -> Iterator[Omission]:
    """The forms of a success that the module neither decodes by itself nor lists."""
    text = str(module.facts.get("response_forms", ""))
    for answer in spec.answers(pointer):
        form = f"status={answer.status!r}, media_type={answer.media_type!r}"
        if form not in text if text else module.facts.get("format", "json") != answer.format:
            yield answer.pointer, f"the answer of type {answer.media_type or 'none'}"


def _methods(spec: Spec, package: Package) -> Iterator[Omission]:
    for namespace in method_tree.build(spec).walk():
        for flavour in ("", "Async"):
            for method in namespace.methods:
                label = f"{'.'.join((*namespace.path, method.name))} ({flavour.lower() or 'sync'})"
                generated = package.methods.get((flavour + namespace.class_name, method.name))
                if generated is None:
                    yield method.pointer, f"method {label}"
                else:
                    yield from _arguments(spec, package, method, generated, label)


def _arguments(
    spec: Spec, package: Package, method: method_tree.Method, generated: introspect.Method, label: str
) -> Iterator[Omission]:
    module = package.operations.get(str(method.operation.get("operationId")))
    body = spec.body_schema(method.operation) or {}
    for member, schema in body.get("properties", {}).items() if module else ():
        if member not in generated.body and not schema.get("readOnly"):
            yield method.pointer, f"parameter {member} of method {label}"
    if module is None:
        return
    passed = {*module.declared[: generated.positional], *generated.keywords}
    for parameter in spec.parameters(method.pointer):
        wanted = module.parameters.get(parameter["name"])
        if wanted is not None and wanted not in passed and not parameter.get("x-set-by-client"):
            yield method.pointer, f"parameter {parameter['name']} of method {label}"
    if body and "body" not in passed:
        yield method.pointer, f"the body of method {label}"


def _error_codes(spec: Spec, package: Package) -> Iterator[Omission]:
    for code in spec.error_codes:
        if code not in package.error_codes:
            yield ("components", "x-error-codes", code), f"error code {code}"

"""Builds the template context of each operation's module."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from openapi_python_client.parser import GeneratorData
from openapi_python_client.parser.openapi import Endpoint
from openapi_python_client.parser.properties.model_property import ModelProperty
from openapi_python_client.parser.properties.protocol import PropertyProtocol

from . import charges, docstrings, names, paging, types
from .models import Models, wire_name
from .normalize import Answer, Format
from .normalize.media_types import essence
from .spec import Pointer, Spec, is_text


@dataclass(frozen=True)
class Parameter:
    """A parameter of a path, query or header, or a member of a body, as Python has it."""

    name: str
    wire_name: str
    """In quotes, as source text."""
    accepted: str
    required: bool
    doc: str
    value: str = ""
    """Source text of what is sent; empty where it is the parameter as it is."""
    set_by_client: bool = False
    nullable: bool = False
    """Whether None is sent, as null; otherwise None means that nothing was given."""
    takes_class: bool = False
    """Whether a class may stand for a value, which the client makes of it."""
    default: str | None = None
    """Source text of what is sent when nothing is given: the one value that a const can have."""


@dataclass(frozen=True)
class Form:
    """One form in which a success can arrive, and what it is parsed into."""

    status: str
    media_type: str | None
    format: Format
    annotation: str
    parser: str


@dataclass(frozen=True)
class Result:
    """What a success is parsed into."""

    forms: tuple[Form, ...]

    @property
    def annotation(self) -> str:
        return " | ".join(
            sorted(dict.fromkeys(form.annotation for form in self.forms), key=lambda name: name == "None")
        )

    @property
    def first(self) -> Form:
        return self.forms[0]

    @property
    def accept(self) -> str:
        """The media types that the client asks for."""
        listed = [essence(form.media_type) for form in self.forms if form.media_type is not None]
        return ", ".join(dict.fromkeys(listed)) or "application/json"

    @property
    def response_forms(self) -> tuple[Form, ...]:
        """The forms, unless all of them are decoded and parsed alike."""
        return self.forms if len({(form.format, form.parser) for form in self.forms}) > 1 else ()


@dataclass(frozen=True)
class Stream:
    """The stream of an operation: how its events arrive, and what each is parsed into."""

    annotation: str
    parser: str
    media_type: str
    format: str
    terminator: str | None
    is_custom: bool


@dataclass(frozen=True)
class Operation:
    """One operation: where it stands in the spec, its text there, and what of it becomes Python."""

    pointer: Pointer
    source: Mapping[str, Any]
    module: str
    tag: str
    paths: Sequence[Parameter]
    queries: Sequence[Parameter]
    headers: Sequence[Parameter]
    body: PropertyProtocol | None
    body_format: str
    body_type: str
    """Its media type."""
    result: Result
    stream: Stream | None
    pages: paging.PageAttributes | None

    @property
    def summary(self) -> str:
        return " ".join(str(self.source.get("summary") or self.module).split()).rstrip(".")


def collect(spec: Spec, parsed: GeneratorData, models: Models) -> Iterator[Operation]:
    """Every operation of a spec."""
    by_module = {names.module_name(o["operationId"]): (pointer, o) for pointer, o in spec.operations()}
    for tag, collection in parsed.endpoint_collections_by_tag.items():
        for endpoint in collection.endpoints:
            yield _operation(spec, models, endpoint, str(tag), *by_module[str(endpoint.name)])


def context(operation: Operation, models: Models) -> dict[str, Any]:
    """What the template of an operation's module is given."""
    others = [*operation.queries, *operation.headers]
    body = operation.body
    idempotency = [header.wire_name for header in operation.headers if header.wire_name.lower() == '"idempotency-key"']
    return {
        "doc": docstrings.docstring(
            f"{operation.summary}: {str(operation.pointer[2]).upper()} {operation.pointer[1]}."
        ),
        "summary": docstrings.safe(operation.summary),
        "id": repr(operation.source["operationId"]),
        "method": repr(str(operation.pointer[2]).upper()),
        "path": repr(str(operation.pointer[1])),
        "path_expression": _path_expression(str(operation.pointer[1]), operation.paths),
        "result": operation.result,
        "stream": operation.stream,
        "idempotency_header": idempotency[0] if idempotency else None,
        "pages": operation.pages,
        "charge": charges.charge_of(operation.source),
        "query_parameters": operation.queries,
        "header_parameters": operation.headers,
        "repeatable": operation.source.get("x-repeatable"),
        "body": body
        and {
            "required": body.required,
            "format": operation.body_format,
            "type": repr(operation.body_type),
            "files": _files(body, models),
        },
        "required_parameters": ", ".join(f"{name}: {value}" for name, value in _required(operation)),
        "signature": lambda client="": _signature(operation, models, client),
        "arguments": ", ".join(
            [parameter.name for parameter in operation.paths]
            + ["body=body"] * (body is not None)
            + [f"{parameter.name}={parameter.name}" for parameter in others]
        ),
    }


def _files(body: PropertyProtocol, models: Models) -> list[str]:
    """The names, in quotes, of the members of a body that are files."""
    name = str(body.class_info.name) if isinstance(body, ModelProperty) else ""
    members = models.members_of(name) if name in models.classes else []
    return [types.quoted_name(member) for member in members if types.is_file(member)]


def _required(operation: Operation) -> Iterator[tuple[str, str]]:
    """(name in quotes, source text) of the arguments that None is no value for; not of a body that has members."""
    body = operation.body
    if body is not None and body.required and not types.takes_null(body) and not types.has_members(body):
        yield '"body"', "body"
    for parameter in [*operation.queries, *operation.headers]:
        if parameter.required:
            yield parameter.wire_name, parameter.name


def _operation(
    spec: Spec, models: Models, endpoint: Endpoint, tag: str, pointer: Pointer, source: Mapping[str, Any]
) -> Operation:
    sources = {(p["in"], p["name"]): p for p in spec.parameters(pointer)}
    body, stream = spec.body(pointer), _stream(spec, models, pointer)

    def parameters(location: str) -> list[Parameter]:
        props = [*endpoint.path_parameters, *endpoint.query_parameters, *endpoint.header_parameters]
        # The parser is given some headers as queries.
        by_name = {wire_name(prop): prop for prop in props}
        return [
            _parameter(spec, models, by_name[name], location, source)
            for (place, name), source in sources.items()
            if place == location
        ]

    return Operation(
        pointer=pointer,
        source=source,
        module=str(endpoint.name),
        tag=tag,
        paths=_in_order(parameters("path"), str(pointer[1])),
        queries=parameters("query"),
        headers=parameters("header"),
        body=endpoint.bodies[0].prop if endpoint.bodies else None,
        body_format=body.format if body else "json",
        body_type=body.media_type if body else "application/json",
        result=Result(tuple(_form(models, answer, endpoint, stream) for answer in spec.answers(pointer))),
        stream=stream,
        pages=models.page_attributes(source),
    )


def _parameter(
    spec: Spec, models: Models, prop: PropertyProtocol, location: str, source: Mapping[str, Any]
) -> Parameter:
    name = names.unique(str(prop.python_name), location, names.RESERVED_PARAMETERS)
    wire_name = types.quoted_name(prop)
    value = name
    if location == "header" and not is_text(spec.follow(source.get("schema"))):
        value = f"to_header({wire_name}, {name})"
    elif location == "query" and source.get("explode") is False:
        value = f"comma_separated({wire_name}, {name})"
    return Parameter(
        name=name,
        wire_name=wire_name,
        value=value,
        accepted=types.accepted(prop, models.names),
        required=prop.required,
        doc=docstrings.describe(spec, source.get("schema", {})),
        set_by_client=bool(source.get("x-set-by-client")),
    )


def _stream(spec: Spec, models: Models, pointer: Pointer) -> Stream | None:
    events = spec.events(pointer)
    if events is None:
        return None
    annotation, parser = "str", "_parse.string"
    if events.component is not None:
        prop = models.named[events.component]
        annotation = types.annotation(prop, models.names, optional=False)
        parser = types.parser(prop, models.names)
    return Stream(annotation, parser, events.media_type, events.format, events.terminator, events.is_custom)


def _form(models: Models, answer: Answer, endpoint: Endpoint, stream: Stream | None) -> Form:
    annotation, parser = {
        "none": ("None", "_parse.null"),
        "bytes": ("bytes", "_parse.binary"),
        "text": ("str", "_parse.string"),
    }.get(answer.format, ("Any", "_parse.anything"))
    for response in endpoint.responses:
        if response.status_code.pattern == answer.status and answer.format == "json":
            annotation = types.annotation(response.prop, models.names)
            parser = types.parser(response.prop, models.names)
    if answer.format == "json_lines" and stream is not None:
        annotation, parser = f"list[{stream.annotation}]", f"lambda value: _parse.array(value, {stream.parser})"
    return Form(answer.status, answer.media_type, answer.format, annotation, parser)


def _in_order(parameters: Sequence[Parameter], path: str) -> list[Parameter]:
    """The parameters of a path as they stand in it."""
    return sorted(parameters, key=lambda parameter: path.find("{" + json.loads(parameter.wire_name) + "}"))


def _signature(operation: Operation, models: Models, client: str) -> str:
    """The parameters of a function; `client` is the declaration of one of that name, or nothing."""
    keywords = [client] * bool(client)
    if operation.body is not None:
        kind = types.accepted(operation.body, models.names)
        keywords.append(f"body: {kind}" if operation.body.required else f"body: {kind} | Unset = UNSET")
    for parameter in sorted([*operation.queries, *operation.headers], key=lambda p: not p.required):
        declared = f"{parameter.name}: {parameter.accepted}"
        keywords.append(declared if parameter.required else f"{declared} | Unset = UNSET")
    positional = [f"{parameter.name}: {parameter.accepted}" for parameter in operation.paths]
    return ", ".join([*positional, *["*"] * bool(keywords), *keywords])


def _path_expression(path: str, parameters: Sequence[Parameter]) -> str:
    """Source text for the path with its parameters filled in."""
    pieces: list[str] = []
    rest = path
    for parameter in parameters:
        fixed, _, rest = rest.partition("{" + json.loads(parameter.wire_name) + "}")
        pieces += [repr(fixed), f"to_segment({parameter.wire_name}, {parameter.name})"]
    return " + ".join(piece for piece in [*pieces, repr(rest)] if piece != "''")

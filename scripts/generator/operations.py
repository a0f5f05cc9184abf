"""Builds the template context of each operation's module."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from openapi_python_client.parser import GeneratorData
from openapi_python_client.parser.openapi import Endpoint
from openapi_python_client.parser.properties.protocol import PropertyProtocol

from . import charges, docstrings, names, types
from .models import PACKAGE, Models, wire_name
from .spec import Pointer, Spec


@dataclass(frozen=True)
class Parameter:
    """A parameter of a path, query or header, or a member of a body, as Python has it."""

    name: str
    wire_name: str
    """In quotes, as source text."""
    accepted: str
    required: bool
    doc: str
    set_by_client: bool = False
    nullable: bool = False
    """Whether None is sent, as null; otherwise None means that nothing was given."""
    takes_class: bool = False
    """Whether a class may stand for a value, which the client makes of it."""
    default: str | None = None
    """Source text of what is sent when nothing is given: the one value that a const can have."""


@dataclass(frozen=True)
class Result:
    """What a success is parsed into."""

    annotation: str = "None"
    parser: str = "_parse.null"
    prop: PropertyProtocol | None = None

    @property
    def has_body(self) -> bool:
        return self.prop is not None


@dataclass(frozen=True)
class Call:
    """One operation: where it stands in the spec, and what of it becomes Python."""

    pointer: Pointer
    operation: Mapping[str, Any]
    module: str
    tag: str
    paths: Sequence[Parameter]
    queries: Sequence[Parameter]
    headers: Sequence[Parameter]
    body: PropertyProtocol | None
    result: Result
    event: str | None
    """The class of a stream's events."""

    @property
    def summary(self) -> str:
        return " ".join(str(self.operation.get("summary") or self.module).split()).rstrip(".")


def calls(spec: Spec, parsed: GeneratorData, models: Models) -> Iterator[Call]:
    """Every operation of a spec."""
    by_module = {names.module_name(o["operationId"]): (pointer, o) for pointer, o in spec.operations()}
    for tag, collection in parsed.endpoint_collections_by_tag.items():
        for endpoint in collection.endpoints:
            yield _call(spec, models, endpoint, str(tag), *by_module[str(endpoint.name)])


def context(call: Call, models: Models) -> dict[str, Any]:
    """What the template of an operation's module is given."""
    others = [*call.queries, *call.headers]
    body = call.body
    idempotency = [header.wire_name for header in call.headers if header.wire_name.lower() == '"idempotency-key"']
    return {
        "doc": docstrings.docstring(f"{call.summary}: {str(call.pointer[2]).upper()} {call.pointer[1]}."),
        "summary": docstrings.safe(call.summary),
        "id": repr(call.operation["operationId"]),
        "method": repr(str(call.pointer[2]).upper()),
        "path": repr(str(call.pointer[1])),
        "path_expression": _path_expression(str(call.pointer[1]), call.paths),
        "result": call.result,
        "event": call.event and f"{PACKAGE}{call.event}",
        "idempotency_header": idempotency[0] if idempotency else None,
        "charge": charges.charge_of(call.operation),
        "query_parameters": call.queries,
        "header_parameters": call.headers,
        "body": body and {"required": body.required},
        "signature": lambda client="": _signature(call, models, client),
        "arguments": ", ".join(
            [parameter.name for parameter in call.paths]
            + ["body=body"] * (body is not None)
            + [f"{parameter.name}={parameter.name}" for parameter in others]
        ),
    }


def _call(
    spec: Spec, models: Models, endpoint: Endpoint, tag: str, pointer: Pointer, operation: Mapping[str, Any]
) -> Call:
    sources = {(p["in"], p["name"]): p for p in spec.parameters(pointer)}

    def parameters(location: str, props: Sequence[PropertyProtocol]) -> list[Parameter]:
        return [_parameter(spec, models, prop, location, sources[location, wire_name(prop)]) for prop in props]

    return Call(
        pointer=pointer,
        operation=operation,
        module=str(endpoint.name),
        tag=tag,
        paths=parameters("path", endpoint.path_parameters),
        queries=parameters("query", endpoint.query_parameters),
        headers=parameters("header", endpoint.header_parameters),
        body=endpoint.bodies[0].prop if endpoint.bodies else None,
        result=_result(spec, models, operation, endpoint),
        event=spec.event_component(operation),
    )


def _parameter(
    spec: Spec, models: Models, prop: PropertyProtocol, location: str, source: Mapping[str, Any]
) -> Parameter:
    return Parameter(
        name=names.unique(str(prop.python_name), location, names.RESERVED_PARAMETERS),
        wire_name=types.quoted_name(prop),
        accepted=types.accepted(prop, models.names),
        required=prop.required,
        doc=docstrings.describe(spec, source.get("schema", {})),
        set_by_client=bool(source.get("x-set-by-client")),
    )


def _result(spec: Spec, models: Models, operation: Mapping[str, Any], endpoint: Endpoint) -> Result:
    """That of the first 2xx with a JSON body; the rules see to it that all of them have the same."""
    with_json = {
        status for status, response in spec.successes(operation) if "application/json" in response.get("content", {})
    }
    for response in endpoint.responses:
        if response.status_code.pattern in with_json:
            prop = response.prop
            return Result(types.annotation(prop, models.names), types.parser(prop, models.names), prop)
    return Result()


def _signature(call: Call, models: Models, client: str) -> str:
    """The parameters of a function; `client` is the declaration of one of that name, or nothing."""
    keywords = [client] * bool(client)
    if call.body is not None:
        kind = types.annotation(call.body, models.names, optional=False)
        kind = kind if kind == "dict[str, Any]" else f"{kind} | Mapping[str, Any]"
        keywords.append(f"body: {kind}" if call.body.required else f"body: {kind} | Unset = UNSET")
    for parameter in sorted([*call.queries, *call.headers], key=lambda p: not p.required):
        declared = f"{parameter.name}: {parameter.accepted}"
        keywords.append(declared if parameter.required else f"{declared} | Unset = UNSET")
    positional = [f"{parameter.name}: {parameter.accepted}" for parameter in call.paths]
    return ", ".join([*positional, *["*"] * bool(keywords), *keywords])


def _path_expression(path: str, parameters: Sequence[Parameter]) -> str:
    """Source text for the path with its parameters filled in."""
    pieces: list[str] = []
    rest = path
    for parameter in parameters:
        fixed, _, rest = rest.partition("{" + json.loads(parameter.wire_name) + "}")
        pieces += [repr(fixed), f"to_segment({parameter.wire_name}, {parameter.name})"]
    return " + ".join(piece for piece in [*pieces, repr(rest)] if piece != "''")

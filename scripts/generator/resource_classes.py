"""Builds the template context of the resource classes: parameters, bodies and docstrings of their methods."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from openapi_python_client.parser.properties.const import ConstProperty
from openapi_python_client.parser.properties.model_property import ModelProperty
from openapi_python_client.parser.properties.protocol import PropertyProtocol

from . import docstrings, method_tree, names, types
from .models import Models, wire_name
from .operations import Operation, Parameter
from .spec import Spec

# The member of a request body, or the parameter of a query, that turns its answer into a stream of events.
_SWITCH = '"stream"'
_FIXED = "True"

# What every method has besides what the spec gives it.
_OWN_NAMES = {"self", "body", "extra_headers", "extra_body", "timeout", "on_disconnect"}
_PAGES = "Iterating over the result yields the items of this page, and of the pages after it."
_EXTRA_HEADERS = Parameter("extra_headers", "", "Mapping[str, str]", False, "Headers to send besides.")
_EXTRA_BODY = Parameter("extra_body", "", "Mapping[str, Any]", False, "Members of the body that are not listed here.")
_TIMEOUT = Parameter(
    "timeout",
    "",
    "float | Timeouts",
    False,
    "Seconds for one attempt, or the timeouts of this call, in place of the client's.",
)
_ON_DISCONNECT = Parameter(
    name="on_disconnect",
    wire_name="",
    accepted='Literal["raise", "recover"]',
    required=False,
    doc="What to do when the stream breaks off: raise, or go on with what the stored record has. "
    "By default, as the options of the client say.",
)


def context(spec: Spec, models: Models, operations: Iterable[Operation]) -> dict[str, Any]:
    """What the template of the resources is given."""
    by_pointer = {operation.pointer: operation for operation in operations}
    root = method_tree.build(spec)
    namespaces = [_namespace(spec, models, by_pointer, space, space is root) for space in root.walk()]
    return {"namespaces": namespaces}


def _namespace(
    spec: Spec, models: Models, operations: Mapping[Any, Operation], space: method_tree.Namespace, is_root: bool
) -> dict[str, Any]:
    def known(of: method_tree.Namespace) -> dict[str, Any]:
        kind = "Streamer" if of.has_custom_streams else "EventCaller" if of.has_events else "Caller"
        return {
            "class_name": of.class_name,
            "has_custom_streams": of.has_custom_streams,
            "caller": kind,
            "doc": _namespace_doc(spec, of),
        }

    siblings = {method.name for method in space.methods}
    return {
        **known(space),
        "is_root": is_root,
        "children": [{"name": name, **known(child)} for name, child in space.children.items()],
        "methods": [_method(spec, models, operations[method.pointer], method, siblings) for method in space.methods],
    }


def _namespace_doc(spec: Spec, space: method_tree.Namespace) -> list[str]:
    path = ".".join(space.path)
    tags = {tag["name"]: str(tag.get("description", "")) for tag in spec.document.get("tags", ())}
    return docstrings.docstring(
        tags.get(path) or (f"The methods of `{path}`." if path else "All operations, by resource.")
    )


def _method(
    spec: Spec, models: Models, operation: Operation, method: method_tree.Method, siblings: Container[str]
) -> dict[str, Any]:
    """What the template is given of a method.

    Where a member of the body or a parameter of the query asks for a stream, the method that opens it sends that, and
    does not take it. The other method takes the member as False alone; what the template calls `guard` refuses more.
    """
    others = [parameter for parameter in [*operation.queries, *operation.headers] if not parameter.set_by_client]
    members = _members(spec, models, operation, [*operation.paths, *others])
    opens_stream, is_custom = method.events is not None, method.events is not None and method.events.is_custom
    member_switch, query_switch = _switch(operation, members), _switch(operation, others)
    arguments = _arguments(operation, others, fixed=query_switch if opens_stream else None)
    sent_member, guard = "", None
    if opens_stream:
        others = [parameter for parameter in others if parameter is not query_switch]
        members = [member for member in members if member is not member_switch]
        sent_member = f"{member_switch.wire_name}: {_FIXED}" if member_switch is not None else ""
    elif member_switch is not None:
        members[members.index(member_switch)] = replace(member_switch, accepted="Literal[False]")
        guard = member_switch.name

    whole_body = [] if members or operation.body is None else [_whole_body(models, operation.body)]
    keywords = sorted([*members, *whole_body, *others], key=lambda parameter: not parameter.required)
    keywords += [_EXTRA_HEADERS, *[_EXTRA_BODY] * bool(members), _TIMEOUT, *[_ON_DISCONNECT] * is_custom]
    signature = _qualify_builtins(", ".join([*map(_declare, operation.paths), "*", *map(_declare, keywords)]), siblings)
    return {
        "name": method.name,
        "module": f"_api.{operation.tag}.{operation.module}",
        "opens_stream": opens_stream,
        "is_custom": is_custom,
        "event": _qualify_builtins(operation.stream.annotation, siblings)
        if operation.stream and opens_stream
        else None,
        "result": _qualify_builtins(operation.result.annotation, siblings),
        "item": _qualify_builtins(operation.pages.item, siblings) if operation.pages else None,
        "guard": guard,
        "stream_name": method_tree.stream_name(method.name),
        "signature": signature,
        "body": _body(members, sent_member),
        "arguments": arguments,
        "doc": _doc(spec, operation, method, [*operation.paths, *keywords]),
    }


def _switch(operation: Operation, parameters: Iterable[Parameter]) -> Parameter | None:
    """The one of the parameters that asks for a stream, if the operation has a stream."""
    found = (parameter for parameter in parameters if parameter.wire_name == _SWITCH)
    return next(found, None) if operation.stream is not None else None


def _members(spec: Spec, models: Models, operation: Operation, others: Sequence[Parameter]) -> list[Parameter]:
    """The members of a body, as parameters in the order of the spec; none where the body is no object of ours."""
    body = operation.body
    if not isinstance(body, ModelProperty) or types.is_free_form(body):
        return []
    name = str(body.class_info.name)
    written = spec.schemas.get(name, {}).get("properties", {})
    taken = {*_OWN_NAMES, *names.RESERVED_MODULES, *(other.name for other in others)}
    members = []
    for prop in models.members_of(name):
        free = names.unique(str(prop.python_name), "body", taken)
        source = written.get(wire_name(prop), {})
        if source.get("readOnly"):
            continue
        takes_class = bool(spec.follow(source).get("x-accepts-class"))
        taken.add(free)
        members.append(
            Parameter(
                name=free,
                wire_name=types.quoted_name(prop),
                accepted=types.accepted(prop, models.names, item=source.get("x-also-accepts"))
                + " | type[Any]" * takes_class,
                required=prop.required,
                doc=docstrings.describe(spec, source),
                nullable=types.is_nullable(prop),
                takes_class=takes_class,
                default=types.literal(prop) if isinstance(prop, ConstProperty) and prop.required else None,
            )
        )
    return members


def _qualify_builtins(annotations: str, siblings: Container[str]) -> str:
    """Annotations for a class in which a method is called `list`, and so hides the type of that name."""
    return re.sub(r"\blist\[", "builtins.list[", annotations) if "list" in siblings else annotations


def _whole_body(models: Models, body: PropertyProtocol) -> Parameter:
    return Parameter("body", "", types.accepted(body, models.names), body.required, "The body of the request.")


def _declare(parameter: Parameter) -> str:
    declared = f"{parameter.name}: {parameter.accepted}"
    if parameter.required:
        return f"{declared} = {parameter.default}" if parameter.default else declared
    return f"{declared} | Unset = UNSET" if parameter.nullable else f"{declared} | None = None"


def _body(members: Sequence[Parameter], fixed: str) -> str | None:
    """The arguments of `merge_body`. fixed: source text of a member that is always sent, or nothing"""
    values = [f"convert_class({member.name})" if member.takes_class else member.name for member in members]
    written = [f"{member.wire_name}: {value}" for member, value in zip(members, values, strict=True)]
    written += [fixed] * bool(fixed)
    required = [member.wire_name for member in members if member.required]
    nullable = [member.wire_name for member in members if member.nullable]
    rules = f", required=({', '.join(required)},)" if required else ""
    rules += f", nullable={{{', '.join(nullable)}}}" if nullable else ""
    return f"{{{', '.join(written)}}}, extra_body{rules}" if members else None


def _arguments(operation: Operation, others: Sequence[Parameter], *, fixed: Parameter | None) -> str:
    """The arguments of the operation's build_request, from the method's own. fixed: one that is always true"""
    passed = [parameter.name for parameter in operation.paths]
    if operation.body is not None and types.has_members(operation.body):
        passed.append("body=_body")
    elif operation.body is not None:
        is_optional = not operation.body.required and not types.is_nullable(operation.body)
        passed.append("body=UNSET if body is None else body" if is_optional else "body=body")
    for parameter in others:
        value = parameter.name if parameter.required else f"UNSET if {parameter.name} is None else {parameter.name}"
        value = _FIXED if parameter is fixed else value
        passed.append(f"{parameter.name}={value}")
    return ", ".join(passed)


def _doc(spec: Spec, operation: Operation, method: method_tree.Method, parameters: Sequence[Parameter]) -> list[str]:
    page = operation.source.get("externalDocs", {}).get("url")
    return docstrings.docstring(
        f"{operation.summary}.",
        "Deprecated." if operation.source.get("deprecated") else "",
        "Opens a stream: a context manager over its events." if method.events is not None else "",
        str(operation.source.get("description", "")),
        _PAGES if operation.pages else "",
        docstrings.arguments((parameter.name, parameter.doc) for parameter in parameters),
        docstrings.errors(spec, operation.source.get("x-errors", ())),
        f"Documentation: {page}" if page else "",
    )

"""Places operations in the tree of namespaces and methods, such as `client.chat.completions.create`.

Derived from method and path, so that a new operation needs no line here:

    POST   /v1/chat/completions               chat.completions.create
    GET    /v1/chat/completions/{id}          chat.completions.retrieve
    POST   /v1/chat/completions/{id}/cancel   chat.completions.cancel
    POST   /v1/embeddings/estimate            embeddings.estimate
    POST   /v1/things/{id}:cancel             things.cancel
    GET    /v1/models                         models.list       (the answer is a list)
    GET    /v1/balance                        balance.retrieve  (the answer is not)
    GET    /v1/things/{id}/events             things.events.stream  (the answer is nothing but a stream)
    PUT, PATCH -> update, DELETE -> delete

An operation that wants another name says so with `x-sdk-method: namespace.method`.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from . import paging
from .normalize import Events
from .spec import METHODS, Pointer, Spec, SpecError

_VERSION_SEGMENT = re.compile(r"v\d+")
_COLON = re.compile(r":(?![^{]*\})")
# Names that clients built on the tree have at its root.
OF_CLIENTS = {
    *("aclose", "acall", "astream", "astream_events", "call", "close", "stream", "stream_events", "with_options"),
    *("api_version", "base_url", "budget", "close_connections", "hooks", "ledger", "request"),
}
# Words that decorators and annotations inside the classes mention; `list` is taken care of.
_IN_ANNOTATIONS = {"bool", "bytes", "cached_property", "datetime", "dict", "float", "int", "str", "tuple", "uuid"}
# By HTTP method, where the path names no action.
_DEFAULT_NAMES = {"post": "create", "put": "update", "patch": "update", "delete": "delete", "get": "retrieve"}


@dataclass
class Method:
    """A method: the operation it carries out, and the stream that it opens, if it does."""

    name: str
    pointer: Pointer
    operation: Mapping[str, Any]
    events: Events | None = None


@dataclass
class Namespace:
    """What stands between two dots."""

    path: tuple[str, ...] = ()
    methods: list[Method] = field(default_factory=list)
    children: dict[str, Namespace] = field(default_factory=dict)

    @property
    def has_custom_streams(self) -> bool:
        """Whether a method opens a stream that the client has a class of its own for."""
        own = any(method.events is not None and method.events.is_custom for method in self.methods)
        return own or any(child.has_custom_streams for child in self.children.values())

    @property
    def has_events(self) -> bool:
        """Whether a method opens a stream of typed events."""
        own = any(method.events is not None and not method.events.is_custom for method in self.methods)
        return own or any(child.has_events for child in self.children.values())

    @property
    def class_name(self) -> str:
        words = [word.capitalize() for step in self.path for word in step.split("_")]
        return "".join([*words, "Resource"]) if words else "Resources"

    def walk(self) -> Iterator[Namespace]:
        """The namespaces below this one first, then itself."""
        for child in self.children.values():
            yield from child.walk()
        yield self


def build(spec: Spec) -> Namespace:
    """The tree of all operations of a normalized spec. Raises SpecError where two of them want one name."""
    root = Namespace()
    for pointer, operation in spec.operations():
        steps, name = _name(spec, pointer, operation)
        namespace = root
        for depth in range(len(steps)):
            namespace = namespace.children.setdefault(steps[depth], Namespace(steps[: depth + 1]))
        events, only_streams = spec.events(pointer), spec.only_streams(pointer, operation)
        if not only_streams:
            namespace.methods.append(Method(name, pointer, operation))
        if events is not None:
            own_name = name if only_streams else stream_name(name)
            namespace.methods.append(Method(own_name, pointer, operation, events))
    classes: dict[str, Namespace] = {}
    for namespace in root.walk():
        _refuse_clashes(spec, namespace)
        _refuse_class(spec, namespace, classes)
    return root


def method_names(spec: Spec) -> dict[Pointer, str]:
    """The full name of each operation's method, of those that can have one."""
    paths: dict[Pointer, str] = {}
    for pointer, operation in spec.operations():
        with suppress(SpecError):
            steps, name = _name(spec, pointer, operation)
            paths[pointer] = ".".join((*steps, name))
    return paths


def stream_name(name: str) -> str:
    """The method that opens a stream where `name` waits for one result."""
    return "stream" if name == "create" else f"{name}_stream"


def _name(spec: Spec, pointer: Pointer, operation: Mapping[str, Any]) -> tuple[tuple[str, ...], str]:
    explicit = operation.get("x-sdk-method")
    if explicit is not None:
        steps = tuple(str(explicit).split("."))
        if len(steps) < 2:
            where = spec.place((*pointer, "x-sdk-method"))
            raise SpecError([f"{where}: {explicit!r} is not of the form namespace.method"])
        return steps[:-1], steps[-1]
    _, path, method = pointer
    segments = _segments(str(path))
    fixed = tuple(_identifier(segment) for segment in segments if not segment.startswith("{"))
    is_item = bool(segments) and segments[-1].startswith("{")
    if not fixed:
        raise SpecError([f"{spec.place(pointer)}: no method name follows from {path}; give it an x-sdk-method"])
    if len(fixed) > 1 and not is_item and _is_action(spec, str(path), str(method)):
        return fixed[:-1], fixed[-1]
    if spec.only_streams(pointer, operation):
        return fixed, "stream"
    if method == "get" and not is_item and _answers_list(spec, operation):
        return fixed, "list"
    return fixed, _DEFAULT_NAMES.get(str(method), str(method))


def _segments(path: str) -> list[str]:
    """The steps of a path without its version; a verb behind a colon is a step of its own."""
    steps = [step for segment in path.split("/") for step in _COLON.split(segment)]
    return [step for step in steps if step and not _VERSION_SEGMENT.fullmatch(step)]


def _is_action(spec: Spec, path: str, method: str) -> bool:
    """Whether the last step of a path is an action rather than a thing: `cancel` of `/things/{id}/cancel`.

    What follows a colon is one. Else it has no method but POST and nothing below it, is no plural, and follows an
    item, a plural or a path of the spec.
    """
    paths = spec.document["paths"]
    last = _segments(path)[-1]
    parent = path[: -len(last)].rstrip("/")
    if ":" in path.rsplit("/", 1)[-1]:
        return True
    is_plural = last.endswith("s") and not last.endswith("ss")
    has_more = any(other.startswith(f"{path}/") for other in paths) or len(set(paths[path]) & set(METHODS)) > 1
    follows = parent.endswith(("}", "s")) or parent in paths
    return method == "post" and follows and not is_plural and not has_more


def _answers_list(spec: Spec, operation: Mapping[str, Any]) -> bool:
    if paging.EXTENSION in operation:
        return True
    for _, response in spec.successes(operation):
        schema = spec.follow(response.get("content", {}).get("application/json", {}).get("schema", {}))
        data = spec.follow(schema.get("properties", {}).get("data", {}))
        return schema.get("type") == "array" or data.get("type") == "array"
    return False


def _refuse_clashes(spec: Spec, namespace: Namespace) -> None:
    taken = dict.fromkeys(namespace.children, "a namespace")
    taken |= dict.fromkeys(OF_CLIENTS, "a name of the client") if not namespace.path else {}
    for name, child in namespace.children.items():
        _refuse_name(spec, name, child)
        if not namespace.path and name in OF_CLIENTS:
            raise SpecError([f"{_place(spec, child)}: {name} is a name of the client already; use an x-sdk-method"])
    for method in namespace.methods:
        full = ".".join((*namespace.path, method.name))
        problem = ""
        if method.name in taken:
            problem = f"{full} is {taken[method.name]} already; give one of them an x-sdk-method"
        elif not _is_usable(method.name):
            problem = f"{method.name!r} cannot be the name of a method; give it an x-sdk-method"
        if problem:
            raise SpecError([f"{spec.place(method.pointer)}: {problem}"])
        taken[method.name] = str(method.operation.get("operationId"))


def _refuse_name(spec: Spec, name: str, namespace: Namespace) -> None:
    if name == "list" or not _is_usable(name):
        where = _place(spec, namespace)
        raise SpecError([f"{where}: {name!r} cannot be the name of a namespace; give the operation an x-sdk-method"])


def _refuse_class(spec: Spec, namespace: Namespace, classes: dict[str, Namespace]) -> None:
    name = namespace.class_name
    other = classes.setdefault(name, namespace)
    if other is not namespace or {name, f"Async{name}"} & set(spec.schemas):
        what = ".".join(other.path) if other is not namespace else "a component"
        raise SpecError(
            [f"{_place(spec, namespace)}: {name} would be the class of {'.'.join(namespace.path)} and {what}"]
        )


def _is_usable(name: str) -> bool:
    is_plain = name.isidentifier() and name.isascii() and not keyword.iskeyword(name) and not name.startswith("_")
    return is_plain and name not in _IN_ANNOTATIONS


def _place(spec: Spec, namespace: Namespace) -> str:
    return spec.place(next(method.pointer for space in namespace.walk() for method in space.methods))


def _identifier(segment: str) -> str:
    return re.sub(r"\W", "_", segment).lower()

"""The document that the passes work on, with the sources of its nodes and the faults they report."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from openapi_python_client.strings import ClassName

from ..schemas import METHODS
from ..yaml_loader import Pointer, resolve
from .source_map import SourceMap

Format: TypeAlias = Literal["json", "json_lines", "text", "bytes", "none"]
BodyFormat: TypeAlias = Literal["json", "multipart", "form", "text", "bytes"]


@dataclass(frozen=True)
class Answer:
    """One form that the success of an operation can have."""

    status: str
    media_type: str | None
    """As the spec writes it; None where there is no body."""
    format: Format
    pointer: Pointer


@dataclass(frozen=True)
class Body:
    """How the body of an operation is encoded."""

    media_type: str
    format: BodyFormat


@dataclass(frozen=True)
class Events:
    """What the stream of an operation consists of."""

    media_type: str
    format: Literal["json", "text"]
    """How the data of an event, or a line, is decoded."""
    component: str | None
    """What it is parsed into; None for text."""
    terminator: str | None
    """The data of the last event, if there is one that says so."""
    pointer: Pointer
    is_custom: bool = False
    """Whether the client has a class of its own for this stream."""


@dataclass
class Draft:
    """A copy of the document, which the passes rewrite."""

    document: dict[str, Any]
    sources: SourceMap = field(default_factory=SourceMap)
    faults: list[tuple[Pointer, str]] = field(default_factory=list)
    answers: dict[Pointer, list[Answer]] = field(default_factory=dict)
    """By operation, those of streams excepted where there are others."""
    events: dict[Pointer, Events] = field(default_factory=dict)
    """By operation."""
    bodies: dict[Pointer, Body] = field(default_factory=dict)
    """By operation."""
    payloads: list[str] = field(default_factory=list)
    """The components that webhooks and streams send."""

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Draft:
        """A draft of a document. Parts that a YAML alias shares become separate."""
        return cls(json.loads(json.dumps(document)))

    def fault(self, pointer: Pointer, text: str) -> None:
        self.faults.append((self.sources.source(pointer), text))

    def operations(self) -> Iterator[tuple[Pointer, dict[str, Any]]]:
        for path, item in self.document.get("paths", {}).items():
            for method in METHODS:
                if method in item:
                    yield ("paths", path, method), item[method]

    def components(self, kind: str) -> dict[str, Any]:
        components: dict[str, Any] = self.document.setdefault("components", {}).setdefault(kind, {})
        return components

    def follow(self, node: Any) -> Any:
        while isinstance(node, dict) and "$ref" in node:
            node = resolve(self.document, node["$ref"])
        return node

    def inline(self, holder: dict[str, Any], key: str, pointer: Pointer) -> dict[str, Any]:
        """What `holder[key]` is, in the place of a reference to it."""
        node = holder[key]
        while "$ref" in node:
            reference = node["$ref"]
            node = json.loads(json.dumps(resolve(self.document, reference)))
            target: Pointer = tuple(step.replace("~1", "/").replace("~0", "~") for step in reference.split("/")[1:])
            holder[key] = node
            self.sources.move((*pointer, key), target)
        inlined: dict[str, Any] = node
        return inlined


def class_name(*words: object) -> str:
    """The words as the name of a class: `createThing`, `request` -> `CreateThingRequest`."""
    return str(ClassName("_".join(str(word) for word in words if str(word)), "Schema"))

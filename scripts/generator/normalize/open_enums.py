"""Opens the enums that a server sends: a later version may send values that the spec does not list."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..schemas import ANNOTATIONS, Place, content_schemas, subschemas
from ..yaml_loader import Pointer
from .draft import Draft


def open_enums(draft: Draft) -> None:
    """Let every enum of a response hold other values of its type too."""
    for root in _sent_by_server(draft):
        for place in list(subschemas(root)):
            _open(draft, place)


def _open(draft: Draft, place: Place) -> None:
    schema = place.keywords
    if place.is_component and "enum" in schema:
        return
    keyword = next((key for key in ("anyOf", "oneOf") if key in schema), None)
    if keyword is None:
        if place.pointer[-2] in ("anyOf", "oneOf") or "enum" not in draft.follow(schema):
            return
        kind = draft.follow(schema).get("type", "string")
        annotations = {name: schema.pop(name) for name in [*schema] if name in ANNOTATIONS}
        branch = dict(schema)
        schema.clear()
        schema.update({"anyOf": [branch, {"type": kind}], **annotations})
        return
    branches: list[Any] = schema[keyword]
    enums = [branch for branch in branches if isinstance(branch, dict) and "enum" in draft.follow(branch)]
    plain = [branch.get("type") for branch in branches if isinstance(branch, dict) and not {"enum", "$ref"} & {*branch}]
    for kind in dict.fromkeys(draft.follow(branch).get("type", "string") for branch in enums):
        if kind not in plain:
            # By oneOf, a listed value would fit twice.
            schema["anyOf"] = [*schema.pop(keyword), {"type": kind}]
            keyword = "anyOf"


def _sent_by_server(draft: Draft) -> Iterator[Place]:
    """The schemas that a response, an event or a webhook can hold."""
    waiting: list[Place] = []
    for pointer, operation in draft.operations():
        for status, response in operation.get("responses", {}).items():
            # Of an event only what its data decodes to; the frame around it is read by hand.
            for place in content_schemas((*pointer, "responses", status), draft.follow(response)):
                waiting += [] if place.wire_only and "$ref" not in place.keywords else [place]
    components = draft.components("schemas")
    visited = set(draft.payloads)
    waiting += [Place(("components", "schemas", name), components[name], is_component=True) for name in draft.payloads]
    while waiting:
        place = waiting.pop()
        if not place.wire_only:
            yield place
        for inner in subschemas(place):
            name = str(inner.keywords.get("$ref", "")).rsplit("/", 1)[-1]
            if name in components and name not in visited:
                visited.add(name)
                where: Pointer = ("components", "schemas", name)
                waiting.append(Place(where, components[name], is_component=True))

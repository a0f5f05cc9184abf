"""Makes the members of responses optional that an earlier version of the API does not always send.

A client can be pinned to any released version, so a response may lack a member that not all of them require. A model
that is sent too still asks for the member: without it the newest version would refuse the request.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from . import yaml_loader
from .spec import Pointer, Spec, component_name, walk

Document = Mapping[str, Any]


def relax(spec: Spec, earlier: Sequence[Document]) -> None:
    """Take what an earlier version does not require out of the `required` of the spec's models.

    Of a model that requests have too, the member stays required, and is noted as one that a response may lack.
    """
    sent = set(_sent_by_client(spec))
    for document in earlier:
        for pointer, member in sorted(missing_members(spec, document)):
            if pointer[-1] in sent:
                spec.lacking.add((str(pointer[-1]), member))
                continue
            required = yaml_loader.resolve(spec.document, "#" + "".join(f"/{_escape(step)}" for step in pointer))
            if member in required.get("required", ()):
                required["required"] = [name for name in required["required"] if name != member]


def missing_members(spec: Spec, earlier: Document) -> set[tuple[Pointer, str]]:
    """The models of responses and their required members that the same response of an earlier version may lack.

    spec: normalized
    """
    before = Spec(spec.source, dict(earlier))
    before.normalize()
    comparison = _Comparison(spec, before)
    comparison.compare_operations()
    return comparison.missing


class _Comparison:
    """Compares the schemas of two versions where they are used, whatever their names are."""

    def __init__(self, new: Spec, old: Spec) -> None:
        self._new, self._old = new, old
        self._seen: set[tuple[int, int]] = set()
        self.missing: set[tuple[Pointer, str]] = set()

    def compare_operations(self) -> None:
        before = dict(self._old.operations())
        for pointer, operation in self._new.operations():
            if pointer not in before:
                continue
            news, olds = _results(self._new, pointer, operation), _results(self._old, pointer, before[pointer])
            for new, old in zip(news, olds, strict=True):
                self._compare(new, old)

    def _compare(self, new: Any, old: Any) -> None:
        news, olds = list(_alternatives(self._new, new)), list(_alternatives(self._old, old))
        for at, schema in news:
            # Alternatives of the same name are the same one, though nothing in them may say so.
            for _, other in [old for old in olds if at is not None and old[0] == at] or olds:
                # By identity: recursive models come back to the same nodes.
                key = (id(schema), id(other))
                if key not in self._seen and not _contradict(schema, other):
                    self._seen.add(key)
                    self._compare_schemas(at, schema, other)

    def _compare_schemas(self, at: Pointer | None, new: Document, old: Document) -> None:
        if "properties" in new and "properties" in old:
            missing = set(new.get("required", ())) - set(old.get("required", ()))
            self.missing |= {(at, member) for member in missing} if at is not None else set()
            for name in set(new["properties"]) & set(old["properties"]):
                self._compare(new["properties"][name], old["properties"][name])
        for keyword in ("items", "additionalProperties"):
            if isinstance(new.get(keyword), dict) and isinstance(old.get(keyword), dict):
                self._compare(new[keyword], old[keyword])


def _sent_by_client(spec: Spec) -> Iterator[str]:
    """The components that the bodies of requests are made of."""
    waiting = [media["schema"] for _, operation in spec.operations() if (media := spec.body_media(operation))]
    visited: set[str] = set()
    while waiting:
        for _, node in walk(waiting.pop()):
            name = component_name(str(node["$ref"])) if isinstance(node, dict) and "$ref" in node else ""
            if name in spec.schemas and name not in visited:
                visited.add(name)
                waiting.append(spec.schemas[name])
                yield name


def _results(spec: Spec, pointer: Pointer, operation: Document) -> tuple[Any, Any]:
    """The schemas of the JSON body of a success and of an event; empty ones for what the operation lacks."""
    bodies = (response.get("content", {}).get("application/json") for _, response in spec.successes(operation))
    body: Any = next((content.get("schema", {}) for content in bodies if content), {})
    events = spec.events(pointer)
    component = events and events.component
    return body, {"$ref": f"#/components/schemas/{component}"} if component else {}


def _alternatives(spec: Spec, schema: Any, at: Pointer | None = None) -> Iterator[tuple[Pointer | None, Document]]:
    """The schemas that a value may have, unions resolved, each with the pointer to its component."""
    while isinstance(schema, dict) and "$ref" in schema:
        at = ("components", "schemas", component_name(str(schema["$ref"])))
        schema = yaml_loader.resolve(spec.document, str(schema["$ref"]))
    if not isinstance(schema, dict):
        return
    branches = [*schema.get("oneOf", ()), *schema.get("anyOf", ())]
    for branch in branches:
        yield from _alternatives(spec, branch)
    if not branches:
        yield at, schema


def _contradict(new: Document, old: Document) -> bool:
    """Whether two objects have another constant in the same member, and so are different members of a union."""
    ours, theirs = new.get("properties", {}), old.get("properties", {})
    return any(
        isinstance(ours[name], dict)
        and isinstance(theirs[name], dict)
        and "const" in ours[name]
        and "const" in theirs[name]
        and ours[name]["const"] != theirs[name]["const"]
        for name in set(ours) & set(theirs)
    )


def _escape(step: str | int) -> str:
    return str(step).replace("~", "~0").replace("/", "~1")

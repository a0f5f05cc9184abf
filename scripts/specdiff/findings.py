"""Owns the step from what the engine found to the names of rules; knows neither a rule's effect nor who uses a part.

A finding is (the end of a rule's name, what happened, the pointers in both files). Whole lists and maps that appear or
vanish are told member by member.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from generator.schemas import METHODS
from generator.yaml_loader import Pointer

from . import keywords, sources
from .engine import Raw

# Said of the call or of its parameters, and not of one side of a schema.
_OPERATION = {
    "operationId": "operation-renamed",
    "tags": "operation-moved",
    "deprecated": "operation-deprecated",
    "security": "security-changed",
}


@dataclass(frozen=True)
class Finding:
    """A rule, or the end of one that still wants its side in front (`sided`), and what to say."""

    rule: str
    sided: bool
    text: str
    old: Pointer | None
    new: Pointer | None
    impact: str = "major"


class Reader:
    """Reads the engine's findings in the light of the two documents."""

    def __init__(self, old: dict[str, Any], new: dict[str, Any]) -> None:
        self._old = old
        self._new = new

    def read(self, raw: Raw) -> Iterator[Finding]:
        """What one difference comes to; several findings where it is several things at once."""
        if raw.path[:2] == ("components", "schemas") and len(raw.path) == 3:
            # That a model came or went is told of its name, whether anything uses it or not.
            return
        if raw.kind == "modified":
            yield from self._modified(raw)
        elif raw.type == "PathItem":
            for step, node in _children(raw.after if raw.kind == "added" else raw.before):
                if step in METHODS:
                    yield from self._appeared(raw, step, node)
        elif raw.type in ("ParameterList", "HeadersMap", "SchemaProperties", "MediaTypesMap"):
            for step, node in _children(raw.after if raw.kind == "added" else raw.before):
                yield from self._appeared(raw, step, node)
        else:
            yield from self._appeared(raw, None, raw.after if raw.kind == "added" else raw.before)

    # ---------------------------------------------------------------- modified

    def _modified(self, raw: Raw) -> Iterator[Finding]:
        name, told = raw.property or "", f"`{raw.property}` {_change(raw.before, raw.after)}"
        if name == "key" or name.startswith("x-"):
            # A component under another name is told as a model that went, and extensions are not the engine's to judge.
            return
        if name in keywords.NOTES:
            yield self._made(raw, "description-changed", f"`{name}` is worded differently")
        elif name in keywords.EXAMPLES:
            yield self._made(raw, "example-changed", "another example")
        elif raw.type == "Operation" and name in _OPERATION:
            rule = _OPERATION[name]
            if name == "deprecated":
                told = "is deprecated" if raw.after else "is no longer deprecated"
            yield self._made(raw, rule, told)
        elif raw.type == "Parameter" and name == "required":
            way = "required" if raw.after else "optional"
            yield self._made(raw, f"parameter-became-{way}", f"became {way}")
        elif raw.type == "Parameter":
            rule = "parameter-deprecated" if name == "deprecated" else "parameter-serialization-changed"
            yield self._made(raw, rule, told)
        elif raw.type == "RequestBody" and name == "required":
            way = "required" if raw.after else "optional"
            yield self._made(raw, f"request-body-became-{way}", f"the body became {way}")
        elif raw.type == "Schema" and name == "required":
            yield from self._required(raw)
        elif raw.type == "Schema" and keywords.turn(name, raw.before, raw.after):
            for rule in keywords.turn(name, raw.before, raw.after):
                yield self._made(raw, rule, told, sided=True)
        elif raw.type == "Info" and name == "version":
            yield self._made(raw, "version-changed", f"the version {_change(raw.before, raw.after)}")
        elif raw.type == "Server":
            yield self._made(raw, "api-address-changed", told)
        elif raw.type == "SecurityScheme":
            yield self._made(raw, "security-scheme-changed", told)
        elif raw.type in ("Info", "Tag", "ExternalDocs", "Contact", "License"):
            yield self._made(raw, "description-changed", told)
        else:
            yield self._made(raw, raw.rule or f"{raw.type.lower()}-{name}-changed", told, impact=raw.impact)

    def _required(self, raw: Raw) -> Iterator[Finding]:
        """Which members became required or optional; those that came or went are told as that."""
        before, after = set(raw.before or ()), set(raw.after or ())
        old, new = (self._members(document, at) for document, at in ((self._old, raw.old), (self._new, raw.new)))
        for member in sorted(after - before):
            if member in old:
                yield self._of_member(raw, member, "member-became-required", "became required")
        for member in sorted(before - after):
            if member in new:
                yield self._of_member(raw, member, "member-became-optional", "is no longer always there")

    def _of_member(self, raw: Raw, member: str, rule: str, text: str) -> Finding:
        old, new = (None if at is None else (*_holder(at), "properties", member) for at in (raw.old, raw.new))
        return Finding(rule, True, text, old, new, raw.impact)

    def _members(self, document: dict[str, Any], at: Pointer | None) -> dict[str, Any]:
        node = sources.find(document, _holder(at or ()))
        found = node.get("properties", {}) if isinstance(node, dict) else {}
        return found if isinstance(found, dict) else {}

    # ---------------------------------------------------------------- added and removed

    def _appeared(self, raw: Raw, step: str | None, node: Any) -> Iterator[Finding]:
        added = raw.kind == "added"
        node = sources.follow(self._new if added else self._old, node)
        way, path = ("added" if added else "removed"), raw.path if step is None else (*raw.path, step)
        here = raw.new if added else raw.old
        pointer = here if step is None or here is None else (*here, step)
        required = isinstance(node, dict) and node.get("required") is True
        rule, sided, text = f"{raw.type.lower()}-{way}", False, "is new" if added else "is gone"
        match raw.type:
            case "Operation" | "PathItem":
                rule = f"operation-{way}"
            case "Parameter" | "ParameterList":
                need = "required" if required else "optional"
                rule = f"parameter-added-{need}" if added else "parameter-removed"
                shown = node.get("name") if isinstance(node, dict) else step
                text = f"{need if added else 'the'} parameter `{shown}` {text}"
            case "RequestBody":
                need = "required" if required else "optional"
                rule, text = (f"request-body-added-{need}" if added else "request-body-removed"), f"the body {text}"
            case "Response":
                family = "success" if str(path[-1]).startswith("2") else "error"
                rule, text = f"{family}-response-{way}", f"the response {text}"
            case "Header" | "HeadersMap":
                rule, text = f"response-header-{way}", f"the header `{path[-1]}` {text}"
            case "MediaType" | "MediaTypesMap":
                rule, sided, text = f"media-type-{way}", True, f"the media type `{path[-1]}` {text}"
            case "SecurityRequirement" | "SecurityRequirementList":
                rule = "security-alternative-added" if added else "security-changed"
                text = f"a way to authenticate {text}"
            case "SecurityScheme":
                rule = "security-scheme-added" if added else "security-scheme-changed"
            case "Server":
                rule = "api-address-added" if added else "api-address-changed"
            case "Tag" | "TagList":
                rule = "tags-described"
            case "Link" | "LinksMap":
                rule = "link-changed"
            case "Example" | "ExamplesMap" | "ExternalDocs" | "Contact" | "License":
                rule = "example-changed" if raw.type.startswith("Example") else "description-changed"
            case "Schema" | "SchemaProperties":
                rule, sided, text = self._schema(raw, path, way, text)
            case _ if raw.rule:
                rule = raw.rule
        yield Finding(rule, sided, text, None if added else pointer, pointer if added else None, raw.impact)

    def _schema(self, raw: Raw, path: Pointer, way: str, text: str) -> tuple[str, bool, str]:
        if len(path) > 1 and path[-2] in ("oneOf", "anyOf", "allOf"):
            return f"alternative-{way}", True, f"an alternative {text}"
        if len(path) > 1 and path[-2] == "properties":
            if way == "removed":
                return "member-removed", True, f"the member {text}"
            owner = sources.find(self._new, (raw.new or ())[:-2] if raw.type == "Schema" else (raw.new or ())[:-1])
            need = "required" if isinstance(owner, dict) and path[-1] in owner.get("required", ()) else "optional"
            return f"member-added-{need}", True, f"the {need} member {text}"
        if path[-1:] == ("additionalProperties",):
            return ("opened" if way == "removed" else "closed"), True, f"`additionalProperties` {text}"
        if path[-1:] == ("items",):
            return ("type-narrowed" if way == "added" else "type-widened"), True, f"what items are {text}"
        return ("type-narrowed" if way == "added" else "type-widened"), True, f"the schema {text}"

    def _made(self, raw: Raw, rule: str, text: str, *, sided: bool = False, impact: str = "") -> Finding:
        return Finding(rule, sided, text, raw.old, raw.new, impact or raw.impact)


def _holder(pointer: Pointer) -> Pointer:
    """The schema that a pointer to its `required` belongs to; an absent keyword is pointed to by its schema."""
    return pointer[:-1] if pointer[-1:] == ("required",) else pointer


def _children(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        yield from value.items()
    elif isinstance(value, list):
        yield from ((str(index), child) for index, child in enumerate(value))


def _change(before: Any, after: Any) -> str:
    if before is None:
        return f"is now {_shown(after)}"
    return f"{_shown(before)} is gone" if after is None else f"changed from {_shown(before)} to {_shown(after)}"


def _shown(value: Any) -> str:
    if isinstance(value, list):
        value = ", ".join(map(str, value))
    text = " ".join(str(value).split())
    return f"`{text if len(text) <= 80 else text[:77] + '...'}`"

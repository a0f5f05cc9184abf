"""Maps Redocly's differences to kinds of changes.

Whole lists and maps that appear or vanish are reported member by member.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from generator.schemas import METHODS
from generator.yaml_loader import Pointer

from . import keywords, ordering, sources
from .redocly import Difference

# Kinds that concern the whole call, and not one side of a schema.
_OPERATION = {
    "operationId": "operation-renamed",
    "tags": "operation-moved",
    "deprecated": "operation-deprecated",
    "security": "security-changed",
}
# Of other changes in these parts of a document.
_KINDS_BY_TYPE = {
    "Server": "api-address-changed",
    "SecurityScheme": "security-scheme-changed",
    **dict.fromkeys(("Info", "Tag", "ExternalDocs", "Contact", "License"), "description-changed"),
}
# What stands in these has a name of the API's choice.
_MAPS = {"headers", "properties", "schemas", "content", "paths", "parameters", "examples"}


@dataclass(frozen=True)
class Finding:
    """A kind of change, without the side (`request`, `response`) that starts it if `sided`, and its text."""

    kind: str
    sided: bool
    text: str
    old: Pointer | None
    new: Pointer | None
    impact: str = "major"


class FindingMapper:
    """Reads Redocly's differences with the two documents at hand."""

    def __init__(self, old: dict[str, Any], new: dict[str, Any]) -> None:
        self._old = old
        self._new = new

    def map(self, diff: Difference) -> Iterator[Finding]:
        """What one difference comes to; several findings where it is several things at once."""
        if diff.path[:2] == ("components", "schemas") and len(diff.path) == 3:
            # That a model added or went is reported by its name, whether anything uses it or not.
            return
        if _is_in_extension(diff.path):
            # Extensions are compared elsewhere.
            return
        if diff.action == "modified" and diff.property == "key":
            yield from self._renamed(diff)
        elif diff.action == "modified":
            yield from self._modified(diff)
        elif diff.type == "Response" and not str(diff.path[-1]).startswith("2") and self._other_status(diff):
            if diff.action == "removed":
                text = f"the status {diff.path[-1]} is now {self._other_status(diff)}"
                yield self._finding(diff, "error-status-changed", text)
        elif diff.type == "PathItem":
            for step, node in _children(diff.after if diff.action == "added" else diff.before):
                if step in METHODS:
                    yield from self._added_or_removed(diff, step, node)
        elif diff.type in ("ParameterList", "HeadersMap", "SchemaProperties", "MediaTypesMap"):
            for step, node in _children(diff.after if diff.action == "added" else diff.before):
                yield from self._added_or_removed(diff, step, node)
        else:
            yield from self._added_or_removed(diff, None, diff.after if diff.action == "added" else diff.before)

    # ---------------------------------------------------------------- modified

    def _modified(self, diff: Difference) -> Iterator[Finding]:
        name = diff.property or ""
        text = f"`{name}` {_change(diff.before, diff.after)}"
        if name.startswith("x-"):
            return
        if name in keywords.NOTES:
            yield self._finding(diff, "description-changed", f"`{name}` is worded differently")
        elif name in keywords.EXAMPLES:
            yield self._finding(diff, "example-changed", "another example")
        elif diff.type == "Schema":
            yield from self._modified_schema(diff, name, text)
        elif diff.type in ("Parameter", "RequestBody") and name == "required":
            part, body = ("parameter", "") if diff.type == "Parameter" else ("request-body", "the body ")
            way = "required" if diff.after else "optional"
            yield self._finding(diff, f"{part}-became-{way}", f"{body}became {way}")
        elif diff.type == "Parameter":
            kind = "parameter-deprecated" if name == "deprecated" else "parameter-serialization-changed"
            yield self._finding(diff, kind, text)
        elif diff.type == "Operation" and name in _OPERATION:
            if name == "deprecated":
                text = "is deprecated" if diff.after else "is no longer deprecated"
            yield self._finding(diff, _OPERATION[name], text)
        elif diff.type == "Info" and name == "version":
            yield self._finding(diff, "version-changed", f"the version {_change(diff.before, diff.after)}")
        elif diff.type in _KINDS_BY_TYPE:
            yield self._finding(diff, _KINDS_BY_TYPE[diff.type], text)
        else:
            yield self._unlisted(diff, name, text)

    def _modified_schema(self, diff: Difference, name: str, text: str) -> Iterator[Finding]:
        kinds = keywords.directions(name, diff.before, diff.after)
        if name == "default" and diff.before is None and diff.after is None:
            # Absent before: null as a default says no more than leaving the member out.
            yield self._finding(diff, "rephrased", "`default` is now null, which counts as left out")
        elif name == "required":
            yield from self._required(diff)
        elif ordering.is_same_value(name, diff.before, diff.after):
            yield self._finding(diff, "rephrased", f"`{name}` says the same in another order")
        elif kinds:
            for kind in kinds:
                yield self._finding(diff, kind, text, sided=True)
        else:
            yield self._unlisted(diff, name, text)

    def _unlisted(self, diff: Difference, name: str, text: str) -> Finding:
        """A change of no kind that `kinds` lists, so that its effect is the impact that Redocly sees in it."""
        return self._finding(diff, diff.rule or f"{diff.type.lower()}-{name}-changed", text)

    def _required(self, diff: Difference) -> Iterator[Finding]:
        """Which members became required or optional; added and removed ones are reported as such."""
        before, after = set(diff.before or ()), set(diff.after or ())
        old, new = (self._members(document, at) for document, at in ((self._old, diff.old), (self._new, diff.new)))
        for member in sorted(after - before):
            if member in old:
                yield self._of_member(diff, member, "member-became-required", "became required")
        for member in sorted(before - after):
            if member in new:
                yield self._of_member(diff, member, "member-became-optional", "is no longer always there")

    def _of_member(self, diff: Difference, member: str, kind: str, text: str) -> Finding:
        old, new = (None if at is None else (*_holder(at), "properties", member) for at in (diff.old, diff.new))
        return Finding(kind, True, text, old, new, diff.impact)

    def _members(self, document: dict[str, Any], at: Pointer | None) -> dict[str, Any]:
        node = sources.find(document, _holder(at or ()))
        members = node.get("properties", {}) if isinstance(node, dict) else {}
        return members if isinstance(members, dict) else {}

    # ---------------------------------------------------------------- renamed

    def _renamed(self, diff: Difference) -> Iterator[Finding]:
        """A rename is the removal of one name and the addition of another, to whoever uses the name."""
        old_name, new_name = str(diff.before), str(diff.after)
        if diff.path[:1] == ("components",) and len(diff.path) == 3:
            # Only models have names in the client.
            yield self._finding(diff, "component-renamed", f"`{old_name}` is now `{new_name}`")
        elif diff.type == "Response" and not old_name.startswith("2"):
            yield self._finding(diff, "error-status-changed", f"the status {old_name} is now {new_name}")
        else:
            node = sources.find(self._old, diff.old or ())
            removed = replace(diff, action="removed", path=(*diff.path[:-1], old_name), new=None, impact="major")
            yield from self._added_or_removed(removed, None, node)
            node = sources.find(self._new, diff.new or ())
            yield from self._added_or_removed(replace(diff, action="added", old=None), None, node)

    def _other_status(self, diff: Difference) -> str | None:
        """The status that the same error response has in the other document; None if it has none there."""
        added = diff.action == "added"
        mine, other = (self._new, self._old) if added else (self._old, self._new)
        here = diff.new if added else diff.old
        if not here:
            return None
        siblings, others = sources.find(mine, here[:-1]), sources.find(other, here[:-1])
        if not isinstance(siblings, dict) or not isinstance(others, dict):
            return None
        response = siblings.get(here[-1])
        return next((name for name, node in others.items() if name not in siblings and node == response), None)

    # ---------------------------------------------------------------- added and removed

    def _added_or_removed(self, diff: Difference, step: str | None, node: Any) -> Iterator[Finding]:
        added = diff.action == "added"
        node = sources.follow(self._new if added else self._old, node)
        way, path = ("added" if added else "removed"), diff.path if step is None else (*diff.path, step)
        here = diff.new if added else diff.old
        pointer = here if step is None or here is None else (*here, step)
        required = isinstance(node, dict) and node.get("required") is True
        kind, sided, text = f"{diff.type.lower()}-{way}", False, "is new" if added else "is gone"
        match diff.type:
            case "Operation" | "PathItem":
                kind = f"operation-{way}"
            case "Parameter" | "ParameterList":
                need = "required" if required else "optional"
                kind = f"parameter-added-{need}" if added else "parameter-removed"
                shown = node.get("name") if isinstance(node, dict) else step
                text = f"{need if added else 'the'} parameter `{shown}` {text}"
            case "RequestBody":
                need = "required" if required else "optional"
                kind, text = (f"request-body-added-{need}" if added else "request-body-removed"), f"the body {text}"
            case "Response":
                family = "success" if str(path[-1]).startswith("2") else "error"
                kind, text = f"{family}-response-{way}", f"the response {text}"
            case "Header" | "HeadersMap":
                kind, text = f"response-header-{way}", f"the header `{path[-1]}` {text}"
            case "MediaType" | "MediaTypesMap":
                kind, sided, text = f"media-type-{way}", True, f"the media type `{path[-1]}` {text}"
            case "SecurityRequirement" | "SecurityRequirementList":
                kind = "security-alternative-added" if added else "security-changed"
                text = f"a way to authenticate {text}"
            case "SecurityScheme":
                kind = "security-scheme-added" if added else "security-scheme-changed"
            case "Server":
                kind = "api-address-added" if added else "api-address-changed"
            case "Tag" | "TagList":
                kind = "tags-described"
            case "Link" | "LinksMap":
                kind = "link-changed"
            case "Example" | "ExamplesMap" | "ExternalDocs" | "Contact" | "License":
                kind = "example-changed" if diff.type.startswith("Example") else "description-changed"
            case "Schema" | "SchemaProperties":
                kind, sided, text = self._schema(diff, path, way, text)
            case _ if diff.rule:
                kind = diff.rule
        yield Finding(kind, sided, text, None if added else pointer, pointer if added else None, diff.impact)

    def _schema(self, diff: Difference, path: Pointer, way: str, text: str) -> tuple[str, bool, str]:
        if len(path) > 1 and path[-2] in ("oneOf", "anyOf", "allOf"):
            return f"alternative-{way}", True, f"an alternative {text}"
        if len(path) > 1 and path[-2] == "properties":
            if way == "removed":
                return "member-removed", True, f"the member {text}"
            owner = sources.find(self._new, (diff.new or ())[:-2] if diff.type == "Schema" else (diff.new or ())[:-1])
            need = "required" if isinstance(owner, dict) and path[-1] in owner.get("required", ()) else "optional"
            return f"member-added-{need}", True, f"the {need} member {text}"
        if path[-1:] == ("additionalProperties",):
            return ("opened" if way == "removed" else "closed"), True, f"`additionalProperties` {text}"
        if path[-1:] == ("items",):
            return ("type-narrowed" if way == "added" else "type-widened"), True, f"what items are {text}"
        return ("type-narrowed" if way == "added" else "type-widened"), True, f"the schema {text}"

    def _finding(self, diff: Difference, kind: str, text: str, *, sided: bool = False) -> Finding:
        return Finding(kind, sided, text, diff.old, diff.new, diff.impact)


def _is_in_extension(path: Pointer) -> bool:
    pairs = zip(("", *path), path, strict=False)
    return any(str(step).startswith("x-") and before not in _MAPS for before, step in pairs)


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

"""Compares two specs: runs Redocly, and classifies the differences that it reports."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from generator.schemas import METHODS
from generator.yaml_loader import Pointer

from . import extensions, kinds, ordering, redocly, sources, subjects, unions
from .changes import Change, Report
from .findings import Finding, FindingMapper
from .redocly import Difference
from .sources import Source, parse
from .usage import Side, Usage
from .usage import operations as operations_of

_REQUIRED_OF_SERVER = ("response-member-added-required", "response-member-became-required")
_OPTIONAL = "; it is optional in the client, which can be pinned to an earlier version"


def compare(old: Source, new: Source, folder: Path) -> Report:
    """What changed from `old` to `new`, judged for a client. `folder` is for temporary files."""
    if old.document == new.document:
        return Report.of(old, new, [])
    remaining, union_changes = unions.extract(
        redocly.compare(old.document, new.document, folder), old.document, new.document
    )
    if union_changes:
        # What is within them can be compared only where both sides have the same form.
        alike = unions.apply(union_changes, old.document, new.document)
        within, _ = unions.extract(redocly.compare(alike, new.document, folder), alike, new.document)
        remaining += [difference for difference in within if difference not in remaining]
    return Report.of(old, new, Classifier(old, new).classify(remaining, union_changes))


class Classifier:
    """Turns findings into changes."""

    def __init__(self, old: Source, new: Source) -> None:
        self._old, self._new = old, new
        self._usage = Usage(old.document, new.document)
        kept = [{label for label, _, _ in operations_of(side.document)} for side in (old, new)]
        self._kept_operations = set.intersection(*kept)

    def classify(self, differences: list[Difference], union_changes: list[tuple[Difference, Finding]]) -> list[Change]:
        mapper = FindingMapper(self._old.document, self._new.document)
        changes = [change for diff, finding in union_changes for change in self._changes_of(finding, diff.path)]
        for diff in differences:
            for finding in mapper.map(diff):
                if not self._is_of_other_operations(finding) and not self._is_elsewhere(finding):
                    changes += self._changes_of(finding, diff.path)
        for finding in extensions.find(self._old.document, self._new.document):
            if not self._belongs_to_new_operation(finding):
                changes += self._changes_of(finding, finding.new or finding.old or ())
        return changes or [self._other_change()]

    def _other_change(self) -> Change:
        """For documents that differ in something that neither Redocly nor this package reports."""
        old, new = next(_different_nodes(self._old.document, self._new.document))
        place = new or old or ()
        subject = subjects.name(self._new.document if new else self._old.document, place)
        if ordering.is_same(self._old.document, self._new.document):
            text = "says the same in another order, or in another place"
            return Change("rephrased", kinds.Effect.DOCUMENTATION, Side.CALL, subject, text, (), old, new)
        text = "changed in a way that no kind of change describes"
        return Change(kinds.UNKNOWN, kinds.Effect.BREAKING, Side.CALL, subject, text, (), old, new)

    def _changes_of(self, finding: Finding, path: Pointer) -> Iterator[Change]:
        document = self._new.document if finding.new is not None else self._old.document
        subject = subjects.name(document, finding.new or finding.old or path)
        for side, operations in self._sides(finding, path).items():
            kind = self._kind(finding, side, path)
            effect = kinds.effect_of(kind, finding.impact)
            listed = tuple(sorted(operations))
            text = finding.text + (_OPTIONAL if kind in _REQUIRED_OF_SERVER else "")
            yield Change(kind, effect, side, subject, text, listed, finding.old, finding.new)

    def _sides(self, finding: Finding, path: Pointer) -> dict[Side, set[str]]:
        """Once for each side where that matters; what is the same on all sides is reported once."""
        old, new = finding.old, finding.new
        if old is not None and new is not None and old[:3] != new[:3]:
            # Two components in turn: what is meant is this one use, and not all the uses of either.
            sides = self._usage.sides(path)
        else:
            sides = self._usage.sides(new or old or path)
        if not finding.sided or finding.kind in ("description-changed", "example-changed"):
            return {next(iter(sides), Side.CALL): {name for names in sides.values() for name in names}}
        # A component that nothing uses still has a class, which code may import.
        return {side: names for side, names in sides.items() if side is not Side.CALL} or {Side.RESPONSE: set()}

    def _kind(self, finding: Finding, side: Side, path: Pointer) -> str:
        kind = finding.kind
        if not finding.sided or kind in ("description-changed", "example-changed"):
            return kind
        if side is Side.RESPONSE and kind == "member-added-optional":
            return "response-member-added"
        if side is Side.RESPONSE and kind == "enum-value-added" and self._is_open(finding, path):
            return "response-open-enum-value-added"
        return f"{side.value}-{kind}"

    def _is_open(self, finding: Finding, path: Pointer) -> bool:
        """Whether every response that sends this enum allows any other string beside it."""
        at = finding.new or ()
        if at[:2] == ("components", "schemas") and len(at) == 4:
            return all(_allows_any(union) for union in _holders(self._new.document, at[:3]))
        return False

    def _is_of_other_operations(self, finding: Finding) -> bool:
        """Whether a shared parameter, response or header comes, or goes, with the operations that use it.

        Those are reported. A schema is reported besides: it has a class.
        """
        at = finding.new or finding.old or ()
        is_whole = at[:1] == ("components",) and len(at) == 3 and at[1] != "schemas"
        if not is_whole or (finding.old is not None and finding.new is not None):
            return False
        users = {name for names in self._usage.sides(at).values() for name in names}
        return bool(users) and not users & self._kept_operations

    def _is_elsewhere(self, finding: Finding) -> bool:
        """Whether a parameter that came or went is the same as before for each operation of its path.

        It then moved between the path and its operations, or between them and the components.
        """
        at = finding.new or finding.old or ()
        is_parameter = finding.kind.startswith("parameter-added") or finding.kind == "parameter-removed"
        if not is_parameter or len(at) < 2 or at[0] != "paths":
            return False
        documents = (self._old.document, self._new.document)
        document = documents[finding.new is not None]
        node = sources.follow(document, sources.find(document, at))
        if not isinstance(node, dict):
            return False
        place, path = (str(node.get("in")), str(node.get("name"))), str(at[1])
        before, after = (document.get("paths", {}).get(path, {}) for document in documents)
        return all(
            ordering.parameters(documents[0], path, method).get(place)
            == ordering.parameters(documents[1], path, method).get(place)
            for method in METHODS
            if method in before and method in after
        )

    def _belongs_to_new_operation(self, finding: Finding) -> bool:
        at = finding.new or finding.old or ()
        if at[:1] != ("paths",) or (finding.old is not None and finding.new is not None):
            return False
        other = self._old.document if finding.old is None else self._new.document
        return bool(len(at) > 2 and at[2] not in other.get("paths", {}).get(at[1], {}))


def _different_nodes(old: Any, new: Any, at: Pointer = ()) -> Iterator[tuple[Pointer | None, Pointer | None]]:
    """Where two documents differ; None for the one that has no such node."""
    if isinstance(old, dict) and isinstance(new, dict):
        for name in {**old, **new}:
            if name in old and name in new:
                yield from _different_nodes(old[name], new[name], (*at, name))
            else:
                yield ((*at, name) if name in old else None), ((*at, name) if name in new else None)
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for index, (before, after) in enumerate(zip(old, new, strict=True)):
            yield from _different_nodes(before, after, (*at, index))
    elif old != new:
        yield at, at


def _holders(document: dict[str, Any], component: Pointer) -> Iterator[Any]:
    """What each reference to a component stands in: the union, or the lone reference itself. Requests do not count."""

    def visit(node: Any, parent: Any) -> Iterator[Any]:
        if isinstance(node, dict):
            if isinstance(node.get("$ref"), str) and parse(node["$ref"]) == component:
                yield parent
            for child in node.values():
                yield from visit(child, node)
        elif isinstance(node, list):
            for child in node:
                yield from visit(child, node)

    requests = Usage(document)
    for name, schema in document.get("components", {}).get("schemas", {}).items():
        if Side.RESPONSE in requests.sides(("components", "schemas", name)):
            yield from visit(schema, None)
    for item in document.get("paths", {}).values():
        for operation in item.values() if isinstance(item, dict) else ():
            if isinstance(operation, dict):
                yield from visit(operation.get("responses", {}), None)
    for kind in ("responses", "headers"):
        yield from visit(document.get("components", {}).get(kind, {}), None)


def _allows_any(union: Iterable[Any] | None) -> bool:
    return isinstance(union, list) and any(isinstance(member, dict) and set(member) == {"type"} for member in union)

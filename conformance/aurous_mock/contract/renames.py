"""Translates between the names of a version and the canonical ones, for what a spec says has another name now.

A spec that gives `max_tokens` a new name says `x-renamed-from: max_tokens` at the new member; one that does so with a
value of an enum says `x-renamed-values: {new: old}` beside `enum`. The oldest name is the canonical one: mock and suite
use it for every version, and translate JSON where it is received and sent.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

from aurous_mock.contract import event_schemas
from aurous_mock.contract.document import RENAMED_MEMBER, RENAMED_VALUES, Document

# Bounds schemas that refer to themselves.
_DEEPEST = 12
_STEP = re.compile(r"[^.\[\]]+|\[[^\]]*\]")


@dataclass(frozen=True)
class Names:
    """What to call the members and values of a JSON value. Empty if everything keeps its name.

    members: by name, the new name and the names within the member
    values: by value, the new value
    dropped: members to leave out
    """

    members: Mapping[str, tuple[str, "Names"]] = field(default_factory=dict)
    values: Mapping[str, str] = field(default_factory=dict)
    dropped: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.members or self.values)

    @cached_property
    def inverse(self) -> "Names":
        """The way back. A version does not know the canonical name of a member that it renames, so that is left out."""
        members = {new: (name, inner.inverse) for name, (new, inner) in self.members.items()}
        values = {new: value for value, new in self.values.items()}
        return Names(members, values, frozenset(self.members.keys() - members.keys()))

    def within(self, *path: str) -> "Names":
        """The names within a member, by the path of its own names."""
        names = self
        for name in path:
            names = names.members.get(name, (name, NONE))[1]
        return names

    def merge(self, other: "Names") -> "Names":
        """The names of a value that may be of either kind."""
        if not self or not other:
            return self or other
        members = dict(self.members)
        for name, (new, inner) in other.members.items():
            members[name] = (new, members[name][1].merge(inner) if name in members else inner)
        return Names(members, {**self.values, **other.values})


NONE: Final = Names()


def translate(value: Any, names: Names) -> Any:
    """A JSON value in these names."""
    if not names:
        return value
    if isinstance(value, list):
        return [translate(item, names) for item in value]
    if isinstance(value, str):
        return names.values.get(value, value)
    if not isinstance(value, dict):
        return value
    translated = {}
    for name, child in value.items():
        if name not in names.dropped:
            new, inner = names.members.get(name, (name, NONE))
            translated[new] = translate(child, inner)
    return translated


def translate_path(path: str, names: Names) -> str:
    """A path such as `messages[0].content`, which errors name as their `param`, in these names."""
    steps = []
    for step in _STEP.findall(path):
        if step.startswith("["):
            steps.append(step)
            continue
        # What nobody knows by this name must not look like the member that has it elsewhere.
        new, names = ("?", NONE) if step in names.dropped else names.members.get(step, (step, NONE))
        steps.append(f".{new}")
    return "".join(steps).removeprefix(".")


def of_schema(document: Document, schema: Any, depth: int = _DEEPEST) -> Names:
    """The version's names, by canonical name, in a value of this schema or an array of such values."""
    if not depth or not document.has_renames:
        return NONE
    schema = document.follow("", schema)[1]
    if not isinstance(schema, Mapping):
        return NONE
    members = {}
    for name, child in schema.get("properties", {}).items():
        canonical = child.get(RENAMED_MEMBER, name) if isinstance(child, Mapping) else name
        inner = of_schema(document, child, depth - 1)
        if inner or canonical != name:
            members[canonical] = (name, inner)
    names = Names(members, {old: new for new, old in schema.get(RENAMED_VALUES, {}).items()})
    for part in (*schema.get("oneOf", ()), *schema.get("anyOf", ()), *schema.get("allOf", ()), schema.get("items")):
        names = names.merge(of_schema(document, part, depth - 1))
    return names


def of_request(document: Document, operation: Mapping[str, Any]) -> Names:
    """The names in the body of a request."""
    return _of_contents(document, operation.get("requestBody", {}))


def of_responses(document: Document, operation: Mapping[str, Any]) -> Names:
    """The names in the responses to an operation, its events and errors included."""
    names = NONE
    for response in (operation.get("responses") or {}).values():
        names = names.merge(_of_contents(document, response))
    return names


def _of_contents(document: Document, holder: Any) -> Names:
    names = NONE
    for media_type, content in (document.follow("", holder)[1].get("content") or {}).items():
        schema = content.get("schema", {})
        is_stream = media_type.startswith("text/event-stream")
        for each in [kind.schema for kind in event_schemas.read(document, schema)] if is_stream else [schema]:
            names = names.merge(of_schema(document, each))
    return names

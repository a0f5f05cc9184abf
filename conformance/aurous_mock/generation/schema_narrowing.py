"""Rebuilds JSON Schemas into smaller ones that are safe to hand to a generator of values; makes no value itself.

References are written out, choices are made, free leaves are pinned to plausible values, sizes are kept small, and no
keyword passes that is not listed here. `False`, the schema of nothing, marks what cannot be.
"""

import random
import re
from collections.abc import Mapping, Sequence
from typing import Any

WORDS = (
    "amber", "birch", "cedar", "delta", "ember", "fjord", "grove", "harbor", "indigo", "juniper", "lantern", "meadow",
)  # fmt: skip

_PLAUSIBLE: Mapping[str, Sequence[str]] = {
    "date-time": ("2026-05-15T09:30:00Z", "2025-11-02T18:05:00Z"),
    "date": ("2026-05-15", "2025-11-02"),
    "time": ("09:30:00Z", "18:05:00Z"),
    "duration": ("PT90S", "P3D"),
    "email": ("ada@example.com", "grace@example.org"),
    "uri": ("https://example.com/amber", "https://example.org/birch"),
    "uuid": ("0b1f7ac0-6a39-4d6e-9d2a-6f1d0c4a8e55", "7d444840-9dc0-41d1-b245-5ffdce74fad2"),
    "ipv4": ("192.0.2.7", "198.51.100.23"),
    "ipv6": ("2001:db8::7", "2001:db8::23"),
    "hostname": ("example.com", "example.org"),
}
_NUMERIC = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf")
_OBJECT = frozenset({"properties", "required", "additionalProperties", "minProperties", "patternProperties"})
_ARRAY = frozenset({"items", "prefixItems", "minItems", "maxItems", "uniqueItems"})

_LONGEST_TEXT = 10_000
_MOST_SCHEMAS = 20_000
_MOST_MATCHED = 100_000
# An escape or a character class is passed over whole, so that only real quantifiers are found.
_QUANTIFIER = re.compile(r"\\.|\[(?:\\.|[^\]\\])*\]|[*+]|\{(\d+)(,?)(\d*)\}")
_PIN = "\0"


class NoValue(Exception):  # noqa: N818 - a property of the schema, not a failure of the program
    """The schema is not one, points outside itself, or allows no value that could be found."""


class Budget:
    """How many more schemas may be visited: a short schema can stand for an immense one."""

    def __init__(self) -> None:
        self._left = _MOST_SCHEMAS

    def spend(self, count: int = 1) -> None:
        self._left -= count
        if self._left < 0:
            raise NoValue("it asks for more members than this server is willing to make")


def pin(value: Any) -> dict[str, Any]:
    """The schema of `value` alone. It is wrapped, under a name that no request can hold, because generators change the
    types of bare members of an `enum`."""
    return {"enum": [{_PIN: value}]}


def unpin(made: Any) -> Any:
    """What a generator made of a narrowed schema, with the pinned values taken out of their wrapping."""
    if isinstance(made, dict):
        return made[_PIN] if _PIN in made else {name: unpin(part) for name, part in made.items()}
    return [unpin(part) for part in made] if isinstance(made, list | tuple) else made


class Narrower:
    """Narrows one schema, by one set of dice."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._budget = Budget()

    def narrow(self, node: Any) -> Any:
        """A schema that allows less than `node` does, mostly one value; `False` if nothing is left."""
        self._budget.spend()
        if node is True or node == {}:
            return pin(self._rng.choice(WORDS))
        if not isinstance(node, Mapping):
            return False
        if "const" in node:
            return pin(node["const"])
        if "enum" in node:
            return pin(self._rng.choice(node["enum"])) if node["enum"] else False
        for union in ("anyOf", "oneOf"):
            if union in node and not {"properties", "items", "prefixItems"} & set(node):
                return self._choose(node, union)
        match _kind(node):
            case "object":
                return self._object(node)
            case "array":
                return self._array(node)
            case "string":
                return self._string(node)
            case "integer" | "number" as kind:
                return self._number(node, kind)
            case "boolean":
                return pin(self._rng.random() < 0.5)
            case "null":
                return pin(None)
            case _:
                return False

    def _choose(self, node: Mapping[str, Any], union: str) -> Any:
        around = {name: part for name, part in node.items() if name != union}
        branches = [self.narrow({**around, **part} if isinstance(part, Mapping) else part) for part in node[union]]
        possible = [branch for branch in branches if branch is not False]
        # An absent value is the least telling answer: it is given only when nothing else can be.
        telling = [branch for branch in possible if branch != pin(None)]
        return self._rng.choice(telling or possible) if possible else False

    def _object(self, node: Mapping[str, Any]) -> Any:
        required = [*node.get("required", ())]
        declared = node.get("properties") or {}
        members = {name: self.narrow(part) for name, part in declared.items()}
        members = {name: part for name, part in members.items() if part is not False or name in required}
        others = node.get("additionalProperties", True)
        wanted = int(node.get("minProperties", 0))
        if not members and isinstance(others, Mapping):
            wanted = max(wanted, 1)
        self._budget.spend(wanted)
        for name in [*required, *WORDS, *(f"member_{index}" for index in range(wanted))]:
            if name not in declared and (name in required or len(members) < wanted):
                members[name] = self.narrow(others)
        if any(part is False for part in members.values()):
            return False
        return {"type": "object", "properties": members, "required": [*members]}

    def _array(self, node: Mapping[str, Any]) -> Any:
        heads, rest = node.get("prefixItems") or [], node.get("items", True)
        low, high = int(node.get("minItems", 0)), int(node.get("maxItems", 2))
        size = max(low, min(max(len(heads), 2), high))
        self._budget.spend(size)
        # One schema for each place: the members then differ, and no generator has to look for unique ones.
        places: list[Any] = []
        for place in range(size):
            narrowed = self.narrow(heads[place] if place < len(heads) else rest)
            if narrowed is False:
                break
            places.append(narrowed)
        return {"type": "array", "items": places} if len(places) >= low else False

    def _string(self, node: Mapping[str, Any]) -> Any:
        if "pattern" in node:
            return {"type": "string", "pattern": tame(str(node["pattern"]))}
        if node.get("format") in _PLAUSIBLE:
            return pin(self._rng.choice(_PLAUSIBLE[node["format"]]))
        low, high = int(node.get("minLength", 0)), int(node.get("maxLength", 24))
        if low > _LONGEST_TEXT:
            raise NoValue(f"minLength {low} is more than this server is willing to write")
        text = self._rng.choice(WORDS)
        while len(text) < low:
            text += " " + self._rng.choice(WORDS)
        return pin(text[: max(low, high)])

    def _number(self, node: Mapping[str, Any], kind: str) -> Any:
        bounds = {name: node[name] for name in _NUMERIC if name in node}
        if bounds:
            return {"type": kind, **bounds}
        return pin(self._rng.randint(1, 99) if kind == "integer" else self._rng.randint(10, 999) / 10)


def _kind(node: Mapping[str, Any]) -> str:
    kind = node.get("type")
    if isinstance(kind, list):
        return next((str(name) for name in kind if name != "null"), "null")
    if kind is not None:
        return str(kind)
    if _OBJECT & set(node):
        return "object"
    if _ARRAY & set(node):
        return "array"
    return "integer" if set(_NUMERIC) & set(node) else "string"


def tame(pattern: str) -> str:
    """`pattern` with its open ends bounded, so that matching text stays short even where quantifiers are nested."""
    matched = 1

    def bound(found: re.Match[str]) -> str:
        nonlocal matched
        sign = found[0]
        if sign in ("*", "+"):
            matched *= 4
            return "{0,4}" if sign == "*" else "{1,4}"
        if found[1] is None:
            return sign
        low = int(found[1])
        high = low if not found[2] else int(found[3]) if found[3] else low + 4
        matched *= max(high, 1)
        return f"{{{low},{high}}}"

    tamed = _QUANTIFIER.sub(bound, pattern)
    if matched > _MOST_MATCHED:
        raise NoValue("its pattern may match more text than this server is willing to write")
    return tamed

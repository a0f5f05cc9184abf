"""Makes a value that is valid under a JSON Schema, the same one for the same schema and random numbers.

Values are made directly: references and `allOf` are merged, alternatives chosen, and sizes kept small. The result is
validated against the whole schema, and made again with other random numbers where it does not fit.
"""

import functools
import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import jsonschema_rs
import orjson

from aurous_mock.generation.scalar_faker import WORDS, fake_match, fake_number, fake_string
from aurous_mock.generation.schema_merging import UNIONS, Merger, TooLarge, Unsatisfiable

__all__ = ["Unsatisfiable", "fake_value"]

_KEYWORDS: Final = (
    ("object", {"properties", "required", "additionalProperties", "minProperties", "patternProperties"}),
    ("array", {"items", "prefixItems", "minItems", "maxItems", "uniqueItems", "contains"}),
    ("integer", {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"}),
)
_TYPES: Final = ("string", "integer", "number", "boolean", "array", "object", "null")

_ATTEMPTS: Final = 16
_DEEPEST: Final = 100


def fake_value(schema: Mapping[str, Any], rng: random.Random) -> Any:
    """A value that is valid under `schema`. Raises Unsatisfiable if none was found."""
    return orjson.loads(_fake(orjson.dumps(schema), rng.getrandbits(64)))


@functools.lru_cache(maxsize=512)
def _fake(raw: bytes, seed: int) -> bytes:
    schema = orjson.loads(raw)
    try:
        validator = jsonschema_rs.Draft202012Validator(schema, offline=True)
    except (ValueError, jsonschema_rs.ReferencingError) as error:
        raise Unsatisfiable(f"it is not a usable JSON Schema: {str(error).splitlines()[0]}") from error
    merger = Merger(schema)
    reason = Unsatisfiable("no value that fits it was found")
    for attempt in range(_ATTEMPTS):
        try:
            value = _Faker(merger, random.Random(seed + attempt)).value((schema,), ())
            if validator.is_valid(value):
                return orjson.dumps(value)
        except TooLarge:
            raise
        except Unsatisfiable as error:
            reason = error
        except orjson.JSONEncodeError:
            reason = Unsatisfiable("its numbers do not fit into 64 bits")
    raise reason


class _Faker:
    """Makes one value, with one sequence of random numbers."""

    def __init__(self, merger: Merger, rng: random.Random) -> None:
        self._merger = merger
        self._rng = rng
        self._depth = 0

    def value(self, nodes: Sequence[Any], trail: tuple[str, ...]) -> Any:
        """A value that all of `nodes` allow, as far as their keywords are understood."""
        self._depth += 1
        try:
            if self._depth > _DEEPEST:
                raise Unsatisfiable("it is nested too deeply")
            node, trail = self._merger.merge(nodes, trail)
            if unions := node.pop(UNIONS, None):
                return self._any_of(node, unions, trail)
            if "enum" in node:
                return self._one_of_values(node)
            return self._of_type(node, trail)
        finally:
            self._depth -= 1

    def _any_of(self, node: dict[str, Any], unions: list[list[Any]], trail: tuple[str, ...]) -> Any:
        branches, *others = unions
        rest = {**node, UNIONS: others} if others else node
        null: list[Any] | None = None
        for branch in self._rng.sample(branches, len(branches)):
            try:
                value = self.value((_reopened(rest), branch), trail)
            except TooLarge:
                raise
            except Unsatisfiable:
                continue
            # An absent value is the least informative answer: only when nothing else is possible.
            if value is not None:
                return value
            null = [value]
        if null is None:
            raise Unsatisfiable("none of its alternatives is possible")
        return None

    def _one_of_values(self, node: Mapping[str, Any]) -> Any:
        allowed = [each for each in node["enum"] if _has_type(each, node.get("type"))]
        if not allowed:
            raise Unsatisfiable("one of its members has no possible value")
        return self._rng.choice(allowed)

    def _of_type(self, node: Mapping[str, Any], trail: tuple[str, ...]) -> Any:
        match kind := _type_of(node):
            case "object":
                return self._object(node, trail)
            case "array":
                return self._array(node, trail)
            case "string":
                return fake_string(node, self._rng)
            case "integer" | "number":
                return fake_number(node, self._rng, is_whole=kind == "integer")
            case "boolean":
                return self._rng.random() < 0.5
            case "null":
                return None
            case _:
                raise Unsatisfiable(f"there is no type {kind!r}")

    def _object(self, node: Mapping[str, Any], trail: tuple[str, ...]) -> dict[str, Any]:
        required: list[str] = [*node.get("required", ())]
        declared: Mapping[str, Any] = node.get("properties") or {}
        most = int(node.get("maxProperties", 2**31))
        members: dict[str, Any] = {}
        # In the order of the schema, required ones first where there is no room for all.
        wanted = [*declared] if len(declared) <= most else [name for name in declared if name in required]
        for name in [*wanted, *(name for name in required if name not in declared)]:
            try:
                members[name] = self.value(_of_member(node, name), trail)
            except TooLarge:
                raise
            except Unsatisfiable:
                if name in required:
                    raise
        least = int(node.get("minProperties", 0))
        if not members and isinstance(node.get("additionalProperties"), Mapping):
            least = max(least, 1)
        self._merger.spend(max(least - len(members), 0))
        self._add_members(node, members, least, trail)
        for name, part in (node.get("dependentSchemas") or {}).items():
            if name in members:
                return {**self._object_of((node, part, {"required": [name]}), trail), **members}
        return members

    def _object_of(self, nodes: Sequence[Any], trail: tuple[str, ...]) -> dict[str, Any]:
        merged, trail = self._merger.merge(nodes, trail)
        merged.pop("dependentSchemas", None)
        made = self.value((_reopened(merged),), trail)
        return made if isinstance(made, dict) else {}

    def _add_members(
        self, node: Mapping[str, Any], members: dict[str, Any], least: int, trail: tuple[str, ...]
    ) -> None:
        """Fill up to `minProperties` with names that the schema does not declare."""
        fixed = iter([*WORDS, *(f"member_{index}" for index in range(max(least, 0)))])
        patterns = [*(node.get("patternProperties") or {})]
        for attempt in range(4 * max(least, 0)):
            if len(members) >= least:
                return
            if "propertyNames" in node:
                name = str(self.value(({"type": "string"}, node["propertyNames"]), trail))
            elif patterns and node.get("additionalProperties") is False:
                pattern = patterns[attempt % len(patterns)]
                name = fake_match(pattern, 0, self._rng) + ("" if pattern.endswith("$") else self._rng.choice(WORDS))
            else:
                name = next(fixed, f"extra_{attempt}")
            if name not in members:
                members[name] = self.value(_of_member(node, name), trail)

    def _array(self, node: Mapping[str, Any], trail: tuple[str, ...]) -> list[Any]:
        heads, rest = node.get("prefixItems") or [], node.get("items", True)
        low, high = int(node.get("minItems", 0)), int(node.get("maxItems", 2**31))
        size = max(low, min(max(len(heads), 2), high))
        self._merger.spend(size)
        contained = int(node.get("minContains", 1)) if "contains" in node else 0
        made: list[Any] = []
        for place in range(max(size, contained)):
            nodes = [heads[place] if place < len(heads) else rest]
            if place < contained:
                nodes.append(node["contains"])
            try:
                made.append(self._another(made, nodes, trail) if node.get("uniqueItems") else self.value(nodes, trail))
            except TooLarge:
                raise
            except Unsatisfiable:
                if place < max(low, contained):
                    raise
                break
        return made

    def _another(self, others: Sequence[Any], nodes: Sequence[Any], trail: tuple[str, ...]) -> Any:
        for _ in range(_ATTEMPTS):
            value = self.value(nodes, trail)
            if value not in others:
                return value
        raise Unsatisfiable("it asks for more different items than were found")


def _reopened(merged: Mapping[str, Any]) -> Mapping[str, Any]:
    """A merged schema as a plain one, to be merged with others again."""
    plain = {name: part for name, part in merged.items() if name != UNIONS}
    unions = merged.get(UNIONS)
    return {**plain, "allOf": [{"anyOf": branches} for branches in unions]} if unions else plain


def _of_member(node: Mapping[str, Any], name: str) -> list[Any]:
    """The schemas that hold for one member of an object."""
    parts = [part for pattern, part in (node.get("patternProperties") or {}).items() if _matches(pattern, name)]
    if name in (node.get("properties") or {}):
        parts.append(node["properties"][name])
    return parts or [node.get("additionalProperties", True)]


@functools.lru_cache(maxsize=512)
def _matches(pattern: str, name: str) -> bool:
    # Not by `re`: patterns come from requests, and some would keep it busy for ever.
    try:
        return jsonschema_rs.Draft202012Validator({"pattern": pattern}).is_valid(name)
    except ValueError:
        return False


def _type_of(node: Mapping[str, Any]) -> str:
    kind = node.get("type")
    if isinstance(kind, list):
        if not kind:
            raise Unsatisfiable("no type is common to its parts")
        return next((str(name) for name in kind if name != "null"), "null")
    if kind is not None:
        return str(kind)
    refused = node["not"].get("type", ()) if isinstance(node.get("not"), Mapping) else ()
    refused = [refused] if isinstance(refused, str) else refused
    kinds = [name for name, keywords in _KEYWORDS if keywords & set(node)]
    return next((name for name in (*kinds, *_TYPES) if name not in refused), "string")


_PYTHON_TYPES: Final[Mapping[str, Callable[[Any], bool]]] = {
    "null": lambda value: value is None,
    "boolean": lambda value: isinstance(value, bool),
    "integer": lambda value: isinstance(value, int | float) and not isinstance(value, bool) and value == int(value),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "string": lambda value: isinstance(value, str),
    "array": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, dict),
}


def _has_type(value: Any, kind: str | list[str] | None) -> bool:
    kinds = [kind] if isinstance(kind, str) else kind
    return kinds is None or any(name in _PYTHON_TYPES and _PYTHON_TYPES[name](value) for name in kinds)

"""Makes a value that is valid under a JSON Schema, the same one for the same schema and random numbers.

Values are made directly: references and `allOf` are merged, alternatives chosen, and sizes kept small. The result is
validated against the whole schema, and made again with other random numbers where it does not fit.
"""

import functools
import math
import random
import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

import jsonschema_rs
import orjson
import rstr

from aurous_mock.generation.schema_merging import UNIONS, Merger, TooLarge, Unsatisfiable

__all__ = ["Unsatisfiable", "fake_value"]

WORDS: Final = (
    "amber", "birch", "cedar", "delta", "ember", "fjord", "grove", "harbor", "indigo", "juniper", "lantern", "meadow",
)  # fmt: skip
_FORMATS: Final[Mapping[str, Sequence[str]]] = {
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
_KEYWORDS: Final = (
    ("object", {"properties", "required", "additionalProperties", "minProperties", "patternProperties"}),
    ("array", {"items", "prefixItems", "minItems", "maxItems", "uniqueItems", "contains"}),
    ("integer", {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"}),
)
_TYPES: Final = ("string", "integer", "number", "boolean", "array", "object", "null")

_ATTEMPTS: Final = 16
_DEEPEST: Final = 100
_LONGEST_TEXT: Final = 10_000
_MOST_MATCHED: Final = 100_000
# An escape or a character class is skipped whole, so that only real quantifiers match.
_QUANTIFIER: Final = re.compile(r"\\.|\[(?:\\.|[^\]\\])*\]|[*+]|\{(\d+)(,?)(\d*)\}")


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
                return self._string(node)
            case "integer" | "number":
                return self._number(node, is_whole=kind == "integer")
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
                name = self._matching(pattern, 0) + ("" if pattern.endswith("$") else self._rng.choice(WORDS))
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

    def _string(self, node: Mapping[str, Any]) -> str:
        low, high = int(node.get("minLength", 0)), int(node.get("maxLength", 24))
        if low > _LONGEST_TEXT:
            raise TooLarge(f"minLength {low} is more than this server is willing to write")
        if "pattern" in node:
            return self._matching(str(node["pattern"]), low)
        if node.get("format") in _FORMATS:
            return self._rng.choice(_FORMATS[node["format"]])
        text = self._rng.choice(WORDS)
        while len(text) < low:
            text += " " + self._rng.choice(WORDS)
        return text[: max(low, high)]

    def _matching(self, pattern: str, least: int) -> str:
        try:
            text = rstr.Rstr(self._rng).xeger(_bounded(pattern, max(4, least)))
        except (ArithmeticError, LookupError, RecursionError, TypeError, ValueError, re.error) as error:
            raise Unsatisfiable(f"no text can be made for the pattern {pattern!r}") from error
        # A pattern without an end is fulfilled by any longer text too.
        return text if pattern.endswith("$") else text.ljust(least, "x")

    def _number(self, node: Mapping[str, Any], *, is_whole: bool) -> int | float:
        step = Decimal(str(node.get("multipleOf", 1)))
        low, high = _bounds(node)
        if low is None and high is None and "multipleOf" not in node:
            return self._rng.randint(1, 99) if is_whole else self._rng.randint(10, 999) / 10
        if "multipleOf" not in node and not is_whole:
            # As fine as there is room for.
            width = (high - low) if low is not None and high is not None else Decimal(1)
            step = min(Decimal(1), Decimal(10) ** (math.floor(width.log10()) - 1)) if width > 0 else Decimal(0)
        elif is_whole and step != step.to_integral_value():
            step *= step.as_integer_ratio()[1]
        if low is None:
            low = min(high, Decimal(0)) - 100 * step if high is not None else step
        if high is None:
            high = low + 100 * step
        if step == 0:
            return _plain(low)
        first = (low / step).to_integral_value("ROUND_CEILING")
        last = (high / step).to_integral_value("ROUND_FLOOR")
        if "exclusiveMinimum" in node and first * step <= Decimal(str(node["exclusiveMinimum"])):
            first += 1
        if "exclusiveMaximum" in node and last * step >= Decimal(str(node["exclusiveMaximum"])):
            last -= 1
        if first > last:
            raise Unsatisfiable("no number is within its bounds")
        return _plain(self._rng.randint(int(first), int(last)) * step)


def _reopened(merged: Mapping[str, Any]) -> Mapping[str, Any]:
    """A merged schema as a plain one, to be merged with others again."""
    plain = {name: part for name, part in merged.items() if name != UNIONS}
    unions = merged.get(UNIONS)
    return {**plain, "allOf": [{"anyOf": branches} for branches in unions]} if unions else plain


def _of_member(node: Mapping[str, Any], name: str) -> list[Any]:
    """The schemas that hold for one member of an object."""
    found = [part for pattern, part in (node.get("patternProperties") or {}).items() if _matches(pattern, name)]
    if name in (node.get("properties") or {}):
        found.append(node["properties"][name])
    return found or [node.get("additionalProperties", True)]


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


def _bounds(node: Mapping[str, Any]) -> tuple[Decimal | None, Decimal | None]:
    lows = [Decimal(str(node[name])) for name in ("minimum", "exclusiveMinimum") if name in node]
    highs = [Decimal(str(node[name])) for name in ("maximum", "exclusiveMaximum") if name in node]
    return max(lows, default=None), min(highs, default=None)


def _plain(number: Decimal) -> int | float:
    return int(number) if number == number.to_integral_value() else float(number)


def _bounded(pattern: str, most: int) -> str:
    """`pattern` with its open quantifiers bounded, so that matching text stays short even where they are nested."""
    matched = 1

    def bound(quantifier: re.Match[str]) -> str:
        nonlocal matched
        sign = quantifier[0]
        if sign in ("*", "+"):
            matched *= most
            return f"{{0,{most}}}" if sign == "*" else f"{{1,{most}}}"
        if quantifier[1] is None:
            return sign
        low = int(quantifier[1])
        high = low if not quantifier[2] else int(quantifier[3]) if quantifier[3] else low + most
        matched *= max(high, 1)
        return f"{{{low},{high}}}"

    bounded = _QUANTIFIER.sub(bound, pattern)
    if matched > _MOST_MATCHED:
        raise TooLarge("its pattern may match more text than this server is willing to write")
    return bounded

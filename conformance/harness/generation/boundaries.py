"""The bounds of a request, read from openapi.yaml: values just inside and just outside each."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from harness import contract
from harness.generation import schema_samples
from harness.generation.request_normalizer import FRUGAL, FUNCTION, OPEN_SCHEMA, PIXEL, media_in
from harness.rules import CREATE, MULTIMODAL, REASONING, STRUCTURED, TOOLS

REQUEST = "ChatCompletionRequest"
Place = Callable[[Any], dict[str, Any]]

PAGES = {
    "tools": TOOLS,
    "tool_choice": TOOLS,
    "response_format": STRUCTURED,
    "reasoning_effort": REASONING,
    "vision_quality": MULTIMODAL,
}
OUT_OF_PLACE: list[Any] = ["7", "", 7, True, {}, [], {"a": 1}, ["a"], [7]]
# On the multimodal page and not on the primary one, so that a server may ignore it.
UNCERTAIN = frozenset({"vision_quality"})
UNMATCHED = ["http://example.com/cat.png", "cat.png", "javascript:alert(1)", ""]

# The documented codes for a request that does not fit its schema. No page says which of them a fault gets, so a server
# may use one for all; codes outside the taxonomy are legal too.
VALIDATION_CODES = frozenset({"missing_field", "invalid_format", "value_out_of_range"})


class Missing:
    """Stands for a member that is omitted."""


MISSING = Missing()


@dataclass(frozen=True)
class Bound:
    """One bound of one member: bodies inside it, and bodies that are only outside it."""

    id: str
    sentence: str
    page: str
    member: str
    inside: tuple[dict[str, Any], ...] = ()
    outside: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True)
class Location:
    """A place in a request that takes a value of some schema."""

    path: str
    schema: dict[str, Any]
    place: Place
    required: bool = False

    @property
    def root(self) -> str:
        return re.split(r"[.\[]", self.path)[0]

    def bound(self, kind: str, sentence: str, inside: list[Any], outside: list[Any]) -> Bound:
        """A bound, with bodies that the whole contract accepts inside it, and refuses outside it."""
        placed_inside = tuple(body for body in map(self.place, inside) if not contract.schema_errors(REQUEST, body))
        placed_outside = tuple(body for body in map(self.place, outside) if contract.schema_errors(REQUEST, body))
        page = MULTIMODAL if "content[" in self.path else PAGES.get(self.root, CREATE)
        return Bound(f"request.{self.path}.{kind}", sentence, page, self.root, placed_inside, placed_outside)


def bounds() -> list[Bound]:
    """Every bound of the request that has something outside it."""
    root = Location("", contract.schema(REQUEST), lambda value: value)
    by_id: dict[str, Bound] = {}
    for bound in (bound for location in _members(root) if location.path not in UNCERTAIN for bound in _of(location)):
        # Alternatives of a union share members, and each contributes its own bodies to the bound.
        known = by_id.get(bound.id, replace(bound, inside=(), outside=()))
        both = replace(known, inside=known.inside + bound.inside, outside=known.outside + bound.outside)
        by_id[bound.id] = both
    return [bound for bound in by_id.values() if bound.outside]


def base() -> dict[str, Any]:
    """A request with the required members only; its sender fills in the model."""
    return {"model": "", "messages": [{"role": "user", "content": "Say: gold."}], **FRUGAL}


def _of(location: Location) -> Iterator[Bound]:
    """The bounds of a location, and of all locations within it."""
    schema, name = schema_samples.essential(location.schema), f"`{location.path}`"
    if location.required:
        yield location.bound("missing", f"{name} is required.", [], [MISSING])
    yield _type_bound(location, schema)
    if "discriminator" in schema:
        yield _tags(location, schema)
    for alternative in schema_samples.alternatives(schema):
        yield from _limits(location, alternative, name)
        yield from _within(location, alternative)


def _type_bound(location: Location, schema: dict[str, Any]) -> Bound:
    """That a value has its type. A null is tried only where a value is required: elsewhere it may count as omitted."""
    types = {inner.get("type", "object") for inner in schema_samples.alternatives(schema)}
    candidates = [*OUT_OF_PLACE, *([None] if location.required else [])]
    wrong = [value for value in candidates if not types & schema_samples.types_of(value)]
    return location.bound("wrong_type", f"`{location.path}` is {schema_samples.in_words(types)}.", [], wrong)


def _limits(location: Location, schema: dict[str, Any], name: str) -> Iterator[Bound]:
    match schema.get("type"):
        case "integer" | "number" as kind:
            yield from _range(location, schema, name, step=1 if kind == "integer" else 0.01)
        case "string" if "const" in schema:
            wrong = ["no-such-value", "", schema["const"].upper()]
            yield location.bound("value", f"{name} is {schema['const']}.", [], wrong)
        case "string":
            yield from _text(location, schema, name)
        case "array":
            sample = schema_samples.sample(schema["items"])
            for key, word, step in (("minItems", "at least", -1), ("maxItems", "at most", 1)):
                if (count := schema.get(key)) is not None:
                    inside, outside = [[sample] * count], [[sample] * (count + step)]
                    kind = _snake(key)
                    entries = "entry" if count == 1 else "entries"
                    yield location.bound(kind, f"{name} has {word} {count} {entries}.", inside, outside)


def _range(location: Location, schema: dict[str, Any], name: str, step: float) -> Iterator[Bound]:
    for key, word, sign in (("minimum", "at least", -1), ("maximum", "at most", 1)):
        if (limit := schema.get(key)) is not None:
            outside = [limit + sign * step, limit + sign, limit + sign * 1000]
            yield location.bound(key, f"{name} is {word} {limit}.", [limit, limit - sign * step], outside)


def _text(location: Location, schema: dict[str, Any], name: str) -> Iterator[Bound]:
    if (most := schema.get("maxLength")) is not None:
        sentence = f"{name} has at most {most} characters."
        yield location.bound("max_length", sentence, ["x" * most, "é" * most], ["x" * (most + 1), "x" * (most * 10)])
    if "enum" in schema:
        values = schema["enum"]
        wrong = ["no-such-value", values[0].upper(), f" {values[0]}", values[0] + "s"]
        # Whether `required` is a choice depends on the model; it has a rule of its own.
        accepted = [value for value in values if value != "required"]
        yield location.bound("value", f"{name} is one of {', '.join(values)}.", accepted, wrong)
    if "pattern" in schema:
        yield location.bound("form", f"{name} is an https address or a data: image.", [PIXEL], UNMATCHED)


def _within(location: Location, schema: dict[str, Any]) -> Iterator[Bound]:
    if schema.get("type") == "array":
        yield from _items(location, schema)
    elif schema.get("type") == "object" and schema.get("properties"):
        for member in _members(replace(location, schema=schema)):
            yield from _of(member)


def _items(location: Location, schema: dict[str, Any]) -> Iterator[Bound]:
    items = contract.resolve(schema["items"])
    inner = Location(f"{location.path}[]", items, lambda value: location.place([value]))
    tag = items.get("discriminator", {}).get("propertyName")
    if tag is None:
        yield from _of(inner)
        return
    yield _type_bound(replace(inner, required=True), {"type": "object"})
    for alternative in items["oneOf"]:
        yield from _tagged(inner, location.path, tag, contract.resolve(alternative))
    yield _tags(inner, items)


def _tags(location: Location, schema: dict[str, Any]) -> Bound:
    """That the discriminator of a union has a known value."""
    tag, values = schema["discriminator"]["propertyName"], list(schema["discriminator"]["mapping"])
    good = [schema_samples.sample(alternative) for alternative in schema["oneOf"]]
    # The suite has a picture only, which a server need not accept as a video.
    good = [value for value in good if "video_url" not in media_in(value)]
    wrong = [{**good[0], tag: value} for value in ("no-such-value", "", values[0].upper())]
    return location.bound(f"{tag}.value", f"`{location.path}.{tag}` is one of {', '.join(values)}.", good, wrong)


def _tagged(inner: Location, path: str, tag: str, schema: dict[str, Any]) -> Iterator[Bound]:
    """The members of one alternative of a union with a discriminator."""
    name = schema["properties"][tag]["const"]
    location = Location(f"{path}[{name}]", schema, inner.place)
    for member in _members(location):
        if member.path.endswith(f".{tag}"):
            continue
        # Content parts are the same in every message; their bounds are taken from user messages.
        yield from _of(member) if name == "user" or not member.path.endswith(".content") else _outline(member)


def _outline(location: Location) -> Iterator[Bound]:
    """The bounds of a location, without those within it."""
    if location.required:
        yield location.bound("missing", f"`{location.path}` is required.", [], [MISSING])
    yield _type_bound(location, schema_samples.essential(location.schema))


def _members(location: Location) -> Iterator[Location]:
    """The members of an object, each placed in an otherwise valid object."""
    sample = base() if not location.path else schema_samples.sample(location.schema)
    for name, schema in location.schema["properties"].items():
        yield Location(
            f"{location.path}.{name}".removeprefix("."),
            schema,
            _placing(location.place, sample, name),
            name in location.schema.get("required", ()),
        )


def _placing(place: Place, sample: dict[str, Any], name: str) -> Place:
    def placed(value: Any) -> dict[str, Any]:
        others = {key: member for key, member in sample.items() if key != name}
        return place(others if value is MISSING else {**others, **_companions(name), name: value})

    return placed


def _companions(name: str) -> dict[str, Any]:
    """The members that a member needs beside it."""
    tool = {"type": "function", "function": {"name": FUNCTION, "parameters": OPEN_SCHEMA}}
    needed: dict[str, dict[str, Any]] = {
        "tool_choice": {"tools": [tool]},
        "top_logprobs": {"logprobs": True},
        "stream_options": {"stream": True},
    }
    return needed.get(name, {})


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()

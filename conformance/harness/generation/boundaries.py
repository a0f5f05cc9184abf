"""Owns the bounds of a request, read from openapi.yaml: values just inside and just outside each; sends nothing."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from harness import contract
from harness.generation import schema_samples
from harness.generation.request_normalizer import FRUGAL, FUNCTION, OPEN_SCHEMA, PIXEL
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
# Named on the multimodal page and not on the primary one, so that a server may not look at it.
UNSURE = frozenset({"vision_quality"})
UNMATCHED = ["http://example.com/cat.png", "cat.png", "javascript:alert(1)", ""]

# The documented codes that a fault of each kind may be answered with. Which of them a value out of its bounds gets is
# an inference, and of a list or a text that is too long nothing is said; codes outside the taxonomy are legal.
MISSING = frozenset({"missing_field"})
FORM = frozenset({"invalid_format"})
EITHER = FORM | {"value_out_of_range"}
ANY = MISSING | EITHER


class Left:
    """Stands for a member that is left out."""


LEFT = Left()


@dataclass(frozen=True)
class Bound:
    """One bound of one member: bodies that keep it, and bodies that break it and nothing else."""

    id: str
    says: str
    page: str
    member: str
    codes: frozenset[str]
    inside: tuple[dict[str, Any], ...] = ()
    outside: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True)
class Site:
    """A place in a request where a value of some schema goes."""

    path: str
    schema: dict[str, Any]
    place: Place
    required: bool = False
    in_union: bool = False

    @property
    def root(self) -> str:
        return re.split(r"[.\[]", self.path)[0]

    def bound(self, kind: str, says: str, codes: frozenset[str], inside: list[Any], outside: list[Any]) -> Bound:
        """A bound whose bodies really are on the sides that they should be, by the contract as a whole."""
        placed_inside = tuple(body for body in map(self.place, inside) if not contract.misfits(REQUEST, body))
        placed_outside = tuple(body for body in map(self.place, outside) if contract.misfits(REQUEST, body))
        page = MULTIMODAL if "content[" in self.path else PAGES.get(self.root, CREATE)
        codes = ANY if self.in_union else codes
        return Bound(f"request.{self.path}.{kind}", says, page, self.root, codes, placed_inside, placed_outside)


def bounds() -> list[Bound]:
    """Every bound of the request that has something outside it."""
    root = Site("", contract.schema(REQUEST), lambda value: value)
    found: dict[str, Bound] = {}
    for bound in (bound for site in _members(root) if site.path not in UNSURE for bound in _of(site)):
        # Alternatives of a union share members, and each contributes its own bodies to the bound.
        known = found.get(bound.id, replace(bound, inside=(), outside=()))
        both = replace(known, inside=known.inside + bound.inside, outside=known.outside + bound.outside)
        found[bound.id] = both
    return [bound for bound in found.values() if bound.outside]


def base() -> dict[str, Any]:
    """A request with nothing but what is required. Whoever sends it puts a served model in."""
    return {"model": "", "messages": [{"role": "user", "content": "Say: gold."}], **FRUGAL}


def _of(site: Site) -> Iterator[Bound]:
    """The bounds of a site, and of all sites within it."""
    schema, name = contract.resolve(site.schema), f"`{site.path}`"
    if site.required:
        yield site.bound("missing", f"{name} is required.", MISSING if "." not in site.path else ANY, [], [LEFT])
    yield _typed(site, schema)
    if "discriminator" in schema:
        yield _tags(site, schema)
    for alternative in schema_samples.alternatives(schema):
        yield from _limits(site, alternative, name)
        yield from _within(site, alternative)


def _typed(site: Site, schema: dict[str, Any]) -> Bound:
    """That a value is of its type. A null is tried only where there must be a value: elsewhere it may pass as none."""
    types = {inner.get("type", "object") for inner in schema_samples.alternatives(schema)}
    candidates = [*OUT_OF_PLACE, *([None] if site.required else [])]
    wrong = [value for value in candidates if not types & schema_samples.types_of(value)]
    return site.bound("wrong_type", f"`{site.path}` is {schema_samples.in_words(types)}.", FORM, [], wrong)


def _limits(site: Site, schema: dict[str, Any], name: str) -> Iterator[Bound]:
    match schema.get("type"):
        case "integer" | "number" as kind:
            yield from _range(site, schema, name, step=1 if kind == "integer" else 0.01)
        case "string" if "const" in schema:
            wrong = ["no-such-value", "", schema["const"].upper()]
            yield site.bound("value", f"{name} is {schema['const']}.", EITHER, [], wrong)
        case "string":
            yield from _text(site, schema, name)
        case "array":
            sample = schema_samples.sample(schema["items"])
            for key, word, beyond in (("minItems", "at least", -1), ("maxItems", "at most", 1)):
                if (count := schema.get(key)) is not None:
                    inside, outside = [[sample] * count], [[sample] * (count + beyond)]
                    kind = _snake(key)
                    entries = "entry" if count == 1 else "entries"
                    yield site.bound(kind, f"{name} has {word} {count} {entries}.", ANY, inside, outside)


def _range(site: Site, schema: dict[str, Any], name: str, step: float) -> Iterator[Bound]:
    for key, word, sign in (("minimum", "at least", -1), ("maximum", "at most", 1)):
        if (limit := schema.get(key)) is not None:
            outside = [limit + sign * step, limit + sign, limit + sign * 1000]
            yield site.bound(key, f"{name} is {word} {limit}.", EITHER, [limit, limit - sign * step], outside)


def _text(site: Site, schema: dict[str, Any], name: str) -> Iterator[Bound]:
    if (most := schema.get("maxLength")) is not None:
        says = f"{name} has at most {most} characters."
        yield site.bound("max_length", says, EITHER, ["x" * most, "é" * most], ["x" * (most + 1), "x" * (most * 10)])
    if "enum" in schema:
        values = schema["enum"]
        wrong = ["no-such-value", values[0].upper(), f" {values[0]}", values[0] + "s"]
        # Whether `required` is a choice depends on the model; it has a rule of its own.
        accepted = [value for value in values if value != "required"]
        yield site.bound("value", f"{name} is one of {', '.join(values)}.", EITHER, accepted, wrong)
    if "pattern" in schema:
        yield site.bound("form", f"{name} is an https address or a data: image.", EITHER, [PIXEL], UNMATCHED)


def _within(site: Site, schema: dict[str, Any]) -> Iterator[Bound]:
    if schema.get("type") == "array":
        yield from _items(site, schema)
    elif schema.get("type") == "object" and schema.get("properties"):
        for member in _members(_as_alternative(site, schema)):
            yield from _of(member)


def _items(site: Site, schema: dict[str, Any]) -> Iterator[Bound]:
    items = contract.resolve(schema["items"])
    inner = Site(f"{site.path}[]", items, lambda value: site.place([value]), in_union=site.in_union)
    tag = items.get("discriminator", {}).get("propertyName")
    if tag is None:
        yield from _of(inner)
        return
    yield _typed(replace(inner, required=True), {"type": "object"})
    for alternative in items["oneOf"]:
        yield from _tagged(inner, site.path, tag, contract.resolve(alternative))
    yield _tags(inner, items)


def _tags(site: Site, schema: dict[str, Any]) -> Bound:
    """That the member which tells the alternatives of a union apart has a known value."""
    tag, values = schema["discriminator"]["propertyName"], list(schema["discriminator"]["mapping"])
    good = [schema_samples.sample(alternative) for alternative in schema["oneOf"]]
    wrong = [{**good[0], tag: value} for value in ("no-such-value", "", values[0].upper())]
    return site.bound(f"{tag}.value", f"`{site.path}.{tag}` is one of {', '.join(values)}.", ANY, good, wrong)


def _tagged(inner: Site, path: str, tag: str, schema: dict[str, Any]) -> Iterator[Bound]:
    """The members of one alternative of a union that is told apart by a tag."""
    name = schema["properties"][tag]["const"]
    site = Site(f"{path}[{name}]", schema, inner.place, in_union=True)
    for member in _members(site):
        if member.path.endswith(f".{tag}"):
            continue
        # Parts are the same wherever they stand; they are taken apart in one place.
        yield from _of(member) if name == "user" or not member.path.endswith(".content") else _outline(member)


def _outline(site: Site) -> Iterator[Bound]:
    """The bounds of a site, without those of what is in it."""
    if site.required:
        yield site.bound("missing", f"`{site.path}` is required.", ANY, [], [LEFT])
    yield _typed(site, contract.resolve(site.schema))


def _members(site: Site) -> Iterator[Site]:
    """The members of an object, each placed in an otherwise good object."""
    sample = base() if not site.path else schema_samples.sample(site.schema)
    for name, schema in site.schema["properties"].items():
        yield Site(
            f"{site.path}.{name}".removeprefix("."),
            schema,
            _placing(site.place, sample, name),
            name in site.schema.get("required", ()),
            site.in_union,
        )


def _placing(place: Place, sample: dict[str, Any], name: str) -> Place:
    def placed(value: Any) -> dict[str, Any]:
        others = {key: member for key, member in sample.items() if key != name}
        return place(others if value is LEFT else {**others, **_companions(name), name: value})

    return placed


def _companions(name: str) -> dict[str, Any]:
    """What a member is of no use without."""
    tool = {"type": "function", "function": {"name": FUNCTION, "parameters": OPEN_SCHEMA}}
    needed: dict[str, dict[str, Any]] = {
        "tool_choice": {"tools": [tool]},
        "top_logprobs": {"logprobs": True},
        "stream_options": {"stream": True},
    }
    return needed.get(name, {})


def _as_alternative(site: Site, schema: dict[str, Any]) -> Site:
    in_union = site.in_union or schema_samples.alternatives(contract.resolve(site.schema)) != [schema]
    return Site(site.path, schema, site.place, site.required, in_union)


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()

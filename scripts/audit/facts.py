"""Owns the terms in which a page and the spec are compared: fields with types and facts; reads neither of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

# What is compared one by one; each is a keyword of JSON Schema.
KEYWORDS = (
    *("minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum", "minLength", "maxLength"),
    *("minItems", "maxItems", "pattern", "format", "enum", "default"),
)


class Kind(StrEnum):
    """What a difference is."""

    MISSING_IN_SPEC = "missing in the spec"
    MISSING_IN_PAGE = "missing in the page"
    DIFFERENT = "different"
    INVALID = "invalid"


@dataclass(frozen=True)
class Fact:
    """One keyword of a field, with the line of the page or the pointer of the spec that states it."""

    value: Any
    line: int = 0
    pointer: str = ""


@dataclass
class Field:
    """A parameter, header or member, as one of the two sides states it. No types means that it does not tell."""

    name: str
    types: frozenset[str] = frozenset()
    required: bool = False
    facts: dict[str, Fact] = field(default_factory=dict)
    line: int = 0
    pointer: str = ""
    examples: list[Fact] = field(default_factory=list)
    # An open enum lists values and allows all others too.
    is_open: bool = False
    schema: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Difference:
    """One thing that a page and the spec do not agree upon."""

    kind: Kind
    page: str
    line: int
    operation: str
    pointer: str
    about: str  # type, required, sample, one of KEYWORDS, or the thing itself that is missing
    text: str
    reason: str = ""  # why it is accepted; empty where it is not

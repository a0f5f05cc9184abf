"""The terms in which a page and the spec are compared: fields with types and facts, and differences."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

# The keywords of JSON Schema that are compared.
KEYWORDS = (
    *("minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum", "minLength", "maxLength"),
    *("minItems", "maxItems", "pattern", "format", "enum", "default"),
)


class Kind(StrEnum):
    """The kind of a difference."""

    MISSING_IN_SPEC = "missing in the spec"
    MISSING_IN_PAGE = "missing in the page"
    DIFFERENT = "different"
    INVALID = "invalid"


@dataclass(frozen=True)
class Fact:
    """A value, with the line of the page or the pointer of the spec that states it."""

    value: Any
    line: int = 0
    pointer: str = ""


@dataclass
class Field:
    """A parameter, header or member, as a page or the spec states it. No types means any."""

    name: str
    types: frozenset[str] = frozenset()
    required: bool = False
    facts: dict[str, Fact] = field(default_factory=dict)
    line: int = 0
    pointer: str = ""
    examples: list[Fact] = field(default_factory=list)
    deprecated: bool = False
    # An open enum lists values and allows others.
    is_open: bool = False
    # A union of members of different types, which pages print as `object`.
    is_union: bool = False
    # Lines of the description.
    prose: list[Fact] = field(default_factory=list)
    schema: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Difference:
    """One thing on which a page and the spec disagree."""

    kind: Kind
    page: str
    line: int
    operation: str
    pointer: str
    about: str  # type, required, sample, one of KEYWORDS, or what is missing
    text: str
    reason: str = ""  # why it is accepted; empty if it is not

"""Makes strings and numbers that are valid under a JSON Schema."""

import math
import random
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

import rstr

from aurous_mock.generation.schema_merging import TooLarge, Unsatisfiable

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
_LONGEST_TEXT: Final = 10_000
_MOST_MATCHED: Final = 100_000
# An escape or a character class is skipped whole, so that only real quantifiers match.
_QUANTIFIER: Final = re.compile(r"\\.|\[(?:\\.|[^\]\\])*\]|[*+]|\{(\d+)(,?)(\d*)\}")


def fake_string(node: Mapping[str, Any], rng: random.Random) -> str:
    """A string of the length, pattern or format that a schema has."""
    low, high = int(node.get("minLength", 0)), int(node.get("maxLength", 24))
    if low > _LONGEST_TEXT:
        raise TooLarge(f"minLength {low} is more than this server is willing to write")
    if "pattern" in node:
        return fake_match(str(node["pattern"]), low, rng)
    if node.get("format") in _FORMATS:
        return rng.choice(_FORMATS[node["format"]])
    text = rng.choice(WORDS)
    while len(text) < low:
        text += " " + rng.choice(WORDS)
    return text[: max(low, high)]


def fake_match(pattern: str, least: int, rng: random.Random) -> str:
    """A text of at least `least` characters that matches a pattern."""
    try:
        text = rstr.Rstr(rng).xeger(_bounded(pattern, max(4, least)))
    except (ArithmeticError, LookupError, RecursionError, TypeError, ValueError, re.error) as error:
        raise Unsatisfiable(f"no text can be made for the pattern {pattern!r}") from error
    # A pattern without an end is fulfilled by any longer text too.
    return text if pattern.endswith("$") else text.ljust(least, "x")


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


def fake_number(node: Mapping[str, Any], rng: random.Random, *, is_whole: bool) -> int | float:
    """A number within the bounds of a schema, and a multiple as it says."""
    step = Decimal(str(node.get("multipleOf", 1)))
    low, high = _bounds(node)
    if low is None and high is None and "multipleOf" not in node:
        return rng.randint(1, 99) if is_whole else rng.randint(10, 999) / 10
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
    return _plain(rng.randint(int(first), int(last)) * step)


def _bounds(node: Mapping[str, Any]) -> tuple[Decimal | None, Decimal | None]:
    lows = [Decimal(str(node[name])) for name in ("minimum", "exclusiveMinimum") if name in node]
    highs = [Decimal(str(node[name])) for name in ("maximum", "exclusiveMaximum") if name in node]
    return max(lows, default=None), min(highs, default=None)


def _plain(number: Decimal) -> int | float:
    return int(number) if number == number.to_integral_value() else float(number)

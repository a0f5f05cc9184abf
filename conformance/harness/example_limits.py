"""How many generated requests the properties send to operations that have a rate limit of their own."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import hypothesis
import pytest

from harness.contract import RateClass
from harness.settings import Profile

# Beyond the burst, a thorough run sends what a class allows in this time; others do not wait.
MINUTES = {Profile.QUICK: 0, Profile.DEFAULT: 0, Profile.THOROUGH: 10}
# The decorators of Hypothesis keep a test's examples and settings in these attributes.
EXAMPLES = "hypothesis_explicit_examples"
SETTINGS = "_hypothesis_internal_use_settings"

Property = Callable[..., Any]


def limit_examples(items: Iterable[pytest.Item], limits: Mapping[str, RateClass], profile: Profile) -> None:
    """Thin out the examples of the properties of each rate class, so that together they stay within its limit.

    Whatever a run sends beyond the limit has to wait, at the cost of everything that is tested later. `limits` are
    by operation, as `POST /v1/...`.
    """
    properties: defaultdict[RateClass, list[Property]] = defaultdict(list)
    for item in items:
        limit = limits.get(getattr(item, "operation_label", ""))
        if limit is not None:
            properties[limit].append(getattr(item, "obj"))  # noqa: B009 (an Item need not have one)
    for limit, members in properties.items():
        allowed = limit.burst + MINUTES[profile] * limit.per_minute
        planned = sum(len(_examples(each)) + _fuzzed(each) for each in members)
        if planned > allowed:
            for each in members:
                _thin_out(each, allowed / planned)


def _thin_out(test: Property, share: float) -> None:
    """Keep this share of a property's examples, and one at least.

    They stand in the order of the parameters that they vary, documented ones first: taken at even distances, they
    still vary all.
    """
    examples = _examples(test)
    kept = max(1, int(len(examples) * share))
    examples[:] = [examples[number * len(examples) // kept] for number in range(kept)] if examples else []
    if _fuzzed(test):
        settings: hypothesis.settings = getattr(test, SETTINGS)
        setattr(test, SETTINGS, hypothesis.settings(settings, max_examples=max(1, int(_fuzzed(test) * share))))


def _examples(test: Property) -> list[Any]:
    examples: list[Any] = getattr(test, EXAMPLES, [])
    return examples


def _fuzzed(test: Property) -> int:
    """How many examples Hypothesis generates when the test runs."""
    settings: hypothesis.settings = getattr(test, SETTINGS)
    return settings.max_examples if hypothesis.Phase.generate in settings.phases else 0

"""The list of rules: ids, whether they are required, their pages and sentences."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from harness.results import counted
from harness.rules import Rule


def lines(rules: Iterable[Rule]) -> Iterator[str]:
    """A line for each rule, sorted by id, and their number."""
    by_id = {rule.id: rule for rule in rules}
    yield ""
    for name, rule in sorted(by_id.items()):
        yield f"{name:<46} {rule.level.value:<13} {rule.page}\n    {rule.sentence}"
    yield f"\n{counted(len(by_id), 'rule')}. `--rule ID` runs one of them; a pattern such as `stream.*` several."

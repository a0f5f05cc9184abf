"""What a run would send and cost, by what a rehearsal against the mock has measured."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from harness.results import RunResults, counted
from harness.settings import Profile

TABLE = Path(__file__).with_name("costs.json")
# Requests and credits of a rule.
Cost = tuple[int, float]


def lines(profile: Profile, patterns: Sequence[str]) -> Iterator[str]:
    """The cost of each rule that one of the patterns matches, or of all rules, and the sum. Nothing is sent."""
    costs = recorded(profile)
    if not costs:
        yield f"no run of the profile {profile.value} has been measured; --rehearse measures it against the mock"
        return
    selected = {
        name: cost
        for name, cost in costs.items()
        if not patterns or any(fnmatchcase(name, pattern) for pattern in patterns)
    }
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in costs):
            yield f"--rule {pattern}: no rule of this name has been measured; --rehearse measures it"
    yield from _table(selected)
    yield "Measured against the mock: a live server answers at other lengths. Nothing was sent."


def rehearsed(results: RunResults) -> Iterator[str]:
    """The costs of a run that was rehearsed against the mock."""
    yield from _table(costs_of(results))
    yield "Rehearsed against the mock: a live server answers at other lengths. Nothing was sent to it."


def recorded(profile: Profile) -> dict[str, Cost]:
    """The measured costs of each rule, by its id."""
    table: dict[str, dict[str, Cost]] = json.loads(TABLE.read_text(encoding="utf-8"))
    return table.get(profile.value, {})


def record(profile: Profile, results: RunResults, *, is_whole: bool) -> None:
    """Write the costs that a rehearsal measured for `lines`; one that `is_whole` replaces all rules of the profile.

    Raises OSError, which leaves the earlier ones as they are.
    """
    table = json.loads(TABLE.read_text(encoding="utf-8")) if TABLE.exists() else {}
    known = {} if is_whole else table.get(profile.value, {})
    table[profile.value] = dict(sorted({**known, **costs_of(results)}.items()))
    rows = {name: "{\n" + ",\n".join(_row(*row) for row in costs.items()) + "\n}" for name, costs in table.items()}
    text = ",\n".join(f"{json.dumps(name)}: {costs}" for name, costs in sorted(rows.items()))
    written = TABLE.with_suffix(".new")
    try:
        written.write_text("{\n" + text + "\n}\n", encoding="utf-8")
        written.replace(TABLE)
    finally:
        written.unlink(missing_ok=True)


def costs_of(results: RunResults) -> dict[str, Cost]:
    return {
        result.rule.id: (
            sum(check.requests for check in result.checks),
            round(sum(check.credits for check in result.checks), 4),
        )
        for result in results
    }


def _row(name: str, cost: Cost) -> str:
    return f"{json.dumps(name)}: {json.dumps(cost)}"


def _table(costs: dict[str, Cost]) -> Iterator[str]:
    for name, (requests, credits) in costs.items():
        yield f"  {name:<42} {counted(requests, 'request'):>14}  {credits:>9.4f} credits"
    requests, credits = sum(cost[0] for cost in costs.values()), sum(cost[1] for cost in costs.values())
    yield ""
    sent = f"{counted(len(costs), 'rule')}, {counted(requests, 'request')}"
    yield f"{sent}, about {credits:.2f} credits at the documented day-one rates."

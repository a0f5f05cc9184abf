"""What a run would send and cost, rehearsed against the mock."""

from __future__ import annotations

from collections.abc import Iterator

from harness.results import RunResults


def lines(results: RunResults) -> Iterator[str]:
    """By rule, how many requests it sends and what they would cost at the mock's rates."""
    requests, cost = 0, 0.0
    for result in results:
        sent = sum(check.requests for check in result.checks)
        charged = sum(check.credits for check in result.checks)
        requests, cost = requests + sent, cost + charged
        yield f"  {result.rule.id:<42} {sent:>5} requests  {charged:>9.4f} credits"
    yield ""
    yield f"{len(results)} rules, {requests} requests, about {cost:.2f} credits at the documented day-one rates."
    yield "Rehearsed against the mock: a live server answers at other lengths. Nothing was sent to it."

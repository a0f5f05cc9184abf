"""Owns what a run would cost: requests and credits by rule, rehearsed against the mock; sends nothing itself."""

from __future__ import annotations

from collections.abc import Iterator

from harness.results import Verdicts


def lines(verdicts: Verdicts) -> Iterator[str]:
    """The plan of a run: by rule, how many requests it sends and what they would cost at the mock's rates."""
    requests, cost = 0, 0.0
    for verdict in verdicts:
        sent = sum(finding.requests for finding in verdict.findings)
        charged = sum(finding.credits for finding in verdict.findings)
        requests, cost = requests + sent, cost + charged
        yield f"  {verdict.rule.id:<42} {sent:>5} requests  {charged:>9.4f} credits"
    yield ""
    yield f"{len(verdicts)} rules, {requests} requests, about {cost:.2f} credits at the documented day-one rates."
    yield "Rehearsed against the mock: a live server answers at other lengths. Nothing was sent to it."

"""What a trial showed, as a table and as JSON. Only writes it down; `charges` and `receipts` find it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

from resilience.chaos.chaos_run import Evidence
from resilience.chaos.protocol import CallTold, StreamTold


class Finding(msgspec.Struct, frozen=True):
    """One claim, and whether it held."""

    claim: str
    holds: bool
    detail: str = ""


class Verdict(msgspec.Struct, frozen=True):
    """Of one trial."""

    title: str
    figures: dict[str, Any]
    findings: list[Finding]

    @property
    def is_good(self) -> bool:
        return all(finding.holds for finding in self.findings)

    def as_text(self) -> str:
        width = max(map(len, self.figures))
        lines = [self.title, ""]
        for name, value in self.figures.items():
            first, *more = _shown(value)
            lines += [f"  {name:<{width}}  {first}", *(f"  {'':<{width}}  {line}" for line in more)]
        lines.append("")
        for finding in self.findings:
            detail = f": {finding.detail}" if finding.detail else ""
            lines.append(f"  {'holds ' if finding.holds else 'BROKEN'}  {finding.claim}{detail}")
        return "\n".join(lines)


def _shown(value: object) -> list[str]:
    """A figure, or several, as lines."""
    if isinstance(value, dict):
        return [f"{count:>7,}  {name}" for name, count in value.items()] or ["none"]
    return [f"{value:,}" if isinstance(value, (int, float)) else str(value)]


def tell(verdicts: Iterable[Verdict], path: Path | None) -> int:
    """Print each as it comes, and write all as JSON, if there is a path. The exit code: 1 if a claim is broken."""
    told: list[Verdict] = []
    for verdict in verdicts:
        told.append(verdict)
        print(f"\n{verdict.as_text()}\n", flush=True)
    if path:
        path.write_bytes(as_json(told))
    return 0 if all(verdict.is_good for verdict in told) else 1


def as_json(verdicts: Iterable[Verdict]) -> bytes:
    """All of them, as a document."""
    found = [{**msgspec.to_builtins(verdict), "is_good": verdict.is_good} for verdict in verdicts]
    return msgspec.json.format(msgspec.json.encode(found), indent=2) + b"\n"


def circumstances(evidence: Evidence) -> dict[str, Any]:
    """The figures of every trial."""
    return {
        "seconds": round(evidence.seconds, 1),
        "exchanges": evidence.exchanges,
        "of them spoilt": evidence.struck.total(),
        "found no server": evidence.outages,
        "kills (-9)": evidence.kills,
        "spoilt by": dict(sorted(evidence.struck.items())),
    }


def some(things: Iterable[object], most: int = 5) -> str:
    """A few of what broke a claim, for a line."""
    found = [str(thing) for thing in things]
    more = f" and {len(found) - most} more" if len(found) > most else ""
    return ", ".join(found[:most]) + more


def common(evidence: Evidence, latest: float) -> list[Finding]:
    """What is claimed of every trial. latest: seconds that the slowest call took"""
    terms = evidence.terms
    missing = terms.count - evidence.ended
    told: list[CallTold | StreamTold] = [*evidence.calls.values(), *evidence.streams.values()]
    foreign = [f"{one.error} in {one.number} ({one.said})" for one in told if not one.is_typed]
    said = [*evidence.crashes, *([f"{missing} never ended"] if missing else []), *foreign]
    limit = terms.patience.total
    traces = evidence.log.count("Traceback")
    return [
        Finding("each ended, well or in a typed error", not said, some(said)),
        Finding(f"each within its deadline of {limit:g} s", latest <= limit + TOLERANCE, f"the slowest {latest:.2f} s"),
        Finding(
            f"the server was killed {terms.kills} times, and its log has no traceback",
            evidence.kills == terms.kills and not traces,
            f"{evidence.kills} times, {traces} tracebacks",
        ),
    ]


# Seconds that a busy machine may take to notice that a deadline has passed.
TOLERANCE = 1.0

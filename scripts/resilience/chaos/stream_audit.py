"""Holds streams against the server's ledger: each ended with a word on its price, and that word is true. Judges."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import Any

from resilience.chaos.chaos_run import Evidence
from resilience.chaos.protocol import StreamTold
from resilience.report import Finding, Verdict, circumstances, common, some

WHOLE, RECOVERED, OWED, UNKNOWN = "whole", "recovered", "interrupted, receipt owed", "interrupted before its id came"


def judge(evidence: Evidence) -> Verdict:
    """Whether client and server agree on what each stream came to."""
    streams, settled = evidence.streams, evidence.settled
    price = {charge["completion_id"]: Decimal(charge["credits_charged"]) for charge in evidence.charges}
    states = {number: state_of(told) for number, told in streams.items()}
    false = [
        number
        for number, told in streams.items()
        if told.credits is not None and told.credits != price.get(told.id or "", Decimal(0))
    ]
    named = [number for number, told in streams.items() if told.id is not None]
    unsettled = [number for number in named if number not in settled]
    differing = [number for number, found in settled.items() if found.credits != price.get(found.id, Decimal(0))]
    torn = [number for number in named if number in settled and not _reads(streams[number], settled[number].text)]
    unheard = {
        completion_id
        for number, told in streams.items()
        if told.id is None
        for completion_id in evidence.seen.get(number, ())
    }
    known = {told.id for told in streams.values()}
    owed = {told.id for told in streams.values() if told.id is not None and told.credits is None}
    stray = [completion_id for completion_id in price if completion_id not in known and completion_id not in unheard]
    silent = sum((price[completion_id] for completion_id in unheard if completion_id in price), Decimal(0))
    total = sum(price.values(), Decimal(0))
    entered = sum((account.credits for account in evidence.accounts), Decimal(0))
    still = [name for account in evidence.accounts for name in account.unsettled]
    figures: dict[str, Any] = {
        **circumstances(evidence),
        "streams": len(streams),
        "ended": dict(sorted(Counter(states.values()).items())),
        "stream.end": dict(sorted(Counter(str(told.end) for told in streams.values()).items())),
        "recovery": dict(sorted(Counter(told.recovery for told in streams.values() if told.recovery).items())),
        "errors": dict(sorted(Counter(told.error for told in streams.values() if told.error).items())),
        "credits charged": str(total),
        "credits in the clients' ledgers": str(entered),
        "charged before an id came": f"{len(unheard & price.keys()):,} streams, {silent} credits",
    }
    return Verdict(
        f"{len(streams):,} streams, seed {evidence.terms.seed}",
        figures,
        [
            *common(evidence, max((told.elapsed for told in streams.values()), default=0.0)),
            Finding("each receipt is what the server charged, to the digit", not false, some(false)),
            Finding(
                "those without one are what the clients' ledgers call unsettled",
                owed == evidence.unsettled,
                some(owed ^ evidence.unsettled),
            ),
            Finding(
                "so is each record, asked for once all was calm",
                not (differing or unsettled),
                some([*differing, *unsettled]),
            ),
            Finding("what was delivered is how the record reads", not torn, some(torn)),
            Finding("nothing was charged that no stream was", not stray, some(stray)),
            Finding(
                "the clients' ledgers hold all that was charged, less what was cut before its id came",
                entered + silent == total and not still,
                f"{entered} + {silent} of {total}" + f"; open: {some(still)}" * bool(still),
            ),
        ],
    )


def state_of(told: StreamTold) -> str:
    """How a stream ended, and what is known of its price."""
    if told.error is None:
        return RECOVERED if told.recovery else WHOLE
    if told.id is None:
        return UNKNOWN if told.end is not None else f"not opened: {told.error}"
    if told.credits is None:
        return OWED
    return f"interrupted, {told.recovery or 'failed'}, with its receipt"


def _reads(told: StreamTold, text: str) -> bool:
    if told.error is None:
        return told.text == text
    # The record of a server that was killed can be a moment behind what it had sent.
    return text.startswith(told.text) or told.text.startswith(text)

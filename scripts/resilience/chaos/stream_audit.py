"""Compares the streams of a chaos run with the server's ledger: each ended with its true price, or as unsettled."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import Any

from resilience.chaos.chaos_run import Result
from resilience.chaos.common_checks import common_checks, common_figures
from resilience.chaos.protocol import StreamOutcome
from resilience.report import Check, RunReport, summarize

COMPLETE, RECOVERED, UNSETTLED, UNKNOWN = "complete", "recovered", "interrupted, unsettled", "interrupted before its id"


def evaluate(result: Result) -> RunReport:
    """Check that client and server agree on the price of each stream."""
    streams, settled = result.streams, result.settled
    price = {charge["completion_id"]: Decimal(charge["credits_charged"]) for charge in result.charges}
    states = {number: state_of(stream) for number, stream in streams.items()}
    wrong_receipts = [
        number
        for number, stream in streams.items()
        if stream.credits is not None and stream.credits != price.get(stream.id or "", Decimal(0))
    ]
    with_id = [number for number, stream in streams.items() if stream.id is not None]
    unsettled = [number for number in with_id if number not in settled]
    differing = [
        number for number, settlement in settled.items() if settlement.credits != price.get(settlement.id, Decimal(0))
    ]
    wrong_text = [
        number for number in with_id if number in settled and not _has_text(streams[number], settled[number].text)
    ]
    without_id = {
        completion_id
        for number, stream in streams.items()
        if stream.id is None
        for completion_id in result.completions.get(number, ())
    }
    known = {stream.id for stream in streams.values()}
    owed = {stream.id for stream in streams.values() if stream.id is not None and stream.credits is None}
    unknown = [
        completion_id for completion_id in price if completion_id not in known and completion_id not in without_id
    ]
    uncollected = sum((price[completion_id] for completion_id in without_id if completion_id in price), Decimal(0))
    total = sum(price.values(), Decimal(0))
    recorded = sum((ledger.credits for ledger in result.ledgers), Decimal(0))
    open_ids = [name for ledger in result.ledgers for name in ledger.unsettled]
    figures: dict[str, Any] = {
        **common_figures(result),
        "streams": len(streams),
        "ended": dict(sorted(Counter(states.values()).items())),
        "stream.end": dict(sorted(Counter(str(stream.end) for stream in streams.values()).items())),
        "recovery": dict(sorted(Counter(stream.recovery for stream in streams.values() if stream.recovery).items())),
        "errors": dict(sorted(Counter(stream.error for stream in streams.values() if stream.error).items())),
        "credits charged": str(total),
        "credits in the clients' ledgers": str(recorded),
        "charged before the id arrived": f"{len(without_id & price.keys()):,} streams, {uncollected} credits",
    }
    return RunReport(
        f"{len(streams):,} streams, seed {result.config.seed}",
        figures,
        [
            *common_checks(result, max((stream.elapsed for stream in streams.values()), default=0.0)),
            Check("each receipt is exactly what the server charged", not wrong_receipts, summarize(wrong_receipts)),
            Check(
                "streams without a receipt are unsettled in the clients' ledgers",
                owed == result.unsettled,
                summarize(owed ^ result.unsettled),
            ),
            Check(
                "each record retrieved after the run has the charged price",
                not (differing or unsettled),
                summarize([*differing, *unsettled]),
            ),
            Check("the text delivered is the text of the record", not wrong_text, summarize(wrong_text)),
            Check("no charge is without a stream", not unknown, summarize(unknown)),
            Check(
                "the clients' ledgers hold all charges but those of streams cut before their id",
                recorded + uncollected == total and not open_ids,
                f"{recorded} + {uncollected} of {total}" + f"; unsettled: {summarize(open_ids)}" * bool(open_ids),
            ),
        ],
    )


def state_of(stream: StreamOutcome) -> str:
    """How a stream ended, and whether its price is known."""
    if stream.error is None:
        return RECOVERED if stream.recovery else COMPLETE
    if stream.id is None:
        return UNKNOWN if stream.end is not None else f"not opened: {stream.error}"
    if stream.credits is None:
        return UNSETTLED
    return f"interrupted, {stream.recovery or 'failed'}, with receipt"


def _has_text(stream: StreamOutcome, text: str) -> bool:
    if stream.error is None:
        return stream.text == text
    # The record of a killed server can be a moment behind what it had sent.
    return text.startswith(stream.text) or stream.text.startswith(text)

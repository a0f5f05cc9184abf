"""Compares the streams of a chaos run with the server's ledger: each ended with its true price, or as unsettled."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from resilience.chaos.chaos_run import Result
from resilience.chaos.common_checks import common_checks, common_figures
from resilience.chaos.protocol import StreamOutcome
from resilience.report import Check, RunReport, summarize

COMPLETE, RECOVERED, UNSETTLED, UNKNOWN = "complete", "recovered", "interrupted, unsettled", "interrupted before its id"


def evaluate(result: Result) -> RunReport:
    """Check that client and server agree on the price of each stream."""
    streams = result.streams
    prices = _prices(result)
    owed = {stream.id for stream in streams.values() if stream.id is not None and stream.credits is None}
    wrong_receipts = [
        number
        for number, stream in streams.items()
        if stream.credits is not None and stream.credits != prices.get(stream.id or "", Decimal(0))
    ]
    wrong_records, wrong_text = _wrong_records(result), _wrong_text(result)
    known = {stream.id for stream in streams.values()} | _cut_before_their_id(result)
    unknown = [completion_id for completion_id in prices if completion_id not in known]
    total, recorded, uncollected = _total(result), _recorded(result), _uncollected(result)
    open_ids = [name for ledger in result.ledgers for name in ledger.unsettled]
    return RunReport(
        f"{len(streams):,} streams, seed {result.config.seed}",
        {**common_figures(result), **_figures(result)},
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
                not wrong_records,
                summarize(wrong_records),
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


def _figures(result: Result) -> dict[str, Any]:
    streams = result.streams.values()
    cut = len(_cut_before_their_id(result) & _prices(result).keys())
    return {
        "streams": len(streams),
        "ended": _counted(map(state_of, streams)),
        "stream.end": _counted(str(stream.end) for stream in streams),
        "recovery": _counted(stream.recovery for stream in streams if stream.recovery),
        "errors": _counted(stream.error for stream in streams if stream.error),
        "credits charged": str(_total(result)),
        "credits in the clients' ledgers": str(_recorded(result)),
        "charged before the id arrived": f"{cut:,} streams, {_uncollected(result)} credits",
    }


def _counted(values: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(values).items()))


def _prices(result: Result) -> dict[str, Decimal]:
    """What the server charged for each completion."""
    return {charge["completion_id"]: Decimal(charge["credits_charged"]) for charge in result.charges}


def _total(result: Result) -> Decimal:
    return sum(_prices(result).values(), Decimal(0))


def _recorded(result: Result) -> Decimal:
    return sum((ledger.credits for ledger in result.ledgers), Decimal(0))


def _uncollected(result: Result) -> Decimal:
    """What was charged for streams that broke off before the client knew their id."""
    cut = _cut_before_their_id(result)
    return sum((price for completion_id, price in _prices(result).items() if completion_id in cut), Decimal(0))


def _cut_before_their_id(result: Result) -> set[str]:
    """The completions of these streams, which the proxy has seen."""
    cut = (number for number, stream in result.streams.items() if stream.id is None)
    return {completion_id for number in cut for completion_id in result.completions.get(number, ())}


def _wrong_records(result: Result) -> list[int]:
    """The streams whose record, retrieved after the run, has another price than was charged; and those without one."""
    prices, settled = _prices(result), result.settled
    differing = [number for number, one in settled.items() if one.credits != prices.get(one.id, Decimal(0))]
    return [*differing, *(number for number in _with_id(result) if number not in settled)]


def _wrong_text(result: Result) -> list[int]:
    streams, settled = result.streams, result.settled
    return [
        number
        for number in _with_id(result)
        if number in settled and not _has_text(streams[number], settled[number].text)
    ]


def _with_id(result: Result) -> list[int]:
    return [number for number, stream in result.streams.items() if stream.id is not None]


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

"""Compares the calls of a chaos run with the server's ledger: each charged exactly once."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import Any

from resilience.chaos.chaos_run import Charge, Result
from resilience.chaos.common_checks import common_checks, common_figures
from resilience.chaos.protocol import CallOutcome, Settlement
from resilience.report import Check, RunReport, summarize


def evaluate(result: Result) -> RunReport:
    """Check that every call was charged exactly once."""
    calls = result.calls
    by_key: dict[str | None, list[Charge]] = {}
    for charge in result.charges:
        by_key.setdefault(charge["idempotency_key"], []).append(charge)
    keys = {call.key for call in calls.values()}
    duplicated = [key for key, entries in by_key.items() if len(entries) > 1]
    missing = sorted(number for number, call in calls.items() if call.key not in by_key)
    unknown = [key for key in by_key if key not in keys]
    wrong = [call.number for call in calls.values() if call.error is None and not _fits(call, by_key.get(call.key, []))]
    false_replays = [call.number for call in calls.values() if call.is_replay and not call.is_derived]
    total, known = _total(result.charges), _known(result)
    return RunReport(
        f"{len(calls):,} calls, seed {result.config.seed}",
        {**common_figures(result), **_figures(result)},
        [
            *common_checks(result, max((call.elapsed for call in calls.values()), default=0.0)),
            Check("no call was charged twice", not duplicated, summarize(duplicated)),
            Check("each completion was charged once, exactly as its receipt says", not wrong, summarize(wrong)),
            Check("no charge is without a call", not unknown, summarize(unknown)),
            Check(
                "repeated under its key, each call is charged exactly once",
                not missing and len(result.charges) == len(calls) == len(keys),
                f"{len(result.charges):,} charges for {len(calls):,} calls"
                + (f"; missing: {summarize(missing)}" * bool(missing)),
            ),
            Check(
                "no call with a key of the client's own is reported as a replay",
                not false_replays,
                summarize(false_replays),
            ),
            Check("the clients' ledgers equal the server's", total == known, f"{known} of {total}"),
        ],
    )


def evaluate_without_keys(result: Result) -> RunReport:
    """Show what the same faults cost without idempotency keys, for contrast."""
    charged = {charge["completion_id"] for charge in result.charges}
    paid = {number: len(result.completions.get(number, set()) & charged) for number in result.calls}
    duplicated = sum(times > 1 for times in paid.values())
    lost = sum(paid[number] > 0 for number, call in result.calls.items() if call.error is not None)
    extra = len(result.charges) - len(result.calls)
    answered = sum((call.credits for call in result.calls.values() if call.credits is not None), Decimal(0))
    total = _total(result.charges)
    figures: dict[str, Any] = {
        **common_figures(result),
        **_endings(result),
        "charges": len(result.charges),
        "calls charged more than once": duplicated,
        "failed calls that were charged": lost,
        "credits charged": str(total),
        "credits of completions received": str(answered),
    }
    return RunReport(
        f"{len(result.calls):,} calls without keys, seed {result.config.seed}, for contrast",
        figures,
        [
            *common_checks(result, max((call.elapsed for call in result.calls.values()), default=0.0)),
            Check(
                "without keys the faults cost credits",
                duplicated > 0 and total > answered,
                f"{extra:+,} charges, {total - answered} credits for completions never received",
            ),
        ],
    )


def _figures(result: Result) -> dict[str, Any]:
    paid = {charge["idempotency_key"] for charge in result.charges_before}
    failed = [call for call in result.calls.values() if call.error is not None]
    return {
        **_endings(result),
        "failed calls, charged before settling": sum(call.key in paid for call in failed),
        "failed calls, not charged before settling": sum(call.key not in paid for call in failed),
        "charges after settling": len(result.charges),
        "credits charged": str(_total(result.charges)),
    }


def _endings(result: Result) -> dict[str, Any]:
    calls = result.calls.values()
    return {
        "calls": len(calls),
        "succeeded": sum(call.error is None for call in calls),
        "failed with a typed error": dict(Counter(call.error for call in calls if call.error is not None)),
        "attempts per call": round(sum(call.attempts for call in calls) / max(len(calls), 1), 3),
        "attempts per success": dict(sorted(Counter(call.attempts for call in calls if call.error is None).items())),
    }


def _fits(call: CallOutcome, charges: list[Charge]) -> bool:
    return [(charge["completion_id"], charge["credits_charged"]) for charge in charges] == [(call.id, call.credits)]


def _total(charges: list[Charge]) -> Decimal:
    return sum((Decimal(charge["credits_charged"]) for charge in charges), Decimal(0))


def _known(result: Result) -> Decimal:
    """What the clients recorded as spent, with the replays that an earlier call had paid for."""
    call: list[CallOutcome | Settlement] = [*result.calls.values(), *result.settled.values()]
    before = sum((one.credits for one in call if one.is_replay and one.credits is not None), Decimal(0))
    return before + sum((ledger.credits for ledger in result.ledgers), Decimal(0))

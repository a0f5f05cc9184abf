"""Holds calls against the server's ledger: each charged once, none twice, none lost. Judges; runs nothing."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import Any

from resilience.chaos.chaos_run import Charge, Evidence
from resilience.chaos.protocol import CallTold, Settled
from resilience.report import Finding, Verdict, circumstances, common, some


def judge(evidence: Evidence) -> Verdict:
    """Whether every call was paid for exactly once."""
    calls = evidence.calls
    by_key: dict[str | None, list[Charge]] = {}
    for charge in evidence.charges:
        by_key.setdefault(charge["idempotency_key"], []).append(charge)
    keys = {told.key for told in calls.values()}
    twice = [key for key, found in by_key.items() if len(found) > 1]
    missing = sorted(number for number, told in calls.items() if told.key not in by_key)
    unknown = [key for key in by_key if key not in keys]
    wrong = [told.number for told in calls.values() if told.error is None and not _fits(told, by_key.get(told.key, []))]
    free = [told.number for told in calls.values() if told.is_replay and not told.is_derived]
    total, known = _total(evidence.charges), _known(evidence)
    return Verdict(
        f"{len(calls):,} calls, seed {evidence.terms.seed}",
        {**circumstances(evidence), **_figures(evidence)},
        [
            *common(evidence, max((told.elapsed for told in calls.values()), default=0.0)),
            Finding("none was charged twice", not twice, some(twice)),
            Finding("each answer was charged once, as its receipt says, to the digit", not wrong, some(wrong)),
            Finding("nothing was charged that was not called", not unknown, some(unknown)),
            Finding(
                "settled under its key, each is charged exactly once",
                not missing and len(evidence.charges) == len(calls) == len(keys),
                f"{len(evidence.charges):,} charges for {len(calls):,} calls"
                + (f"; not {some(missing)}" * bool(missing)),
            ),
            Finding("no answer under a key of the client's own is taken for paid before", not free, some(free)),
            Finding(
                "the clients' ledgers agree with the server's, to the digit", total == known, f"{known} of {total}"
            ),
        ],
    )


def contrast(evidence: Evidence) -> Verdict:
    """What the same faults do where keys are lost on the way. It would prove little if that were nothing."""
    charged = {charge["completion_id"] for charge in evidence.charges}
    paid = {number: len(evidence.seen.get(number, set()) & charged) for number in evidence.calls}
    twice = sum(times > 1 for times in paid.values())
    lost = sum(paid[number] > 0 for number, told in evidence.calls.items() if told.error is not None)
    extra = len(evidence.charges) - len(evidence.calls)
    heard = sum((told.credits for told in evidence.calls.values() if told.credits is not None), Decimal(0))
    total = _total(evidence.charges)
    figures: dict[str, Any] = {
        **circumstances(evidence),
        **_endings(evidence),
        "charges": len(evidence.charges),
        "calls charged more than once": twice,
        "calls charged that ended in an error": lost,
        "credits charged": str(total),
        "credits for answers that came": str(heard),
    }
    return Verdict(
        f"{len(evidence.calls):,} calls without keys, seed {evidence.terms.seed}, for contrast",
        figures,
        [
            *common(evidence, max((told.elapsed for told in evidence.calls.values()), default=0.0)),
            Finding(
                "without keys the faults cost money",
                twice > 0 and total > heard,
                f"{extra:+,} charges, {total - heard} credits for nothing",
            ),
        ],
    )


def _figures(evidence: Evidence) -> dict[str, Any]:
    paid = {charge["idempotency_key"] for charge in evidence.charges_before}
    failed = [told for told in evidence.calls.values() if told.error is not None]
    return {
        **_endings(evidence),
        "errors, charged by then": sum(told.key in paid for told in failed),
        "errors, not charged by then": sum(told.key not in paid for told in failed),
        "charges, all settled": len(evidence.charges),
        "credits charged": str(_total(evidence.charges)),
    }


def _endings(evidence: Evidence) -> dict[str, Any]:
    calls = evidence.calls.values()
    return {
        "calls": len(calls),
        "ended well": sum(told.error is None for told in calls),
        "in a typed error": dict(Counter(told.error for told in calls if told.error is not None)),
        "attempts at the answers": dict(sorted(Counter(told.attempts for told in calls if told.error is None).items())),
    }


def _fits(told: CallTold, charges: list[Charge]) -> bool:
    return [(charge["completion_id"], charge["credits_charged"]) for charge in charges] == [(told.id, told.credits)]


def _total(charges: list[Charge]) -> Decimal:
    return sum((Decimal(charge["credits_charged"]) for charge in charges), Decimal(0))


def _known(evidence: Evidence) -> Decimal:
    """What the clients entered as spent, and what they were told that an earlier call had paid for."""
    told: list[CallTold | Settled] = [*evidence.calls.values(), *evidence.settled.values()]
    before = sum((one.credits for one in told if one.is_replay and one.credits is not None), Decimal(0))
    return before + sum((account.credits for account in evidence.accounts), Decimal(0))

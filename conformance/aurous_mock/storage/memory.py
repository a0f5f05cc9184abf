"""Keeps everything in this process and forgets it at the end; shares nothing."""

import time
from collections import Counter
from dataclasses import dataclass, replace

from aurous_mock.completions.draft import COMPLETED, IN_PROGRESS
from aurous_mock.completions.idempotency import Claim, Entry, Fresh, decide
from aurous_mock.http.rate_limits import BucketState, Change
from aurous_mock.storage.store import Balance, Charge, Closing, Opened, Opening, Record, TooLow, Verdict


@dataclass(frozen=True, slots=True)
class _Kept:
    team: str
    hold: int
    claim: Claim | None
    record: Record


class MemoryStore:
    """A store in dictionaries. No method awaits anything, so each is atomic on its event loop."""

    shared = False

    def __init__(self, endowment: int) -> None:
        self._endowment = endowment
        self._offset = 0.0
        self._clear()

    def _clear(self) -> None:
        self._kept: dict[str, _Kept] = {}
        self._entries: dict[tuple[str, str], Entry] = {}
        self._balances: dict[str, Balance] = {}
        self._charges: list[Charge] = []
        self._counts: Counter[str] = Counter()
        self._rules: list[tuple[int, str]] = []
        self._levels: dict[str, BucketState] = {}

    async def start(self) -> None:
        """Nothing to make ready."""

    async def stop(self) -> None:
        """Nothing to let go of."""

    async def open(self, opening: Opening) -> Verdict:
        claim = opening.claim
        if claim is not None:
            decision = decide(self._entries.get((opening.team, claim.key)), claim, self.now())
            if not isinstance(decision, Fresh):
                return decision
        balance = self._balance(opening.team)
        if balance.credits - balance.held < opening.hold:
            return TooLow(balance.credits - balance.held)
        self._balances[opening.team] = Balance(balance.credits, balance.held + opening.hold)
        if claim is not None:
            entry = Entry(claim.route, claim.fingerprint, opening.id, self.now())
            self._entries[opening.team, claim.key] = entry
        record = Record(opening.id, IN_PROGRESS, opening.streamed, opening.body)
        self._kept[opening.id] = _Kept(opening.team, opening.hold, claim, record)
        return Opened()

    async def close(self, closing: Closing) -> bool:
        kept = self._kept.get(closing.id)
        if kept is None or kept.record.status != IN_PROGRESS:
            return False
        record = Record(closing.id, closing.status, kept.record.streamed, closing.body)
        self._kept[closing.id] = _Kept(kept.team, kept.hold, kept.claim, record)
        balance = self._balance(kept.team)
        # Beyond the hold a charge takes what there is, down to zero; the platform absorbs the rest.
        self._balances[kept.team] = Balance(max(balance.credits - closing.charge, 0), balance.held - kept.hold)
        key = kept.claim.key if kept.claim else None
        if closing.charge:
            self._charges.append(Charge(closing.id, kept.team, closing.status, closing.charge, key, self.now()))
        if key is not None:
            self._answer_key(kept.team, key, closing)
        return True

    def _answer_key(self, team: str, key: str, closing: Closing) -> None:
        entry = self._entries.get((team, key))
        if entry is None or entry.completion_id != closing.id:
            return
        if closing.status == COMPLETED:
            self._entries[team, key] = replace(entry, body=closing.body)
        else:
            del self._entries[team, key]

    async def checkpoint(self, completion_id: str, body: bytes) -> bool:
        return False

    async def ask_to_cancel(self, completion_id: str) -> None:
        """Nobody else could have begun it."""

    async def key(self, team: str, key: str) -> Entry | None:
        return self._entries.get((team, key))

    async def find(self, team: str, completion_id: str) -> Record | None:
        kept = self._kept.get(completion_id)
        return kept.record if kept is not None and kept.team == team else None

    def _balance(self, team: str) -> Balance:
        return self._balances.get(team) or Balance(self._endowment, 0)

    async def balance(self, team: str) -> Balance:
        return self._balance(team)

    async def charges(self) -> list[Charge]:
        return list(self._charges)

    async def count(self, name: str) -> int:
        self._counts[name] += 1
        return self._counts[name] - 1

    async def update_bucket(self, bucket: str, change: Change) -> BucketState:
        level = self._levels[bucket] = change(self._levels.get(bucket))
        return level

    async def add_rule(self, rule: str) -> None:
        self._rules.append((len(self._rules), rule))

    async def rules(self) -> list[tuple[int, str]]:
        return self._rules

    async def reset(self) -> None:
        self._clear()
        self._offset = 0.0

    async def advance(self, seconds: float) -> None:
        self._offset += seconds

    def now(self) -> float:
        return time.time() + self._offset

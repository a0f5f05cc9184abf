"""A store in the memory of this process."""

import time
from collections import Counter
from dataclasses import dataclass, replace

from aurous_mock.completions.draft import COMPLETED, IN_PROGRESS
from aurous_mock.completions.idempotency import Claim, Entry, KeyUnused, decide
from aurous_mock.http.rate_limits import BucketState, Change
from aurous_mock.storage.store import (
    Balance,
    Charge,
    FinishCompletion,
    InsufficientCredits,
    Record,
    StartCompletion,
    Started,
    StartResult,
)


@dataclass(frozen=True, slots=True)
class _Stored:
    team: str
    hold: int
    claim: Claim | None
    record: Record


class MemoryStore:
    """A store in dictionaries. No method awaits anything, so each is atomic on its event loop."""

    shared = False

    def __init__(self, initial_credits: int) -> None:
        self._initial_credits = initial_credits
        self._offset = 0.0
        self._clear()

    def _clear(self) -> None:
        self._completions: dict[str, _Stored] = {}
        self._entries: dict[tuple[str, str], Entry] = {}
        self._balances: dict[str, Balance] = {}
        self._charges: list[Charge] = []
        self._counts: Counter[str] = Counter()
        self._rules: list[tuple[int, str]] = []
        self._buckets: dict[str, BucketState] = {}

    async def start(self) -> None:
        """It has nothing to open."""

    async def stop(self) -> None:
        """It has nothing to close."""

    async def open(self, start: StartCompletion) -> StartResult:
        claim = start.claim
        if claim is not None:
            decision = decide(self._entries.get((start.team, claim.key)), claim, self.now())
            if not isinstance(decision, KeyUnused):
                return decision
        balance = self._balance(start.team)
        if balance.credits - balance.held < start.hold:
            return InsufficientCredits(balance.credits - balance.held)
        self._balances[start.team] = Balance(balance.credits, balance.held + start.hold)
        if claim is not None:
            entry = Entry(claim.route, claim.fingerprint, start.id, self.now())
            self._entries[start.team, claim.key] = entry
        record = Record(start.id, IN_PROGRESS, start.streamed, start.body)
        self._completions[start.id] = _Stored(start.team, start.hold, claim, record)
        return Started()

    async def close(self, finish: FinishCompletion) -> bool:
        stored = self._completions.get(finish.id)
        if stored is None or stored.record.status != IN_PROGRESS:
            return False
        record = Record(finish.id, finish.status, stored.record.streamed, finish.body)
        self._completions[finish.id] = _Stored(stored.team, stored.hold, stored.claim, record)
        balance = self._balance(stored.team)
        # A charge above the hold takes what is left, down to zero; the platform absorbs the rest.
        self._balances[stored.team] = Balance(max(balance.credits - finish.charge, 0), balance.held - stored.hold)
        key = stored.claim.key if stored.claim else None
        if finish.charge:
            self._charges.append(Charge(finish.id, stored.team, finish.status, finish.charge, key, self.now()))
        if key is not None:
            self._finish_key(stored.team, key, finish)
        return True

    def _finish_key(self, team: str, key: str, finish: FinishCompletion) -> None:
        entry = self._entries.get((team, key))
        if entry is None or entry.completion_id != finish.id:
            return
        if finish.status == COMPLETED:
            self._entries[team, key] = replace(entry, body=finish.body)
        else:
            del self._entries[team, key]

    async def checkpoint(self, completion_id: str, body: bytes) -> bool:
        return False

    async def request_cancel(self, completion_id: str) -> None:
        """There are no other servers."""

    async def key(self, team: str, key: str) -> Entry | None:
        return self._entries.get((team, key))

    async def find(self, team: str, completion_id: str) -> Record | None:
        stored = self._completions.get(completion_id)
        return stored.record if stored is not None and stored.team == team else None

    def _balance(self, team: str) -> Balance:
        return self._balances.get(team) or Balance(self._initial_credits, 0)

    async def balance(self, team: str) -> Balance:
        return self._balance(team)

    async def charges(self) -> list[Charge]:
        return list(self._charges)

    async def count(self, name: str) -> int:
        self._counts[name] += 1
        return self._counts[name] - 1

    async def update_bucket(self, bucket: str, change: Change) -> BucketState:
        state = self._buckets[bucket] = change(self._buckets.get(bucket))
        return state

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

"""A store in the memory of this process."""

import time
from collections import defaultdict, deque
from dataclasses import dataclass, replace

from aurous_mock.storage.idempotency import WINDOW, Claim, Entry, KeyUnused, decide
from aurous_mock.storage.retention import COUNTERS, IN_MEMORY, Retention
from aurous_mock.storage.statuses import COMPLETED, IN_PROGRESS
from aurous_mock.storage.store import (
    Balance,
    Charge,
    CheckpointResult,
    FinishCompletion,
    InsufficientCredits,
    Record,
    StartCompletion,
    Started,
    StartResult,
    script_counter,
)
from aurous_mock.storage.token_bucket import BucketState, Change


@dataclass(frozen=True, slots=True)
class _Stored:
    team: str
    hold: int
    claim: Claim | None
    record: Record


class MemoryStore:
    """A store in dictionaries. No method awaits anything, so each is atomic on its event loop."""

    shared = False

    def __init__(self, initial_credits: int, retention: Retention = IN_MEMORY) -> None:
        self._initial_credits = initial_credits
        self._retention = retention
        self._offset = 0.0
        self._clear()

    def _clear(self) -> None:
        self._completions: dict[str, _Stored] = {}
        self._entries: dict[tuple[str, str], Entry] = {}
        self._balances: dict[str, Balance] = {}
        # Of each team, the ids of finished completions and when they finished, oldest first.
        self._finished: defaultdict[str, deque[tuple[float, str]]] = defaultdict(deque)
        # By completion: in the order of the charges.
        self._charges: dict[str, Charge] = {}
        self._counts: dict[str, int] = {}
        self._scripts: dict[int, str] = {}
        self._scripts_added = 0
        self._buckets: dict[str, BucketState] = {}

    async def start(self) -> None:
        """It has nothing to open."""

    async def stop(self) -> None:
        """It has nothing to close."""

    async def start_completion(self, start: StartCompletion) -> StartResult:
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
            self._drop_expired_keys()
            # At the end of the dictionary, which is in the order of the claims.
            self._entries.pop((start.team, claim.key), None)
            self._entries[start.team, claim.key] = Entry(claim.route, claim.fingerprint, start.id, self.now())
        record = Record(start.id, IN_PROGRESS, start.streamed, start.body)
        self._completions[start.id] = _Stored(start.team, start.hold, claim, record)
        return Started()

    async def finish_completion(self, finish: FinishCompletion) -> bool:
        stored = self._completions.get(finish.id)
        if stored is None:
            return False
        if stored.record.status != IN_PROGRESS:
            return (stored.record.status, stored.record.body) == (finish.status, finish.body)
        record = Record(finish.id, finish.status, stored.record.streamed, finish.body)
        self._completions[finish.id] = _Stored(stored.team, stored.hold, stored.claim, record)
        balance = self._balance(stored.team)
        # A charge above the hold takes what is left, down to zero; the platform absorbs the rest.
        self._balances[stored.team] = Balance(max(balance.credits - finish.charge, 0), balance.held - stored.hold)
        key = stored.claim.key if stored.claim else None
        if finish.charge:
            charge = Charge(finish.id, stored.team, finish.status, finish.charge, key, self.now())
            self._charges[finish.id] = charge
        if key is not None:
            self._settle_key(stored.team, key, finish)
        self._finished[stored.team].append((self.now(), finish.id))
        self._sweep(self._finished[stored.team])
        return True

    def _sweep(self, finished: deque[tuple[float, str]]) -> None:
        """Forget what one team need not have any more, with its keys: memory is bounded."""
        count, oldest = self._retention.count, self._retention.oldest(self.now())
        while finished and (finished[0][0] < oldest or (count is not None and len(finished) > count)):
            _, completion_id = finished.popleft()
            stored = self._completions.pop(completion_id)
            self._charges.pop(completion_id, None)
            if stored.claim is not None:
                entry = self._entries.get((stored.team, stored.claim.key))
                if entry is not None and entry.completion_id == completion_id:
                    del self._entries[stored.team, stored.claim.key]

    def _drop_expired_keys(self) -> None:
        while self._entries:
            first = next(iter(self._entries))
            if self.now() - self._entries[first].claimed_at < WINDOW:
                return
            del self._entries[first]

    def _settle_key(self, team: str, key: str, finish: FinishCompletion) -> None:
        entry = self._entries.get((team, key))
        if entry is None or entry.completion_id != finish.id:
            return
        if finish.status == COMPLETED:
            self._entries[team, key] = replace(entry, body=finish.body)
        else:
            del self._entries[team, key]

    async def checkpoint(self, completion_id: str, body: bytes) -> CheckpointResult:
        return CheckpointResult.STORED

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
        return list(self._charges.values())

    async def increment(self, name: str) -> int:
        # At the end of the dictionary, so that the first was not used for longest.
        before = self._counts.pop(name, 0)
        self._counts[name] = before + 1
        if len(self._counts) > COUNTERS:
            del self._counts[next(iter(self._counts))]
        return before

    async def update_bucket(self, bucket: str, change: Change) -> BucketState:
        state = self._buckets[bucket] = change(self._buckets.get(bucket))
        return state

    async def add_script(self, script: str) -> None:
        self._scripts_added += 1
        self._scripts[self._scripts_added] = script

    async def scripts(self) -> list[tuple[int, str]]:
        return list(self._scripts.items())

    async def increment_script(self, number: int, script: str) -> int | None:
        return await self.increment(script_counter(number)) if self._scripts.get(number) == script else None

    async def script_count(self, number: int) -> int:
        return self._counts.get(script_counter(number), 0)

    async def remove_script(self, number: int) -> None:
        self._scripts.pop(number, None)
        self._counts.pop(script_counter(number), None)

    async def reset(self) -> None:
        self._clear()
        self._offset = 0.0

    async def advance(self, seconds: float) -> None:
        self._offset += seconds

    def now(self) -> float:
        return time.time() + self._offset

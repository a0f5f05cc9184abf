"""A store in SQLite or PostgreSQL, for any number of servers.

Each operation is one transaction. SQLite takes its write lock when a transaction begins; PostgreSQL locks rows, always
in the order key, completion, balance, so that there are no deadlocks.
"""

import asyncio
import contextlib
import time
import uuid
from typing import Any

import sqlalchemy as sa

from aurous_mock.storage import statements
from aurous_mock.storage.database import Database
from aurous_mock.storage.group_commit import Rollback
from aurous_mock.storage.idempotency import Claim, Entry, KeyInUse, KeyUnused, Replay, decide
from aurous_mock.storage.leases import LEASE_SECONDS, Leases
from aurous_mock.storage.retention import IN_DATABASE, Retention
from aurous_mock.storage.server_locks import make_server_locks
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
    StoreUnavailable,
    script_counter,
)
from aurous_mock.storage.sweeper import Sweeper
from aurous_mock.storage.tables import balances, buckets, charges, completions, counters, keys, meta, scripts
from aurous_mock.storage.token_bucket import BucketState, Change


class DatabaseStore:
    """A store that survives its servers."""

    shared = True

    def __init__(
        self,
        location: str,
        initial_credits: int,
        durability: str = "full",
        retention: Retention = IN_DATABASE,
    ) -> None:
        self._initial_credits = initial_credits
        self._holder = uuid.uuid4().hex
        self._offset = 0.0
        self.database = Database(location, durability)
        self._locks = make_server_locks(self.database.location, self.database.writer, self._holder)
        self.leases = Leases(self.database, self._holder, self._locks, self._expire)
        self.sweeper = Sweeper(self.database, retention, self.now)
        self._tasks: list[asyncio.Task[None]] = []
        self._transact = self.database.transact
        self._read = self.database.read
        self._insert = self.database.insert
        self._claim_key = statements.claim_key(self._insert)
        self._create_balance = statements.create_balance(self._insert)
        self._create_bucket = statements.create_bucket(self._insert)

    async def start(self) -> None:
        # Each start of a completion reads it again.
        with contextlib.suppress(StoreUnavailable):
            await self._read(self._read_offset)
            await self.database.run(self._locks.acquire)
            await self.leases.report_unfinished()
        self._tasks = [asyncio.create_task(work()) for work in (self.leases.run_forever, self.sweeper.run_forever)]

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.to_thread(self._locks.release)
        await self.database.dispose()

    def now(self) -> float:
        return time.time() + self._offset

    def _read_offset(self, connection: sa.Connection) -> None:
        self._offset = float(connection.execute(statements.CLOCK_OFFSET).scalar_one())

    async def start_completion(self, start: StartCompletion) -> StartResult:
        result = await self._transact(lambda connection: self._start_completion(connection, start))
        if isinstance(result, Started):
            self.leases.held.add(start.id)
        return result

    def _start_completion(self, connection: sa.Connection, start: StartCompletion) -> StartResult:
        self._read_offset(connection)
        if start.claim is not None:
            decision = self._claim(connection, start, start.claim)
            if not isinstance(decision, KeyUnused):
                return decision
        if not self._place_hold(connection, start):
            balance = self._balance(connection, start.team)
            # The claim is rolled back too.
            raise Rollback(InsufficientCredits(balance.credits - balance.held))
        connection.execute(
            sa.insert(completions).values(lease=self.database.clock() + LEASE_SECONDS),
            {
                "id": start.id,
                "team": start.team,
                "status": IN_PROGRESS,
                "streamed": start.streamed,
                "hold": start.hold,
                "body": start.body,
                "key": start.claim.key if start.claim else None,
                "holder": self._holder,
                "cancel_asked": False,
            },
        )
        return Started()

    def _claim(self, connection: sa.Connection, start: StartCompletion, claim: Claim) -> KeyUnused | Replay | KeyInUse:
        values = {
            "route": claim.route,
            "fingerprint": claim.fingerprint,
            "completion_id": start.id,
            "claimed_at": self.now(),
            "body": None,
        }
        here = {"of_team": start.team, "of_key": claim.key}
        row = None
        while row is None:
            first = connection.execute(self._claim_key, {"team": start.team, "key": claim.key, **values})
            if first.first() is not None:
                return KeyUnused()
            # No row if the key was freed between the two statements: claim it again.
            row = connection.execute(statements.LOCK_KEY, here).one_or_none()
        decision = decide(_entry(row), claim, self.now())
        if isinstance(decision, KeyUnused):
            connection.execute(statements.UPDATE_KEY, {**here, **values})
        return decision

    def _place_hold(self, connection: sa.Connection, start: StartCompletion) -> bool:
        hold = {"of_team": start.team, "hold": start.hold}
        if connection.execute(statements.PLACE_HOLD, hold).rowcount == 1:
            return True
        balance = {"team": start.team, "credits": self._initial_credits, "held": 0}
        connection.execute(self._create_balance, balance)
        return connection.execute(statements.PLACE_HOLD, hold).rowcount == 1

    async def finish_completion(self, finish: FinishCompletion) -> bool:
        try:
            finished = await self._transact(lambda connection: self._finish_completion(connection, finish))
        except (StoreUnavailable, asyncio.CancelledError):
            # It is tried again, and the lease renewed until then.
            raise
        except BaseException:
            # What can never be stored is left to the lease, which ends without renewal.
            self.leases.held.discard(finish.id)
            raise
        self.leases.held.discard(finish.id)
        return finished

    async def _expire(self, finish: FinishCompletion) -> bool:
        condition = self.leases.is_expired()
        return await self._transact(lambda connection: self._finish_completion(connection, finish, condition))

    def _finish_completion(
        self, connection: sa.Connection, finish: FinishCompletion, condition: sa.ColumnElement[bool] | None = None
    ) -> bool:
        """Finish a completion that is running, and of which the condition is true."""
        read, update = statements.READ_RUNNING, statements.FINISH_COMPLETION
        if condition is not None:
            read, update = read.where(condition), update.where(condition)
        row = connection.execute(read, {"of_id": finish.id}).one_or_none()
        if row is None:
            return self._was_finished_as(connection, finish)
        here = {"of_team": row.team, "of_key": row.key}
        if row.key is not None and self.database.is_postgresql:
            connection.execute(statements.LOCK_KEY, here)
        values = {"status": finish.status, "body": finish.body, "finished_at": self.now()}
        if connection.execute(update, {"of_id": finish.id, **values}).rowcount != 1:
            return self._was_finished_as(connection, finish)
        connection.execute(statements.SETTLE, {"of_team": row.team, "hold": row.hold, "charge": finish.charge})
        if finish.charge:
            charge = {
                "completion_id": finish.id,
                "team": row.team,
                "status": finish.status,
                "micro": finish.charge,
                "key": row.key,
                "charged_at": self.now(),
            }
            connection.execute(statements.CHARGE, charge)
        if row.key is not None:
            here["of_id"] = finish.id
            if finish.status == COMPLETED:
                connection.execute(statements.UPDATE_OWN_KEY, {**here, "body": finish.body})
            else:
                connection.execute(statements.DELETE_OWN_KEY, here)
        return True

    def _was_finished_as(self, connection: sa.Connection, finish: FinishCompletion) -> bool:
        """Whether it was finished in this way before: the connection may be lost after a commit."""
        row = connection.execute(statements.READ_COMPLETION, {"of_id": finish.id}).one_or_none()
        return row is not None and (row.status, row.body) == (finish.status, finish.body)

    async def checkpoint(self, completion_id: str, body: bytes) -> CheckpointResult:
        def work(connection: sa.Connection) -> CheckpointResult:
            row = connection.execute(statements.CHECKPOINT, {"of_id": completion_id, "body": body}).one_or_none()
            if row is None:
                return CheckpointResult.FINISHED
            return CheckpointResult.CANCEL_REQUESTED if row.cancel_asked else CheckpointResult.STORED

        return await self._transact(work)

    async def request_cancel(self, completion_id: str) -> None:
        here = completions.c.id == completion_id
        await self._transact(
            lambda connection: connection.execute(sa.update(completions).where(here).values(cancel_asked=True))
        )

    async def key(self, team: str, key: str) -> Entry | None:
        def work(connection: sa.Connection) -> Entry | None:
            row = connection.execute(statements.READ_KEY, {"of_team": team, "of_key": key}).one_or_none()
            return None if row is None else _entry(row)

        return await self._read(work)

    async def find(self, team: str, completion_id: str) -> Record | None:
        if "\0" in completion_id:
            # PostgreSQL refuses the character in a text; no id has it.
            return None

        def work(connection: sa.Connection) -> Record | None:
            row = connection.execute(statements.READ_COMPLETION, {"of_id": completion_id}).one_or_none()
            return None if row is None or row.team != team else Record(row.id, row.status, row.streamed, row.body)

        return await self._read(work)

    async def balance(self, team: str) -> Balance:
        return await self._read(lambda connection: self._balance(connection, team))

    def _balance(self, connection: sa.Connection, team: str) -> Balance:
        row = connection.execute(statements.READ_BALANCE, {"of_team": team}).one_or_none()
        return Balance(self._initial_credits, 0) if row is None else Balance(row.credits, row.held)

    async def charges(self) -> list[Charge]:
        def work(connection: sa.Connection) -> list[Charge]:
            rows = connection.execute(sa.select(charges).order_by(charges.c.number)).all()
            return [Charge(row.completion_id, row.team, row.status, row.micro, row.key, row.charged_at) for row in rows]

        return await self._read(work)

    async def increment(self, name: str) -> int:
        return await self._transact(lambda connection: self._increment(connection, name))

    def _increment(self, connection: sa.Connection, name: str) -> int:
        now = self.now()
        fresh = self._insert(counters).values(name=name, count=1, counted_at=now)
        more = {"count": counters.c.count + 1, "counted_at": now}
        counted = fresh.on_conflict_do_update(index_elements=["name"], set_=more)
        return int(connection.execute(counted.returning(counters.c.count)).scalar_one()) - 1

    async def update_bucket(self, bucket: str, change: Change) -> BucketState:
        def work(connection: sa.Connection) -> BucketState:
            here = {"of_name": bucket}
            row = connection.execute(statements.READ_BUCKET, here).one_or_none()
            if row is None:
                connection.execute(self._create_bucket, {"name": bucket})
                row = connection.execute(statements.READ_BUCKET, here).one()
            state = change(None if row.at is None else BucketState(row.amount, row.at))
            connection.execute(statements.UPDATE_BUCKET, {**here, "amount": state.amount, "at": state.at})
            return state

        return await self._transact(work)

    async def add_script(self, script: str) -> None:
        await self._transact(lambda connection: connection.execute(sa.insert(scripts).values(script=script)))

    async def scripts(self) -> list[tuple[int, str]]:
        def work(connection: sa.Connection) -> list[tuple[int, str]]:
            return [(row.number, row.script) for row in connection.execute(statements.SCRIPTS)]

        return await self._read(work)

    async def increment_script(self, number: int, script: str) -> int | None:
        def work(connection: sa.Connection) -> int | None:
            here = (scripts.c.number == number) & (scripts.c.script == script)
            exists = connection.execute(sa.select(scripts.c.number).where(here).with_for_update()).first()
            return None if exists is None else self._increment(connection, script_counter(number))

        return await self._transact(work)

    async def script_count(self, number: int) -> int:
        def work(connection: sa.Connection) -> int:
            counted = sa.select(counters.c.count).where(counters.c.name == script_counter(number))
            return connection.execute(counted).scalar_one_or_none() or 0

        return await self._read(work)

    async def remove_script(self, number: int) -> None:
        def work(connection: sa.Connection) -> None:
            connection.execute(sa.delete(scripts).where(scripts.c.number == number))
            connection.execute(sa.delete(counters).where(counters.c.name == script_counter(number)))

        await self._transact(work)

    async def reset(self) -> None:
        def work(connection: sa.Connection) -> None:
            for table in (completions, keys, balances, charges, counters, scripts, buckets):
                connection.execute(sa.delete(table))
            connection.execute(sa.update(meta).values(clock_offset=0.0))
            self._offset = 0.0

        await self._transact(work)

    async def advance(self, seconds: float) -> None:
        def work(connection: sa.Connection) -> None:
            connection.execute(sa.update(meta).values(clock_offset=meta.c.clock_offset + seconds))
            self._read_offset(connection)

        await self._transact(work)


def _entry(row: sa.Row[Any]) -> Entry:
    return Entry(row.route, row.fingerprint, row.completion_id, row.claimed_at, row.body)

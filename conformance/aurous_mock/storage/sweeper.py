"""Deletes what a shared state need not keep: old completions and charges, expired keys, unused counters."""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa

from aurous_mock.storage.database import Database
from aurous_mock.storage.idempotency import WINDOW
from aurous_mock.storage.retention import COUNTERS, Retention
from aurous_mock.storage.statuses import IN_PROGRESS
from aurous_mock.storage.store import StoreUnavailable
from aurous_mock.storage.tables import balances, charges, completions, counters, keys

_INTERVAL = 60.0
# Rows of one transaction: a sweep must not hold the lock for long.
_BATCH = 1000


class Sweeper:
    """Sweeps one state."""

    def __init__(self, database: Database, retention: Retention, now: Callable[[], float]) -> None:
        self._database = database
        self._retention = retention
        self._now = now

    async def run_forever(self) -> None:
        """Sweep every minute until cancelled."""
        while True:
            # The leases report it; the next sweep deletes what this one left.
            with contextlib.suppress(StoreUnavailable):
                await self.sweep()
            await asyncio.sleep(_INTERVAL)

    async def sweep(self) -> None:
        """Delete everything that has outlived its time."""
        now = self._now()
        finished = completions.c.status != IN_PROGRESS
        running = sa.select(completions.c.id).where(completions.c.status == IN_PROGRESS)
        unused = keys.c.completion_id.not_in(running)
        await self._delete(keys, keys.c.completion_id, (keys.c.claimed_at <= now - WINDOW) & unused)
        if self._retention.days is not None:
            oldest = self._retention.oldest(now)
            await self._delete(completions, completions.c.id, finished & (completions.c.finished_at < oldest))
            await self._delete(charges, charges.c.number, charges.c.charged_at < oldest)
        if self._retention.count is not None:
            for team in await self._teams():
                mine = (completions.c.team == team) & finished
                await self._trim(completions, completions.c.finished_at, mine, self._retention.count)
                await self._trim(charges, charges.c.charged_at, charges.c.team == team, self._retention.count)
        await self._trim(counters, counters.c.counted_at, counters.c.counted_at.is_not(None), COUNTERS)

    async def _teams(self) -> list[str]:
        return await self._database.read(lambda connection: list(connection.scalars(sa.select(balances.c.team))))

    async def _trim(self, table: sa.Table, time: "sa.Column[float]", where: sa.ColumnElement[bool], count: int) -> None:
        """Delete all but the newest `count` rows."""
        key = next(iter(table.primary_key.columns))
        surplus = sa.select(key).where(where).order_by(time.desc(), key.desc()).offset(count)
        await self._delete_selected(table, key, surplus)

    async def _delete(self, table: sa.Table, key: "sa.Column[str]", where: sa.ColumnElement[bool]) -> None:
        await self._delete_selected(table, key, sa.select(key).where(where))

    async def _delete_selected(self, table: sa.Table, key: "sa.Column[str]", rows: sa.Select[Any]) -> None:
        batch = sa.delete(table).where(key.in_(rows.limit(_BATCH)))
        while await self._database.transact(lambda connection: connection.execute(batch).rowcount) == _BATCH:
            pass

"""Leases of running completions: this server renews its own, and fails those of servers that died.

When a server dies its leases expire. The next server that looks fails the completion, which releases its hold and frees
its key.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable

import sqlalchemy as sa

from aurous_mock.completions.draft import FAILED, IN_PROGRESS, mark_abandoned
from aurous_mock.storage.connections import Database
from aurous_mock.storage.store import FinishCompletion, StoreUnavailable
from aurous_mock.storage.tables import completions

LEASE_SECONDS = 4.0
_RENEW_INTERVAL = 1.0


class Leases:
    """The leases of one server. holder: its unique name"""

    def __init__(self, database: Database, holder: str, close: Callable[[FinishCompletion], Awaitable[bool]]) -> None:
        self._database = database
        self._holder = holder
        self._close = close

    async def run_forever(self) -> None:
        """Renew and expire leases until cancelled."""
        while True:
            await asyncio.sleep(_RENEW_INTERVAL)
            try:
                await self.renew()
                await self.expire_abandoned()
            except StoreUnavailable as error:
                # It may be available again before the leases expire.
                print(f"aurous-mock: the state is unavailable: {error}", file=sys.stderr)

    async def renew(self) -> None:
        own = (completions.c.status == IN_PROGRESS) & (completions.c.holder == self._holder)
        renewed = sa.update(completions).where(own).values(lease=self._database.clock() + LEASE_SECONDS)
        await self._database.transact(lambda connection: connection.execute(renewed))

    async def expire_abandoned(self) -> None:
        """Fail the completions whose leases have expired."""
        expired = (completions.c.status == IN_PROGRESS) & (completions.c.lease < self._database.clock())
        query = sa.select(completions.c.id, completions.c.body).where(expired)
        for row in await self._database.transact(lambda connection: connection.execute(query).all()):
            await self._close(FinishCompletion(id=row.id, status=FAILED, body=mark_abandoned(row.body), charge=0))

"""Keeps the completions of this server believed in, and gives up those of servers that died.

A completion that is being made carries a lease, which its server renews. When the server dies the lease runs out, and
whichever server looks next ends the completion as failed: its hold is released, and its key is free.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable

import sqlalchemy as sa

from aurous_mock.completions.draft import FAILED, IN_PROGRESS, abandon
from aurous_mock.storage.connections import Database
from aurous_mock.storage.store import Closing, Unreachable
from aurous_mock.storage.tables import completions

LENGTH = 4.0
_RENEW_EVERY = 1.0


class Leases:
    """The leases of one server, called `holder`."""

    def __init__(self, database: Database, holder: str, close: Callable[[Closing], Awaitable[bool]]) -> None:
        self._database = database
        self._holder = holder
        self._close = close

    async def keep(self) -> None:
        """Renew ours and look after the others', for ever."""
        while True:
            await asyncio.sleep(_RENEW_EVERY)
            try:
                await self.renew()
                await self.give_up()
            except Unreachable as error:
                # It may come back before the leases run out.
                print(f"aurous-mock: the state cannot be reached: {error}", file=sys.stderr)

    async def renew(self) -> None:
        mine = (completions.c.status == IN_PROGRESS) & (completions.c.holder == self._holder)
        renewed = sa.update(completions).where(mine).values(lease=self._database.clock() + LENGTH)
        await self._database.transact(lambda connection: connection.execute(renewed))

    async def give_up(self) -> None:
        """End the completions whose leases have run out."""
        left = (completions.c.status == IN_PROGRESS) & (completions.c.lease < self._database.clock())
        found = sa.select(completions.c.id, completions.c.body).where(left)
        for row in await self._database.transact(lambda connection: connection.execute(found).all()):
            await self._close(Closing(id=row.id, status=FAILED, body=abandon(row.body), charge=0))

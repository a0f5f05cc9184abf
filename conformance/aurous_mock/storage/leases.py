"""Leases of running completions: this server renews its own, and fails those of servers that died.

When a server dies its leases expire, and its lock ends. The next server that looks fails the completion, which releases
its hold and frees its key. A server that is only paused keeps its lock, and its completions while clients may wait.
Where there is no lock, one that was paused itself gives all others time to renew first.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable

import sqlalchemy as sa

from aurous_mock import log
from aurous_mock.storage.database import Database
from aurous_mock.storage.server_locks import ServerLocks
from aurous_mock.storage.statuses import ABANDONED, FAILED, IN_PROGRESS, mark_failed
from aurous_mock.storage.store import FinishCompletion, StoreUnavailable
from aurous_mock.storage.tables import completions

LEASE_SECONDS = 4.0
_RENEW_INTERVAL = 1.0
_PAUSE_SECONDS = LEASE_SECONDS / 2
# A server that has not renewed for so long is given up, paused or not: its clients have left.
LONGEST_PAUSE_SECONDS = 600.0

Clock = Callable[[], float]


class Leases:
    """The leases of one server.

    server: the id of this server
    expire: finishes a completion if its lease is still expired
    """

    def __init__(
        self,
        database: Database,
        server: str,
        locks: ServerLocks,
        expire: Callable[[FinishCompletion], Awaitable[bool]],
    ) -> None:
        self._database = database
        self._server = server
        self._locks = locks
        self._expire = expire
        # A pause shows by either: the monotonic clock may stand still while a virtual machine is paused.
        self.set_clocks(time.monotonic, time.time)
        # The completions that this server has started and not finished.
        self.held: set[str] = set()

    def set_clocks(self, *clocks: Clock) -> None:
        """Watch the others by these clocks from now on."""
        self._clocks = clocks
        self._seen = self._watching_since = self._now()

    async def run_forever(self) -> None:
        """Renew and expire leases until cancelled."""
        while True:
            await asyncio.sleep(_RENEW_INTERVAL)
            try:
                await self.tick()
            except StoreUnavailable as error:
                # It may be available again before the leases expire.
                log.write_line(f"aurous-mock: the state is unavailable: {error}")

    async def tick(self) -> None:
        """Renew the leases of this server; expire others if it has watched them for as long as a lease lasts."""
        self._notice_pause()
        await self._database.run(self._locks.acquire)
        await self.renew()
        # The renewal may have been slow too.
        self._notice_pause()
        if min(self._elapsed(self._watching_since)) >= LEASE_SECONDS:
            await self.expire_abandoned()

    def _now(self) -> tuple[float, ...]:
        return tuple(clock() for clock in self._clocks)

    def _elapsed(self, since: tuple[float, ...]) -> tuple[float, ...]:
        return tuple(now - then for now, then in zip(self._now(), since, strict=True))

    def _notice_pause(self) -> None:
        if max(self._elapsed(self._seen)) > _PAUSE_SECONDS:
            self._watching_since = self._now()
        self._seen = self._now()

    async def renew(self) -> None:
        """Renew the leases of the completions that this server holds."""
        held = list(self.held)
        if held:
            mine = completions.c.id.in_(held) & (completions.c.status == IN_PROGRESS)
            renewed = sa.update(completions).where(mine).values(lease=self._database.clock() + LEASE_SECONDS)
            await self._database.transact(lambda connection: connection.execute(renewed))

    async def expire_abandoned(self) -> None:
        """Fail the completions whose leases have expired, unless their server is only paused."""
        given_up = completions.c.lease < self._database.clock() - LONGEST_PAUSE_SECONDS
        columns = (completions.c.id, completions.c.holder, completions.c.body, given_up.label("given_up"))
        query = sa.select(*columns).where(self.is_expired())
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        paused = {server for server in {row.holder for row in rows} if await self._is_paused(server)}
        failed = 0
        for row in rows:
            if row.given_up or row.holder not in paused:
                body = _mark_failed(row.id, row.body)
                failed += await self._expire(FinishCompletion(id=row.id, status=FAILED, body=body, charge=0))
        if failed:
            its = "its hold" if failed == 1 else "their holds"
            log.write_line(f"aurous-mock: failed {_count(failed)} of a server that is gone, and released {its}")

    async def report_unfinished(self) -> None:
        """Write to the log how many completions of other servers the state has, which may have been killed."""
        query = sa.select(sa.func.count()).where(completions.c.status == IN_PROGRESS)
        unfinished = await self._database.read(lambda connection: int(connection.execute(query).scalar_one()))
        if unfinished:
            message = f"the state has {_count(unfinished, 'unfinished ')}"
            log.write_line(f"aurous-mock: {message}; those of servers that are gone fail within seconds")

    async def _is_paused(self, server: str) -> bool:
        """Whether another server lives, and yet does not renew. What this server does not renew is not running."""
        return server != self._server and await self._database.run(lambda: self._locks.is_locked(server))

    def is_expired(self) -> sa.ColumnElement[bool]:
        """The condition of a completion that nobody renews."""
        return sa.and_(completions.c.status == IN_PROGRESS, completions.c.lease < self._database.clock())


def _count(number: int, kind: str = "") -> str:
    return f"{number} {kind}completion{'' if number == 1 else 's'}"


def _mark_failed(completion_id: str, body: bytes) -> bytes:
    try:
        return mark_failed(body, ABANDONED)
    except (ValueError, LookupError, TypeError):
        # A body that cannot be read must not keep its hold, nor the others from being looked at.
        log.write_line(f"aurous-mock: {completion_id} has a body that cannot be read; it is failed as it is")
        return body

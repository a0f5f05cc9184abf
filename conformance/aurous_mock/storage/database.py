"""Connects to the database of a shared state, and runs transactions off the event loop."""

import asyncio
import os
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError, InterfaceError, NoSuchModuleError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from aurous_mock.errors import SettingsError
from aurous_mock.storage import location, schema
from aurous_mock.storage.group_commit import GroupCommitter, Rollback
from aurous_mock.storage.location import Location
from aurous_mock.storage.store import StoreUnavailable

# How long a transaction waits for the lock of another process on a SQLite file, after the one that waited before it.
_BUSY_SECONDS = 5
# How long PostgreSQL works on a statement, waits for its locks, or waits in a transaction for a server that is paused.
_STATEMENT_SECONDS = 10
_THREADS = 16

T = TypeVar("T")


class Database:
    """A database with its tables. Raises SettingsError if it cannot be used.

    durability: `full` commits survive a power loss, `fast` ones the death of the process only
    """

    def __init__(self, text: str, durability: str = "full") -> None:
        self.location = location.parse(text)
        self.is_postgresql = self.location.url.get_backend_name() == "postgresql"
        try:
            _create_private(self.location)
            self.writer, self._reader = _engines(self.location, durability)
            schema.prepare(self.writer)
        except schema.SchemaError as error:
            raise SettingsError(f"cannot use the state {self.location}: {error}") from error
        except ModuleNotFoundError as error:
            extra = "for postgresql:// without another driver, run: pip install 'aurous-labs[mock-postgres]'"
            raise SettingsError(f"cannot use the state {self.location}: {error.name} is missing; {extra}") from None
        except (SQLAlchemyError, NoSuchModuleError, ImportError, OSError) as error:
            reason = str(getattr(error, "orig", None) or error).splitlines()[0]
            raise SettingsError(f"cannot use the state {self.location}: {self.location.scrub(reason)}") from None
        self._threads = ThreadPoolExecutor(_THREADS, "aurous-mock-state")
        self._group = None if self.is_postgresql else GroupCommitter(self.writer)

    async def transact(self, work: Callable[[sa.Connection], T]) -> T:
        """Run `work` in a transaction that may write. Raises StoreUnavailable if the database does not answer.

        `work` may raise Rollback. A caller that is cancelled does not stop the transaction.
        """
        if self._group is not None:
            return await self._wait(self._group.submit(work))
        return await self._wait(self._threads.submit(_transact, self.writer, work))

    async def read(self, work: Callable[[sa.Connection], T]) -> T:
        """Run `work` in a transaction that only reads: no lock of a writer delays it."""
        return await self._wait(self._threads.submit(_transact, self._reader, work))

    async def run(self, work: Callable[[], T]) -> T:
        """Run `work`, which may use the database, in a thread. Raises StoreUnavailable as `transact` does."""
        return await self._wait(self._threads.submit(work))

    async def _wait(self, future: "Future[T]") -> T:
        try:
            return await asyncio.shield(asyncio.wrap_future(future))
        except (OperationalError, InterfaceError, PoolTimeout) as error:
            raise self._unavailable(error) from error
        except DBAPIError as error:
            if error.connection_invalidated:
                raise self._unavailable(error) from error
            raise
        except OSError as error:
            raise StoreUnavailable(self.location.scrub(str(error))) from error

    def _unavailable(self, error: SQLAlchemyError) -> StoreUnavailable:
        return StoreUnavailable(self.location.scrub(str(getattr(error, "orig", None) or error).strip()))

    async def dispose(self) -> None:
        """Finish running transactions, and close every connection."""
        await asyncio.to_thread(self._dispose)

    def _dispose(self) -> None:
        if self._group is not None:
            self._group.stop()
        self._threads.shutdown()
        self.writer.dispose()
        self._reader.dispose()

    def insert(self, table: sa.Table) -> Any:
        """An INSERT with ON CONFLICT, which is specific to the dialect in SQLAlchemy."""
        return (postgresql if self.is_postgresql else sqlite).insert(table)

    def clock(self) -> Any:
        """Unix seconds for leases: by the clock of the database where several machines share it."""
        return sa.extract("epoch", sa.func.clock_timestamp()) if self.is_postgresql else sa.literal(time.time())


def _transact(engine: sa.Engine, work: Callable[[sa.Connection], T]) -> T:
    try:
        with engine.begin() as connection:
            return work(connection)
    except Rollback as rollback:
        result: T = rollback.result
        return result


def _create_private(where: Location) -> None:
    """Create a missing SQLite file readable by its owner only: it has prompts. SQLite's other files follow its mode."""
    path = where.url.database or ""
    if where.is_sqlite and path and not path.startswith(("file:", ":")):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))


def _engines(where: Location, durability: str) -> tuple[sa.Engine, sa.Engine]:
    """An engine for writing and one for reading."""
    if where.is_sqlite:
        synchronous = "FULL" if durability == "full" else "NORMAL"
        writer = _sqlite_engine(where, "BEGIN IMMEDIATE", ("journal_mode=WAL", f"synchronous={synchronous}"))
        return writer, _sqlite_engine(where, "BEGIN", ("query_only=ON",))
    arguments = _psycopg_arguments(where, durability) if _is_psycopg(where) else {}
    engine = sa.create_engine(
        where.url, pool_pre_ping=True, pool_size=_THREADS, pool_timeout=5, connect_args=arguments, hide_parameters=True
    )
    return engine, engine


def _psycopg_arguments(where: Location, durability: str) -> dict[str, Any]:
    milliseconds = int(_STATEMENT_SECONDS * 1000)
    settings = {"statement_timeout": milliseconds, "idle_in_transaction_session_timeout": milliseconds}
    options = [f"-c {name}={value}" for name, value in settings.items()]
    if durability == "fast":
        options.append("-c synchronous_commit=off")
    # Those of the URL come last, and win.
    options += [str(where.url.query["options"])] if "options" in where.url.query else []
    # A host that disappears must not hold a thread for longer than a client waits.
    return {"connect_timeout": 5, "tcp_user_timeout": milliseconds, "options": " ".join(options)}


def _is_psycopg(where: Location) -> bool:
    return where.url.drivername == "postgresql+psycopg"


def _sqlite_engine(where: Location, begin: str, pragmas: tuple[str, ...]) -> sa.Engine:
    arguments = {"timeout": _BUSY_SECONDS, "isolation_level": None}
    engine = sa.create_engine(where.url, connect_args=arguments, pool_size=_THREADS, hide_parameters=True)

    def configure(connection: Any, _record: Any) -> None:
        for pragma in pragmas:
            connection.execute(f"PRAGMA {pragma}")

    event.listen(engine, "connect", configure)
    # A read transaction could not be upgraded to a write transaction while others write.
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql(begin))
    return engine

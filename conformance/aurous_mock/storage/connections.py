"""Connects to the database of a shared state and runs transactions in threads."""

import asyncio
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import ArgumentError, InterfaceError, NoSuchModuleError, OperationalError, SQLAlchemyError

from aurous_mock.server.settings import SettingsError
from aurous_mock.storage.store import StoreUnavailable
from aurous_mock.storage.tables import SCHEMA, meta

_BUSY_SECONDS = 30

T = TypeVar("T")


class Database:
    """A database with its tables. Raises SettingsError if it cannot be used."""

    def __init__(self, location: str) -> None:
        try:
            self._engine = _connect(location)
            self._postgresql = self._engine.dialect.name == "postgresql"
            self._create()
        except (SQLAlchemyError, ArgumentError, NoSuchModuleError, ImportError, OSError) as error:
            reason = str(getattr(error, "orig", None) or error).splitlines()[0]
            raise SettingsError(f"cannot use the state {redact(location)}: {reason}") from error

    def _create(self) -> None:
        with self._engine.begin() as connection:
            if self._postgresql:
                # Concurrent CREATE TABLE IF NOT EXISTS can fail; the number of the lock is arbitrary.
                connection.execute(sa.text("SELECT pg_advisory_xact_lock(20260515)"))
            SCHEMA.create_all(connection)
            connection.execute(self.insert(meta).values(only=1, clock_offset=0.0).on_conflict_do_nothing())

    async def transact(self, work: Callable[[sa.Connection], T]) -> T:
        """Run `work` in a transaction, in a thread. Raises StoreUnavailable if the database does not answer."""

        def generation() -> T:
            try:
                with self._engine.begin() as connection:
                    return work(connection)
            except (OperationalError, InterfaceError) as error:
                raise StoreUnavailable(str(error.orig).strip()) from error

        # Finish even if the request is cancelled: the transaction may be committed already.
        return await asyncio.shield(asyncio.get_running_loop().run_in_executor(None, generation))

    async def dispose(self) -> None:
        await asyncio.to_thread(self._engine.dispose)

    def insert(self, table: sa.Table) -> Any:
        """An INSERT with ON CONFLICT, which is specific to the dialect in SQLAlchemy."""
        return (postgresql if self._postgresql else sqlite).insert(table)

    def clock(self) -> Any:
        """Unix seconds for leases: by the clock of the database where several machines share it."""
        return sa.extract("epoch", sa.func.clock_timestamp()) if self._postgresql else sa.literal(time.time())


def _connect(location: str) -> sa.Engine:
    """An engine for a database URL, or for the SQLite file of that name."""
    if "://" not in location:
        path = Path(location)
        if path.is_dir() or not path.resolve().parent.is_dir():
            raise OSError(f"{path} cannot be created")
        location = f"sqlite:///{path}"
    url = sa.make_url(location)
    if url.get_backend_name() == "postgresql" and url.drivername == "postgresql":
        url = url.set(drivername="postgresql+psycopg")
    if url.get_backend_name() != "sqlite":
        return sa.create_engine(url, pool_pre_ping=True, pool_size=16, max_overflow=16)
    engine = sa.create_engine(url, connect_args={"timeout": _BUSY_SECONDS, "isolation_level": None})
    event.listen(engine, "connect", _tune)
    # A read transaction could not be upgraded to a write transaction while others write.
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    return engine


def _tune(connection: Any, _record: Any) -> None:
    # A commit survives the death of the process.
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL"):
        connection.execute(f"PRAGMA {pragma}")


def redact(location: str) -> str:
    """A location without its password, for logs."""
    return re.sub(r"(://[^:/@]*):[^@]*@", r"\1:***@", location)

"""Locks that distinguish a paused server from a dead one: each server holds one, which ends with its process.

On SQLite it is a lock on a file beside the state, on PostgreSQL an advisory lock of a session. Without either, as on
Windows, a server whose leases expire counts as dead.
"""

import contextlib
import os
import sys
from pathlib import Path
from typing import Protocol

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from aurous_mock.storage.location import Location

if sys.platform != "win32":
    import fcntl

# When PostgreSQL drops the session, and with it the lock, of a host that disappeared: after 20 s.
_KEEPALIVES = {"tcp_keepalives_idle": 5, "tcp_keepalives_interval": 5, "tcp_keepalives_count": 3}


class ServerLocks(Protocol):
    """The locks of the servers of one state. Its methods block."""

    def acquire(self) -> None:
        """Take this server's lock, unless it has it."""

    def release(self) -> None:
        """Give this server's lock back."""

    def is_locked(self, server: str) -> bool:
        """Whether that server's process lives."""
        ...


def make_server_locks(location: Location, engine: sa.Engine, server: str) -> ServerLocks:
    """The locks of a state, for the server of that id."""
    if not location.is_sqlite:
        return AdvisoryLocks(engine, server)
    if sys.platform == "win32" or not location.url.database:
        return NoLocks()
    return FileLocks(Path(location.url.database), server)


class NoLocks:
    """For a state that cannot be locked: every other server may be dead."""

    def acquire(self) -> None:
        pass

    def release(self) -> None:
        pass

    def is_locked(self, server: str) -> bool:
        return False


class FileLocks:
    """A locked file for each server, beside the file of the state."""

    def __init__(self, state: Path, server: str) -> None:
        self._state = state
        self._server = server
        self._descriptor: int | None = None

    def acquire(self) -> None:
        if self._descriptor is None:
            self._delete_unlocked()
            self._descriptor = self._open_locked(self._path(self._server))

    def release(self) -> None:
        if self._descriptor is not None:
            self._path(self._server).unlink(missing_ok=True)
            os.close(self._descriptor)
            self._descriptor = None

    def is_locked(self, server: str) -> bool:
        path = self._path(server)
        try:
            descriptor = os.open(path, os.O_RDWR)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        else:
            path.unlink(missing_ok=True)
            return False
        finally:
            os.close(descriptor)

    def _open_locked(self, path: Path) -> int:
        while True:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                # Another server may have taken the new file for that of a dead one, and deleted it.
                if path.exists() and os.path.samestat(os.fstat(descriptor), path.stat()):
                    return descriptor
            except BaseException:
                os.close(descriptor)
                raise
            os.close(descriptor)

    def _delete_unlocked(self) -> None:
        """Delete the files that servers left when they were killed."""
        prefix = self._path("").name
        for path in self._state.parent.iterdir():
            if path.name.startswith(prefix):
                self.is_locked(path.name.removeprefix(prefix))

    def _path(self, server: str) -> Path:
        return self._state.with_name(f"{self._state.name}-server-{server}")


class AdvisoryLocks:
    """An advisory lock of PostgreSQL for each server, held by a session that does nothing else."""

    def __init__(self, engine: sa.Engine, server: str) -> None:
        self._engine = engine
        self._server = server
        self._connection: sa.Connection | None = None

    def acquire(self) -> None:
        if self._connection is not None and self._is_usable(self._connection):
            return
        self.release()
        connection = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        # The pool must not lend a session that has a lock.
        connection.detach()
        try:
            for name, value in _KEEPALIVES.items():
                connection.execute(sa.text(f"SET {name} = {value}"))
            connection.execute(sa.select(sa.func.pg_advisory_lock(_number(self._server))))
        except BaseException:
            connection.close()
            raise
        self._connection = connection

    def release(self) -> None:
        if self._connection is not None:
            connection, self._connection = self._connection, None
            # The session may have ended with the database.
            with contextlib.suppress(SQLAlchemyError):
                connection.close()

    def is_locked(self, server: str) -> bool:
        with self._engine.begin() as connection:
            locked = sa.select(sa.func.pg_try_advisory_xact_lock(_number(server)))
            return not connection.execute(locked).scalar_one()

    def _is_usable(self, connection: sa.Connection) -> bool:
        try:
            connection.execute(sa.select(1))
        except SQLAlchemyError:
            return False
        return True


def _number(server: str) -> sa.Cast[int]:
    """The number of a server's lock, from its hexadecimal id."""
    return sa.cast(int(server[:15], 16), sa.BigInteger)

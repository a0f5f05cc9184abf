"""Server locks: a lock lasts as long as the process that took it, on SQLite and on PostgreSQL."""

import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from aurous_mock.storage import location, server_locks
from aurous_mock.storage.server_locks import ServerLocks, make_server_locks
from testkit.conditions import eventually

HOLDER = """
import sys
import sqlalchemy as sa
from aurous_mock.storage import location
from aurous_mock.storage.server_locks import make_server_locks
where = location.parse(sys.argv[1])
locks = make_server_locks(where, sa.create_engine(where.url), sys.argv[2])
locks.acquire()
print("locked", flush=True)
sys.stdin.read()
"""


@pytest.fixture(params=["sqlite", "postgres"])
def state(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return str(tmp_path / "state.db") if request.param == "sqlite" else str(request.getfixturevalue("postgres_server"))


@pytest.fixture
def engine(state: str) -> Iterator[sa.Engine]:
    engine = sa.create_engine(location.parse(state).url)
    yield engine
    engine.dispose()


def locks_of(state: str, engine: sa.Engine, server: str = "") -> ServerLocks:
    return make_server_locks(location.parse(state), engine, server or uuid.uuid4().hex)


def test_server_is_locked_from_acquire_to_release(state: str, engine: sa.Engine) -> None:
    server = uuid.uuid4().hex
    own, other = locks_of(state, engine, server), locks_of(state, engine)
    assert not other.is_locked(server)
    own.acquire()
    own.acquire()
    assert other.is_locked(server)
    own.release()
    own.release()
    # PostgreSQL sees the closed connection a moment later.
    eventually(lambda: not other.is_locked(server))


def test_lock_of_a_killed_process_ends(state: str, engine: sa.Engine) -> None:
    server = uuid.uuid4().hex
    with subprocess.Popen(  # noqa: S603
        [sys.executable, "-c", HOLDER, state, server], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"locked\n"
        other = locks_of(state, engine)
        assert other.is_locked(server)
        process.kill()
    eventually(lambda: not other.is_locked(server))


def test_lock_is_taken_again_after_the_database_ended_its_session(postgres_server: str) -> None:
    engine = sa.create_engine(postgres_server)
    server = uuid.uuid4().hex
    own, other = locks_of(postgres_server, engine, server), locks_of(postgres_server, engine)
    own.acquire()
    end = sa.text("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'")
    with engine.begin() as connection:
        connection.execute(end)
    own.acquire()
    assert other.is_locked(server)
    own.release()
    engine.dispose()


def test_files_of_killed_servers_are_deleted_by_the_next_one(tmp_path: Path) -> None:
    state = str(tmp_path / "state.db")
    (tmp_path / "state.db-server-dead").touch()
    (tmp_path / "state.db-wal").touch()
    engine = sa.create_engine("sqlite://")
    first, second = locks_of(state, engine, "first"), locks_of(state, engine, "second")
    first.acquire()
    second.acquire()
    files = {path.name for path in tmp_path.iterdir()}
    assert files == {"state.db-wal", "state.db-server-first", "state.db-server-second"}
    first.release()
    second.release()
    assert {path.name for path in tmp_path.iterdir()} == {"state.db-wal"}


def test_lock_file_deleted_before_it_was_locked_is_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    state = tmp_path / "state.db"
    path = tmp_path / "state.db-server-own"
    flock, deletions = server_locks.fcntl.flock, iter([path.unlink])

    def delete_first(descriptor: int, operation: int) -> None:
        next(deletions, lambda: None)()
        flock(descriptor, operation)

    monkeypatch.setattr(server_locks.fcntl, "flock", delete_first)
    engine = sa.create_engine("sqlite://")
    own = locks_of(str(state), engine, "own")
    own.acquire()
    monkeypatch.undo()
    assert locks_of(str(state), engine).is_locked("own")
    own.release()

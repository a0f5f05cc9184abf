"""The state as a file or database: durability, locks, versions, and passwords that are not printed."""

import asyncio
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
from aurous_mock.errors import SettingsError
from aurous_mock.server.cli import read
from aurous_mock.server.launcher import running
from aurous_mock.settings import Settings
from aurous_mock.storage import database as database_module
from aurous_mock.storage import location, schema
from aurous_mock.storage.database import Database
from aurous_mock.storage.database_store import DatabaseStore
from aurous_mock.storage.group_commit import GroupCommitter, Rollback
from aurous_mock.storage.store import StoreUnavailable
from mockkit import CREATE, chat, connect
from testkit.conditions import eventually

# The tables as they were before versions were counted.
VERSION_1 = """
CREATE TABLE completions (id TEXT PRIMARY KEY, team TEXT NOT NULL, status TEXT NOT NULL, streamed BOOLEAN NOT NULL,
    hold BIGINT NOT NULL, body {bytes} NOT NULL, key TEXT, holder TEXT NOT NULL, lease DOUBLE PRECISION NOT NULL,
    cancel_asked BOOLEAN NOT NULL);
CREATE TABLE idempotency_keys (team TEXT, key TEXT, route TEXT NOT NULL, fingerprint TEXT NOT NULL,
    completion_id TEXT NOT NULL, claimed_at DOUBLE PRECISION NOT NULL, body {bytes}, PRIMARY KEY (team, key));
CREATE TABLE balances (team TEXT PRIMARY KEY, credits BIGINT NOT NULL, held BIGINT NOT NULL);
CREATE TABLE counters (name TEXT PRIMARY KEY, count INTEGER NOT NULL);
CREATE TABLE rules (number INTEGER PRIMARY KEY, rule TEXT NOT NULL);
CREATE TABLE meta (only {column} INTEGER PRIMARY KEY, clock_offset DOUBLE PRECISION NOT NULL);
INSERT INTO completions VALUES ('cmp_1', 't', 'completed', {false}, 1, 'body', NULL, 'h', 0, {false});
INSERT INTO balances VALUES ('t', 77, 0);
INSERT INTO rules VALUES (1, 'a scripted fault');
INSERT INTO meta VALUES (1, 5.0);
"""


def check_migrated(state: str) -> None:
    async def scenario() -> None:
        for _ in range(2):
            store = DatabaseStore(state, 1000)
            await store.start()
            record = await store.find("t", "cmp_1")
            assert record is not None
            assert record.body == b"body"
            assert (await store.balance("t")).credits == 77
            assert await store.increment("counter") >= 0
            assert await store.scripts() == [(1, "a scripted fault")]
            await store.sweeper.sweep()
            assert await store.find("t", "cmp_1")
            await store.stop()

    asyncio.run(scenario())


def test_unversioned_sqlite_state_is_migrated(tmp_path: Path) -> None:
    state = tmp_path / "state.db"
    with sqlite3.connect(state) as connection:
        connection.executescript(VERSION_1.format(bytes="BLOB", column="", false="0").replace("'body'", "x'626f6479'"))
    connection.close()
    check_migrated(str(state))


def test_unversioned_postgresql_state_is_migrated(postgres: str) -> None:
    engine = sa.create_engine(postgres)
    with engine.begin() as connection:
        for statement in VERSION_1.format(bytes="BYTEA", column="", false="FALSE").replace("only", '"only"').split(";"):
            if statement.strip():
                connection.execute(sa.text(statement))
    engine.dispose()
    check_migrated(postgres)


def test_state_of_a_later_version_is_refused_in_one_line(tmp_path: Path) -> None:
    state = tmp_path / "state.db"
    with sqlite3.connect(state) as connection:
        connection.execute('CREATE TABLE meta ("only" INTEGER PRIMARY KEY, clock_offset FLOAT, schema_version INTEGER)')
        connection.execute("INSERT INTO meta VALUES (1, 0, ?)", (schema.VERSION + 1,))
    connection.close()
    with pytest.raises(SettingsError, match=f"schema version {schema.VERSION + 1}.*upgrade") as refused:
        Database(str(state))
    assert "\n" not in str(refused.value)


def test_state_without_a_column_is_refused_in_one_line(tmp_path: Path) -> None:
    state = tmp_path / "state.db"
    with sqlite3.connect(state) as connection:
        connection.execute("CREATE TABLE completions (id TEXT PRIMARY KEY)")
    connection.close()
    with pytest.raises(SettingsError, match=r"completions\.lease"):
        Database(str(state))


def test_new_state_has_the_version(tmp_path: Path) -> None:
    asyncio.run(Database(str(tmp_path / "state.db")).dispose())
    with sqlite3.connect(tmp_path / "state.db") as connection:
        assert connection.execute("SELECT schema_version FROM meta").fetchone() == (schema.VERSION,)
    connection.close()


@pytest.mark.parametrize(("durability", "synchronous"), [("full", 2), ("fast", 1)])
def test_durability_sets_how_sqlite_commits(tmp_path: Path, durability: str, synchronous: int) -> None:
    async def scenario() -> None:
        database = Database(str(tmp_path / "state.db"), durability)
        pragma = await database.transact(lambda connection: connection.exec_driver_sql("PRAGMA synchronous").scalar())
        journal = await database.transact(lambda connection: connection.exec_driver_sql("PRAGMA journal_mode").scalar())
        await database.dispose()
        assert (pragma, journal) == (synchronous, "wal")

    asyncio.run(scenario())


def test_durability_sets_how_postgresql_commits(postgres: str) -> None:
    async def scenario(durability: str) -> object:
        database = Database(postgres, durability)
        setting = await database.read(
            lambda connection: connection.execute(sa.text("SHOW synchronous_commit")).scalar()
        )
        await database.dispose()
        return setting

    assert [asyncio.run(scenario(durability)) for durability in ("full", "fast")] == ["on", "off"]


@pytest.mark.slow
def test_statement_that_waits_for_a_lock_in_postgresql_times_out(
    postgres: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_module, "_STATEMENT_SECONDS", 2.0)
    blocking = sa.create_engine(postgres)

    async def scenario() -> None:
        store = DatabaseStore(postgres, 1000)
        await store.start()
        with blocking.begin() as connection:
            connection.execute(sa.text("LOCK TABLE balances"))
            with pytest.raises(StoreUnavailable, match="statement timeout"):
                await store.balance("t")
        assert (await store.balance("t")).credits == 1000
        await store.stop()

    asyncio.run(scenario())
    blocking.dispose()


@pytest.mark.slow
def test_idle_transaction_in_postgresql_is_ended(postgres: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database_module, "_STATEMENT_SECONDS", 2.0)
    watching = sa.create_engine(postgres, isolation_level="AUTOCOMMIT")

    def pause(connection: sa.Connection) -> None:
        pid = connection.execute(sa.text("SELECT pg_backend_pid()")).scalar()
        with watching.connect() as watcher:
            query = sa.text("SELECT count(*) FROM pg_stat_activity WHERE pid = :pid")
            eventually(lambda: watcher.execute(query, {"pid": pid}).scalar() == 0)
        connection.execute(sa.text("SELECT 1"))

    async def scenario() -> None:
        database = Database(postgres)
        with pytest.raises(StoreUnavailable):
            await database.transact(pause)
        assert await database.read(lambda connection: connection.execute(sa.text("SELECT 1")).scalar()) == 1
        await database.dispose()

    asyncio.run(scenario())
    watching.dispose()


def test_options_of_a_postgresql_url_win(postgres: str) -> None:
    url = sa.make_url(postgres).set(query={"options": "-c statement_timeout=12345"})

    async def scenario() -> None:
        database = Database(url.render_as_string(hide_password=False), "fast")
        for name, value in {"statement_timeout": "12345ms", "synchronous_commit": "off"}.items():
            show = sa.text(f"SHOW {name}")
            assert await database.read(lambda connection, show=show: connection.execute(show).scalar()) == value  # type: ignore[misc]
        await database.dispose()

    asyncio.run(scenario())


def test_durability_is_full_by_default() -> None:
    assert read([]).durability == Settings().durability == "full"


@pytest.fixture
def committer(tmp_path: Path) -> Iterator[tuple[GroupCommitter, sa.Engine]]:
    database = Database(str(tmp_path / "state.db"))
    engine = database.writer
    committer = GroupCommitter(engine)
    yield committer, engine
    committer.stop()
    asyncio.run(database.dispose())


def insert(name: str) -> Any:
    statement = sa.text("INSERT INTO counters (name, count) VALUES (:name, 0)")
    return lambda connection: connection.execute(statement, {"name": name}) and name


def test_transactions_that_wait_are_committed_together(committer: tuple[GroupCommitter, sa.Engine]) -> None:
    group, engine = committer
    commits: list[object] = []
    sa.event.listen(engine, "commit", commits.append)
    go = threading.Event()
    first = group.submit(lambda connection: go.wait())
    rest = [group.submit(insert(f"n{number}")) for number in range(20)]
    go.set()
    assert first.result()
    assert [future.result() for future in rest] == [f"n{number}" for number in range(20)]
    # The first may have been committed alone.
    assert len(commits) <= 2


def test_failed_transaction_undoes_no_other_of_its_group(committer: tuple[GroupCommitter, sa.Engine]) -> None:
    group, engine = committer
    go = threading.Event()

    def rolled_back(connection: sa.Connection) -> None:
        insert("undone")(connection)
        raise Rollback("refused")

    group.submit(lambda connection: go.wait())
    futures = [group.submit(work) for work in (insert("a"), insert("a"), rolled_back, insert("b"))]
    go.set()
    assert futures[0].result() == "a"
    assert isinstance(futures[1].exception(), sa.exc.IntegrityError)
    assert futures[2].result() == "refused"
    assert futures[3].result() == "b"
    with engine.begin() as connection:
        assert list(connection.scalars(sa.text("SELECT name FROM counters ORDER BY name"))) == ["a", "b"]


def test_held_write_lock_does_not_stop_reads(tmp_path: Path) -> None:
    state = tmp_path / "state.db"
    with running(state=str(state)) as mock, connect(mock) as client:
        made = client.post(CREATE, json=chat()).json()
        lock = sqlite3.connect(state, isolation_level=None)
        lock.execute("BEGIN IMMEDIATE")
        try:
            for path in ("/v1/models", "/v1/balance", f"{CREATE}/{made['id']}", f"{CREATE}/cmp_none", "/_mock/ledger"):
                assert client.get(path).status_code == (404 if path.endswith("none") else 200)
        finally:
            lock.execute("ROLLBACK")
            lock.close()
        assert client.post(CREATE, json=chat()).status_code == 200


def test_unavailable_database_is_503_with_the_envelope(tmp_path: Path) -> None:
    with running(state=str(tmp_path / "state.db")) as mock, connect(mock) as client:

        async def away(*_: object) -> Any:
            raise StoreUnavailable("the database is away")

        mock.server.application.service.store.start_completion = away
        response = client.post(CREATE, json=chat())
        assert (response.status_code, response.headers["retry-after"]) == (503, "1")
        assert response.json()["error"]["type"] == "server_error"


def test_nul_in_an_id_is_not_found(postgres: str, tmp_path: Path) -> None:
    for state in (postgres, str(tmp_path / "state.db"), None):
        with running(state=state) as mock, connect(mock) as client:
            for path in (f"{CREATE}/cmp_%00", f"{CREATE}/%ED%A0%80", f"{CREATE}/cmp_%ff%00x"):
                assert client.get(path).status_code == 404
                assert client.post(f"{path}/cancel").status_code == 404


@pytest.mark.parametrize(
    "url",
    [
        "postgresql+psycopg://mock:sesame@127.0.0.1:9/none",
        "postgresql+psycopg://mock:open%40sesame@127.0.0.1:9/none",
        "postgresql://mock:open@sesame@127.0.0.1:9/none",
        "postgresql://mock:open/sesame@127.0.0.1:9/none",
        "postgresql://mock:12/sesame@127.0.0.1:9/none",
        "postgresql://mock:open#sesame@127.0.0.1:port/none",
        "postgresql://127.0.0.1:9/none?user=mock&password=sesame",
        "postgresql://127.0.0.1:9/none?sslpassword=sesame&password=sesame",
        "postgresql://mock@127.0.0.1:sesame/none",
        "mysterydb://mock:sesame@127.0.0.1/none",
        "://mock:sesame@127.0.0.1/none",
    ],
)
def test_password_of_a_state_is_never_printed(url: str) -> None:
    with pytest.raises(SettingsError) as refused:
        Database(url)
    assert "sesame" not in str(refused.value)
    assert "\n" not in str(refused.value)
    assert "sesame" not in repr(Settings(state=url))


def test_location_prints_and_scrubs_without_secrets() -> None:
    parsed = location.parse("postgresql://mock:open%40sesame@db.example/none?sslpassword=door&sslmode=require")
    assert str(parsed) == "postgresql+psycopg://mock:***@db.example/none?sslmode=require&sslpassword=***"
    assert "sesame" not in repr(parsed)
    assert parsed.scrub("refused: open@sesame, open%40sesame, door") == "refused: ***, ***, ***"


@pytest.mark.parametrize("password", ["e", "er", "ser"])
def test_short_password_is_hidden_where_it_stands_alone(password: str) -> None:
    parsed = location.parse(f"postgresql://mock:{password}@db.example/none")
    assert parsed.scrub("server refused the user") == "server refused the user"
    assert parsed.scrub(f"password={password} (mock:{password}@db)") == "password=*** (mock:***@db)"


def test_settings_show_no_key_or_password() -> None:
    settings = Settings(keys={"al_live_planted": "t"}, upstream_key="planted-too", state="postgresql://u:planted@h/d")
    assert "planted" not in repr(settings)


@pytest.mark.parametrize("seconds", ["1e308", "1e10", "-1", "true", '"1"', "null", "1" + "0" * 400])
def test_clock_refuses_what_is_out_of_range(client: httpx.Client, seconds: str) -> None:
    headers = {"Content-Type": "application/json"}
    refused = client.post("/_mock/clock", content=f'{{"advance": {seconds}}}', headers=headers)
    assert refused.status_code == 400
    assert client.get("/v1/models").status_code == 200


def test_new_state_file_is_readable_by_its_user_alone(tmp_path: Path) -> None:
    state = tmp_path / "state.db"
    store = DatabaseStore(str(state), 1000)
    assert store.database.location.is_sqlite
    modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}
    assert set(modes.values()) == {0o600}, modes
    asyncio.run(store.stop())

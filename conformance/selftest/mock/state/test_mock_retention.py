"""Retention: what a server keeps is bounded, in memory and in a database."""

import asyncio
import gc
import tracemalloc
from pathlib import Path

import httpx
import pytest
import sqlalchemy as sa
from aurous_mock.http import admin
from aurous_mock.server.cli import read
from aurous_mock.server.launcher import running
from aurous_mock.storage.database_store import DatabaseStore
from aurous_mock.storage.idempotency import WINDOW, Claim
from aurous_mock.storage.memory_store import MemoryStore
from aurous_mock.storage.retention import COUNTERS, SECONDS_PER_DAY, Retention
from aurous_mock.storage.store import FinishCompletion, StartCompletion, Store
from mockkit import CREATE, chat, connect

RUNNING = StartCompletion(id="cmp_run", team="t", streamed=True, hold=1, body=b"{}", claim=None)


async def complete(store: Store, number: int, team: str = "t", key: str | None = None) -> None:
    claim = Claim(key, "/route", "fingerprint") if key else None
    completion_id = f"cmp_{number}"
    await store.start_completion(
        StartCompletion(id=completion_id, team=team, streamed=False, hold=1, body=b"{}", claim=claim)
    )
    await store.finish_completion(FinishCompletion(id=completion_id, status="completed", body=b"x" * 2000, charge=1))


@pytest.mark.slow
def test_memory_is_level_over_many_calls() -> None:
    async def scenario() -> None:
        store, sizes = MemoryStore(10**12, Retention(count=200)), []
        for number in range(6000):
            await complete(store, number, key=f"key-{number}")
            await store.increment(f"counter {number}")
            if number in (2999, 5999):
                gc.collect()
                sizes.append(tracemalloc.get_traced_memory()[0])
        # A kept call takes some 3 KB, so that 3,000 kept ones would be 9 MB; the counters take some 300 KB.
        assert sizes[1] - sizes[0] < 1_000_000
        assert len(await store.charges()) == 200

    tracemalloc.start()
    try:
        asyncio.run(scenario())
    finally:
        tracemalloc.stop()


def test_memory_keeps_the_newest_of_each_team_and_what_runs() -> None:
    async def scenario() -> None:
        store = MemoryStore(10**12, Retention(count=2))
        await store.start_completion(RUNNING)
        await complete(store, 100, team="quiet", key="quiet")
        for number in range(5):
            await complete(store, number, key=f"key-{number}")
        kept = [number for number in range(5) if await store.find("t", f"cmp_{number}")]
        assert kept == [3, 4]
        assert [await store.key("t", f"key-{number}") is not None for number in (2, 3)] == [False, True]
        assert await store.find("t", "cmp_run")
        assert await store.find("quiet", "cmp_100")
        assert await store.key("quiet", "quiet")

    asyncio.run(scenario())


def test_memory_drops_expired_keys() -> None:
    async def scenario() -> None:
        store = MemoryStore(10**12, Retention(days=30))
        await complete(store, 1, key="old")
        await store.advance(WINDOW)
        await complete(store, 2, key="new")
        assert await store.key("t", "old") is None
        assert await store.key("t", "new")
        await store.advance(31 * SECONDS_PER_DAY)
        await complete(store, 3)
        assert [charge.completion_id for charge in await store.charges()] == ["cmp_3"]

    asyncio.run(scenario())


def test_counters_in_memory_are_bounded() -> None:
    async def scenario() -> None:
        store = MemoryStore(0)
        for number in range(COUNTERS + 10):
            await store.increment(str(number))
        assert await store.increment("0") == 0
        assert await store.increment(str(COUNTERS)) == 1

    asyncio.run(scenario())


def sweep_scenario(location: str) -> None:
    async def by_age() -> None:
        store = DatabaseStore(location, 10**12, "fast", Retention(days=2))
        await store.start()
        try:
            await store.reset()
            await store.start_completion(RUNNING)
            await complete(store, 1, key="old")
            await store.advance(WINDOW)
            await complete(store, 2, key="new")
            await store.sweeper.sweep()
            assert await store.key("t", "old") is None
            assert await store.key("t", "new")
            assert await store.find("t", "cmp_1")
            await store.advance(1.5 * SECONDS_PER_DAY)
            await store.sweeper.sweep()
            assert await store.find("t", "cmp_1") is None
            assert await store.find("t", "cmp_2")
            assert await store.find("t", "cmp_run")
            assert [charge.completion_id for charge in await store.charges()] == ["cmp_2"]
        finally:
            await store.stop()

    async def by_count() -> None:
        store = DatabaseStore(location, 10**12, "fast", Retention(count=3))
        await store.start()
        try:
            await store.reset()
            await complete(store, 1, team="quiet")
            for number in range(2, 10):
                await complete(store, number)
            await store.sweeper.sweep()
            assert [n for n in range(1, 10) if await store.find("t" if n > 1 else "quiet", f"cmp_{n}")] == [1, 7, 8, 9]
            assert len(await store.charges()) == 4
        finally:
            await store.stop()

    asyncio.run(by_age())
    asyncio.run(by_count())


def test_sqlite_is_swept(tmp_path: Path) -> None:
    sweep_scenario(str(tmp_path / "state.db"))


@pytest.mark.slow
def test_postgresql_is_swept(postgres: str) -> None:
    sweep_scenario(postgres)


@pytest.mark.parametrize("with_state", [False, True], ids=["memory", "sqlite"])
def test_spent_faults_are_dropped(tmp_path: Path, with_state: bool) -> None:
    state = str(tmp_path / "state.db") if with_state else None
    with running(state=state, durability="fast") as mock, connect(mock) as client:
        for _ in range(20):
            mock.fault("status=503; skip=1; times=2", path="/v1/balance")
            statuses = [client.get("/v1/balance").status_code for _ in range(4)]
            assert statuses == [200, 503, 503, 200]
        if state is not None:
            engine = sa.create_engine(f"sqlite:///{state}")
            with engine.connect() as connection:
                assert connection.execute(sa.text("SELECT count(*) FROM scripts")).scalar() == 0
                assert connection.execute(sa.text("SELECT count(*) FROM counters")).scalar() == 0
            engine.dispose()
        assert client.post(CREATE, json=chat()).status_code == 200


def test_unspent_faults_are_limited(client: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admin, "MAX_SCRIPTS", 3)
    body = {"fault": "status=503", "path": "/v1/other"}
    statuses = [client.post("/_mock/faults", json=body).status_code for _ in range(4)]
    assert statuses == [200, 200, 200, 400]


def test_retain_takes_days_or_a_count() -> None:
    assert read(["--retain", "7d"]).retention == Retention(days=7)
    assert read(["--retain", "500"]).retention == Retention(count=500)
    assert read([]).retention is None


@pytest.mark.parametrize("text", ["0", "0d", "d", "week", "-1", "nand"])
def test_retain_refuses_other_texts(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        read([f"--retain={text}"])
    assert "--retain" in capsys.readouterr().err

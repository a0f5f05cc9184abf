"""Stores: the same promises in memory, in SQLite and in PostgreSQL; shared by processes, kept through kill -9."""

import asyncio
import os
import signal
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from aurous_mock.settings import DEFAULT_KEY
from aurous_mock.storage.database_store import DatabaseStore
from aurous_mock.storage.idempotency import WINDOW, Claim, KeyInUse, Replay
from aurous_mock.storage.memory_store import MemoryStore
from aurous_mock.storage.store import FinishCompletion, InsufficientCredits, StartCompletion, Started, Store
from aurous_mock.storage.token_bucket import BucketState
from mockkit import CREATE, VERSION, chat, first_id, frames, http, long_chat, post_all, status_of
from testkit.conditions import PATIENCE, eventually
from testkit.mock_process import MockProcess

CLAIM = Claim("key", "/route", "print")
HEADERS = {"X-Api-Key": DEFAULT_KEY, "Aurous-Version": VERSION}


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Store]:
    """Makes stores that share what they hold, where stores do that."""
    if request.param == "memory":
        store = MemoryStore(1000)
        return lambda: store
    location = str(tmp_path / "state.db") if request.param == "sqlite" else request.getfixturevalue("postgres")
    return lambda: DatabaseStore(location, 1000)


@asynccontextmanager
async def started(make: Callable[[], Store]) -> AsyncIterator[Store]:
    store = make()
    await store.start()
    await store.reset()
    try:
        yield store
    finally:
        await store.stop()


def run(make: Callable[[], Store], scenario: Callable[[Store], Coroutine[Any, Any, None]]) -> None:
    async def go() -> None:
        async with started(make) as store:
            await scenario(store)

    asyncio.run(go())


def start(number: int = 1, hold: int = 100, claim: Claim | None = None, team: str = "t") -> StartCompletion:
    return StartCompletion(id=f"cmp_{number}", team=team, streamed=False, hold=hold, body=b"{}", claim=claim)


def finish(number: int = 1, status: str = "completed", charge: int = 40) -> FinishCompletion:
    return FinishCompletion(id=f"cmp_{number}", status=status, body=b'{"done": true}', charge=charge)


def test_completion_is_started_finished_and_charged_once(make: Callable[[], Store]) -> None:
    async def scenario(store: Store) -> None:
        assert await store.start_completion(start()) == Started()
        record = await store.find("t", "cmp_1")
        assert record is not None
        assert record.status == "in_progress"
        assert (await store.balance("t")).held == 100
        assert await store.finish_completion(finish())
        assert not await store.finish_completion(finish(status="cancelled", charge=7))
        record = await store.find("t", "cmp_1")
        assert record is not None
        assert (record.status, record.body) == ("completed", b'{"done": true}')
        balance = await store.balance("t")
        assert (balance.credits, balance.held) == (960, 0)
        assert [charge.amount for charge in await store.charges()] == [40]

    run(make, scenario)


def test_store_separates_teams(make: Callable[[], Store]) -> None:
    async def scenario(store: Store) -> None:
        await store.start_completion(start(1, claim=CLAIM))
        assert await store.start_completion(start(2, claim=CLAIM, team="u")) == Started()
        assert await store.find("u", "cmp_1") is None
        assert (await store.balance("u")).held == 100

    run(make, scenario)


def test_refused_hold_leaves_no_trace(make: Callable[[], Store]) -> None:
    async def scenario(store: Store) -> None:
        assert await store.start_completion(start(1, hold=900)) == Started()
        assert await store.start_completion(start(2, hold=101, claim=CLAIM)) == InsufficientCredits(100)
        assert await store.find("t", "cmp_2") is None
        assert await store.start_completion(start(3, hold=100, claim=CLAIM)) == Started()

    run(make, scenario)


def test_charge_beyond_the_balance_stops_at_zero(make: Callable[[], Store]) -> None:
    async def scenario(store: Store) -> None:
        await store.start_completion(start())
        await store.finish_completion(finish(charge=5000))
        balance = await store.balance("t")
        assert (balance.credits, balance.held) == (0, 0)

    run(make, scenario)


def test_key_is_claimed_kept_replayed_and_expired(make: Callable[[], Store]) -> None:
    async def scenario(store: Store) -> None:
        assert await store.start_completion(start(1, claim=CLAIM)) == Started()
        assert isinstance(await store.start_completion(start(2, claim=CLAIM)), KeyInUse)
        await store.finish_completion(finish(1, status="failed", charge=0))
        assert await store.start_completion(start(3, claim=CLAIM)) == Started()
        await store.finish_completion(finish(3))
        assert await store.start_completion(start(4, claim=CLAIM)) == Replay(b'{"done": true}')
        entry = await store.key("t", CLAIM.key)
        assert entry is not None
        assert (entry.route, entry.completion_id, entry.body) == ("/route", "cmp_3", b'{"done": true}')
        assert await store.key("u", CLAIM.key) is None
        assert isinstance(await store.start_completion(start(5, claim=Claim("key", "/route", "other"))), KeyInUse)
        await store.advance(WINDOW)
        assert await store.start_completion(start(6, claim=CLAIM)) == Started()

    run(make, scenario)


def test_one_of_many_concurrent_claims_wins(make: Callable[[], Store]) -> None:
    async def scenario(store: Store) -> None:
        results = await asyncio.gather(*(store.start_completion(start(n, hold=1, claim=CLAIM)) for n in range(40)))
        assert Counter(type(result) for result in results) == {Started: 1, KeyInUse: 39}
        assert (await store.balance("t")).held == 1

    run(make, scenario)


def test_holds_never_exceed_the_balance(make: Callable[[], Store]) -> None:
    async def scenario(store: Store) -> None:
        results = await asyncio.gather(*(store.start_completion(start(n, hold=100)) for n in range(30)))
        assert Counter(type(result) for result in results) == {Started: 10, InsufficientCredits: 20}

    run(make, scenario)


def test_counters_and_scripts_are_stored(make: Callable[[], Store]) -> None:
    async def scenario(store: Store) -> None:
        assert [await store.increment("a") for _ in range(3)] == [0, 1, 2]
        assert await store.increment("b") == 0
        levels = await asyncio.gather(*(store.update_bucket("w", _one_more) for _ in range(9)))
        assert sorted(level.amount for level in levels) == [1, 2, 3, 4, 5, 6, 7, 8, 9]
        await store.add_script("first")
        await store.add_script("second")
        assert [script for _, script in await store.scripts()] == ["first", "second"]
        await store.reset()
        assert (await store.scripts(), await store.increment("a")) == ([], 0)

    run(make, scenario)


def _one_more(level: BucketState | None) -> BucketState:
    return BucketState(1 if level is None else level.amount + 1, 0)


def post(url: str, headers: dict[str, str] | None = None, **fields: Any) -> httpx.Response:
    return http.post(url + CREATE, json=chat(**fields), headers={**HEADERS, **(headers or {})}, timeout=PATIENCE)


def ledger(url: str) -> list[dict[str, Any]]:
    charges: list[dict[str, Any]] = http.get(url + "/_mock/ledger").json()["charges"]
    return charges


@pytest.mark.slow
def test_nothing_acknowledged_is_lost_by_kill_9(tmp_path: Path) -> None:
    state = ("--state", str(tmp_path / "state.db"))
    acknowledged: dict[str, httpx.Response] = {}
    with MockProcess(*state) as mock:
        url = mock.url
        for number in range(10):
            acknowledged[f"key-{number}"] = post(url, {"Idempotency-Key": f"key-{number}"})
        with http.stream(
            "POST", url + CREATE, json=long_chat(), headers={**HEADERS, "Aurous-Mock-Fault": "pace=20"}
        ) as stream:
            lines = stream.iter_lines()
            running = first_id(lines)
            mock.kill()
    with MockProcess(*state) as mock, httpx.Client(base_url=mock.url, headers=HEADERS, verify=False) as client:
        url = mock.url
        for key, before in acknowledged.items():
            again = post(url, {"Idempotency-Key": key})
            assert again.headers["aurous-idempotent-replayed"] == "true"
            assert again.content == before.content
            assert client.get(f"{CREATE}/{before.json()['id']}").content == before.content
        assert [charge["idempotency_key"] for charge in ledger(url)] == list(acknowledged)
        # The stream died with its server: its lease runs out, and its hold is released uncharged.
        assert eventually(lambda: status_of(client, running) == "failed")
        assert client.get("/v1/balance").json()["held_credits"] == 0
        record = client.get(f"{CREATE}/{running}").json()
        assert record["error"]["code"] == "chat_provider_unavailable"
        assert record["usage"]["credits_charged"] == record["usage"]["breakdown"]["input_credits"] == 0


def share(first: str, second: str) -> None:
    """What has to be true of two servers of one state."""
    together = asyncio.run(_race(first, second))
    outcomes = Counter((r.status_code, r.headers.get("aurous-idempotent-replayed")) for r in together)
    assert outcomes[200, None] == 1
    assert set(outcomes) <= {(200, None), (200, "true"), (409, None)}
    assert len(ledger(first)) == 1
    assert ledger(first) == ledger(second)

    done = post(first, {"Idempotency-Key": "there"})
    assert post(second, {"Idempotency-Key": "there"}).content == done.content
    assert http.get(f"{second}{CREATE}/{done.json()['id']}", headers=HEADERS).content == done.content
    http.post(second + "/_mock/clock", json={"advance": WINDOW})
    assert "aurous-idempotent-replayed" not in post(first, {"Idempotency-Key": "there"}).headers

    slow = {**HEADERS, "Aurous-Mock-Fault": "pace=100"}
    with (
        http.stream("POST", first + CREATE, json=long_chat(), headers=slow, timeout=PATIENCE) as stream,
        httpx.Client(base_url=second, headers=HEADERS, timeout=PATIENCE, verify=False) as client,
    ):
        lines = stream.iter_lines()
        completion_id = first_id(lines)
        there = f"{CREATE}/{completion_id}"
        assert eventually(lambda: client.get(there).json()["choices"][0]["message"]["content"])
        assert client.get(there).json()["status"] == "in_progress"
        cancelled = client.post(there + "/cancel")
        assert (cancelled.status_code, cancelled.json()["status"]) == (200, "cancelled")
        assert frames("\n".join(lines))[-1]["choices"][0]["finish_reason"] == "cancelled"

    http.post(first + "/_mock/faults", json={"fault": "status=503; times=2"})
    assert [post(url).status_code for url in (second, first, second)] == [503, 503, 200]
    spent = sum(round(charge["credits_charged"] * 1e6) for charge in ledger(second))
    credits = http.get(first + "/v1/balance", headers=HEADERS).json()["credits"]
    assert round(credits * 1e6) == 10**12 - spent


async def _race(first: str, second: str) -> list[httpx.Response]:
    halves = (post_all(url, DEFAULT_KEY, [chat()] * 50, {"Idempotency-Key": "race"}) for url in (first, second))
    return [response for half in await asyncio.gather(*halves) for response in half]


@pytest.mark.slow
def test_two_servers_share_a_sqlite_file(tmp_path: Path) -> None:
    state = ("--state", str(tmp_path / "state.db"))
    with MockProcess(*state) as first, MockProcess(*state) as second:
        share(first.url, second.url)


@pytest.mark.slow
def test_two_servers_share_a_postgresql_database(postgres: str) -> None:
    with MockProcess("--state", postgres) as first, MockProcess("--state", postgres) as second:
        http.post(first.url + "/_mock/reset")
        share(first.url, second.url)


@pytest.mark.slow
def test_keys_of_a_dead_server_are_released(postgres: str) -> None:
    with MockProcess("--state", postgres) as dying, MockProcess("--state", postgres) as surviving:
        first, second = dying.url, surviving.url
        http.post(first + "/_mock/reset")
        key = {"Idempotency-Key": "orphan"}
        with pytest.raises(httpx.HTTPError):
            _post_and_kill(first, dying.pid, second, key)
        assert post(second, key).status_code == 409
        assert eventually(lambda: post(second, key).status_code == 200)
        assert [charge["idempotency_key"] for charge in ledger(second)] == ["orphan"]


def _post_and_kill(first: str, pid: int, second: str, key: dict[str, str]) -> None:
    async def go() -> None:
        async with httpx.AsyncClient(headers={**HEADERS, **key}, timeout=PATIENCE, verify=False) as client:
            slow = {"Aurous-Mock-Fault": "pace=1"}
            asked = asyncio.create_task(client.post(first + CREATE, json=chat(), headers=slow))
            while (await client.get(second + "/v1/balance")).json()["held_credits"] == 0:
                await asyncio.sleep(0.01)
            os.kill(pid, signal.SIGKILL)
            await asked

    asyncio.run(go())


@pytest.mark.slow
def test_workers_are_replaced_and_end_with_their_supervisor(tmp_path: Path) -> None:
    with MockProcess("--workers", "2", "--state", str(tmp_path / "state.db")) as mock:
        first, second = eventually(lambda: _children(mock.pid))
        os.kill(first, signal.SIGKILL)
        replaced = eventually(lambda: _children(mock.pid, without=first))
        assert second in replaced
        assert post(mock.url).status_code == 200
        mock.kill()
        assert eventually(lambda: not any(_is_alive(worker) for worker in replaced))


def _is_alive(pid: int) -> bool:
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z"


def _children(pid: int, without: int = 0) -> tuple[int, int] | None:
    """The two workers of a supervisor; Python's own resource tracker is another child."""
    children = [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    workers = [child for child in children if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()]
    return (workers[0], workers[1]) if len(workers) == 2 and without not in workers else None


@pytest.mark.slow
def test_workers_share_one_port_and_one_state(tmp_path: Path) -> None:
    with MockProcess("--workers", "2", "--rpm", "60", "--state", str(tmp_path / "state.db")) as mock:
        url = mock.url
        responses = asyncio.run(post_all(url, DEFAULT_KEY, [chat()] * 60, {"Idempotency-Key": "k"}))
        fresh = [r for r in responses if r.status_code == 200 and "aurous-idempotent-replayed" not in r.headers]
        assert len(fresh) == 1
        assert len(ledger(url)) == 1
        assert eventually(lambda: post(url).status_code == 429)
        mock.terminate()
        assert mock.wait() == 0

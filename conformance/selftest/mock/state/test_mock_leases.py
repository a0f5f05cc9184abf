"""Leases: a server's completions outlive its pauses, and not its death."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import orjson
import pytest
from aurous_mock.completions.draft import Draft
from aurous_mock.generation import parsed_request
from aurous_mock.storage.database_store import DatabaseStore
from aurous_mock.storage.idempotency import Claim, KeyInUse
from aurous_mock.storage.leases import LEASE_SECONDS, LONGEST_PAUSE_SECONDS
from aurous_mock.storage.statuses import IN_PROGRESS
from aurous_mock.storage.store import CheckpointResult, FinishCompletion, StartCompletion, Started
from mockkit import chat

CLAIM = Claim("key", "/route", "fingerprint")


class Time:
    """A clock that tests move."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


def start(completion_id: str, claim: Claim | None = None) -> StartCompletion:
    body = orjson.dumps(Draft(parsed_request.read(chat()), completion_id, 0).body(IN_PROGRESS))
    return StartCompletion(id=completion_id, team="t", streamed=True, hold=100, body=body, claim=claim)


def finish(completion_id: str) -> FinishCompletion:
    return FinishCompletion(id=completion_id, status="completed", body=b'{"done": true}', charge=40)


@asynccontextmanager
async def two_servers(location: str) -> AsyncIterator[tuple[DatabaseStore, DatabaseStore, Time]]:
    """Two servers of one state, with a time that tests move; their own background work does not run."""
    time = Time()
    stores = [DatabaseStore(location, 1000, "fast") for _ in range(2)]
    for store in stores:
        store.leases.set_clocks(time)
        store.database.clock = time
    try:
        yield stores[0], stores[1], time
    finally:
        for store in stores:
            await store.stop()


async def pass_time(time: Time, seconds: float, *tick: DatabaseStore) -> None:
    for _ in range(int(seconds)):
        time.seconds += 1
        for store in tick:
            await store.leases.tick()


def run(tmp_path: Path, scenario: Callable[[DatabaseStore, DatabaseStore, Time], "object"]) -> None:
    async def go() -> None:
        async with two_servers(str(tmp_path / "state.db")) as (first, second, time):
            await scenario(first, second, time)  # type: ignore[misc]

    asyncio.run(go())


async def status(store: DatabaseStore, completion_id: str) -> str:
    record = await store.find("t", completion_id)
    assert record is not None
    return record.status


def test_running_completion_is_renewed(tmp_path: Path) -> None:
    async def scenario(first: DatabaseStore, second: DatabaseStore, time: Time) -> None:
        await first.start_completion(start("cmp_1"))
        await pass_time(time, 60, first, second)
        assert await status(second, "cmp_1") == "in_progress"
        assert await first.finish_completion(finish("cmp_1"))

    run(tmp_path, scenario)


def test_completion_of_a_dead_server_fails_and_frees_its_key_and_hold(tmp_path: Path) -> None:
    async def scenario(first: DatabaseStore, second: DatabaseStore, time: Time) -> None:
        await first.start_completion(start("cmp_1", CLAIM))
        assert isinstance(await second.start_completion(start("cmp_2", CLAIM)), KeyInUse)
        await pass_time(time, LEASE_SECONDS + 2, second)
        assert await status(second, "cmp_1") == "failed"
        assert (await second.balance("t")).held == 0
        assert await second.start_completion(start("cmp_3", CLAIM)) == Started()

    run(tmp_path, scenario)


def test_unfinished_completions_of_a_dead_server_are_reported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async def scenario(first: DatabaseStore, second: DatabaseStore, time: Time) -> None:
        await second.leases.report_unfinished()
        assert capsys.readouterr().err == ""
        await first.start_completion(start("cmp_1"))
        await first.start_completion(start("cmp_2"))
        await second.leases.report_unfinished()
        assert "the state has 2 unfinished completions" in capsys.readouterr().err
        await pass_time(time, LEASE_SECONDS + 2, second)
        assert "failed 2 completions of a server that is gone, and released their holds" in capsys.readouterr().err
        await pass_time(time, 10, second)
        assert capsys.readouterr().err == ""

    run(tmp_path, scenario)


def test_pause_of_every_server_fails_nothing(tmp_path: Path) -> None:
    async def scenario(first: DatabaseStore, second: DatabaseStore, time: Time) -> None:
        await first.start_completion(start("cmp_1"))
        await pass_time(time, 10, first, second)
        time.seconds += 60
        # The other server wakes up first, and finds the lease expired.
        await second.leases.tick()
        await pass_time(time, LEASE_SECONDS - 1, second)
        assert await status(second, "cmp_1") == "in_progress"
        await first.leases.tick()
        await pass_time(time, 20, first, second)
        assert await first.finish_completion(finish("cmp_1"))
        assert [charge.amount for charge in await first.charges()] == [40]

    run(tmp_path, scenario)


def test_slow_renewal_of_a_server_counts_as_its_pause(tmp_path: Path) -> None:
    async def scenario(first: DatabaseStore, second: DatabaseStore, time: Time) -> None:
        await first.start_completion(start("cmp_1"))
        await second.start_completion(start("cmp_2"))
        await pass_time(time, 10, first, second)
        renew = second.leases.renew

        async def slow_renew() -> None:
            await renew()
            time.seconds += 5

        second.leases.renew = slow_renew  # type: ignore[method-assign]
        await second.leases.tick()
        assert await status(second, "cmp_1") == "in_progress"

    run(tmp_path, scenario)


def test_lease_renewed_after_it_was_seen_expired_is_kept(tmp_path: Path) -> None:
    async def scenario(first: DatabaseStore, second: DatabaseStore, time: Time) -> None:
        await first.start_completion(start("cmp_1"))
        time.seconds += LEASE_SECONDS + 1
        read = second.database.read

        async def read_before_renewal(work):  # type: ignore[no-untyped-def]
            rows = await read(work)
            await first.leases.renew()
            return rows

        second.database.read = read_before_renewal  # type: ignore[method-assign]
        await second.leases.expire_abandoned()
        assert await status(first, "cmp_1") == "in_progress"

    run(tmp_path, scenario)


def test_paused_server_learns_that_its_completion_was_failed(tmp_path: Path) -> None:
    async def scenario(first: DatabaseStore, second: DatabaseStore, time: Time) -> None:
        await first.start_completion(start("cmp_1"))
        assert await first.checkpoint("cmp_1", start("cmp_1").body) is CheckpointResult.STORED
        await pass_time(time, 10, second)
        assert await first.checkpoint("cmp_1", b"{}") is CheckpointResult.FINISHED
        assert not await first.finish_completion(finish("cmp_1"))
        assert await first.charges() == []
        assert not first.leases.held

    run(tmp_path, scenario)


def test_completion_of_a_paused_server_goes_on(tmp_path: Path) -> None:
    async def scenario(first: DatabaseStore, second: DatabaseStore, time: Time) -> None:
        await first.start_completion(start("cmp_1"))
        await first.leases.tick()
        await pass_time(time, 60, second)
        assert await status(second, "cmp_1") == "in_progress"
        assert await first.finish_completion(finish("cmp_1"))
        assert [charge.amount for charge in await first.charges()] == [40]

    run(tmp_path, scenario)


def test_server_paused_for_longer_than_clients_wait_is_given_up(tmp_path: Path) -> None:
    async def scenario(first: DatabaseStore, second: DatabaseStore, time: Time) -> None:
        await first.start_completion(start("cmp_1"))
        await first.leases.tick()
        await pass_time(time, LONGEST_PAUSE_SECONDS + LEASE_SECONDS + 1, second)
        assert await status(second, "cmp_1") == "failed"

    run(tmp_path, scenario)


def test_completions_of_a_stopped_server_are_failed(tmp_path: Path) -> None:
    async def scenario(first: DatabaseStore, second: DatabaseStore, time: Time) -> None:
        await first.start_completion(start("cmp_1"))
        await first.leases.tick()
        await first.stop()
        await pass_time(time, LEASE_SECONDS + 2, second)
        assert await status(second, "cmp_1") == "failed"

    run(tmp_path, scenario)


def test_lease_of_finished_completion_is_not_renewed(tmp_path: Path) -> None:
    async def scenario(first: DatabaseStore, second: DatabaseStore, time: Time) -> None:
        await first.start_completion(start("cmp_1"))
        await first.start_completion(start("cmp_2"))
        assert first.leases.held == {"cmp_1", "cmp_2"}
        await first.finish_completion(finish("cmp_1"))
        assert first.leases.held == {"cmp_2"}

    run(tmp_path, scenario)


def test_lease_of_a_start_whose_response_was_lost_is_not_renewed(tmp_path: Path) -> None:
    async def scenario(first: DatabaseStore, second: DatabaseStore, time: Time) -> None:
        task = asyncio.create_task(first.start_completion(start("cmp_1")))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        # The transaction is committed all the same, at some time.
        while (await first.balance("t")).held != 100:
            await asyncio.sleep(0)
        await pass_time(time, LEASE_SECONDS + 2, first)
        assert (await first.balance("t")).held == 0

    run(tmp_path, scenario)


def test_finishing_in_the_same_way_again_is_accepted(tmp_path: Path) -> None:
    async def scenario(first: DatabaseStore, second: DatabaseStore, time: Time) -> None:
        await first.start_completion(start("cmp_1"))
        assert await first.finish_completion(finish("cmp_1"))
        assert await first.finish_completion(finish("cmp_1"))
        assert len(await first.charges()) == 1

    run(tmp_path, scenario)

"""Fairness: a team has a limited number of completions at a time, and is refused beyond it."""

import asyncio

import pytest
from aurous_mock.completions.concurrency import ConcurrencyLimit
from aurous_mock.errors import APIError
from aurous_mock.server.application import Application
from aurous_mock.server.launcher import running
from aurous_mock.settings import DEFAULT_KEY, Settings
from mockkit import CREATE, OTHER_KEY, chat, connect, error_of, first_id, long_chat
from testkit.conditions import eventually


async def take(limit: ConcurrencyLimit, team: str) -> None:
    """Take a slot, and give it back."""
    async with limit.slot(team):
        pass


def test_team_at_its_limit_leaves_the_others_alone() -> None:
    async def scenario() -> None:
        limit = ConcurrencyLimit(2, wait_seconds=0)
        async with limit.slot("greedy") as first, limit.slot("greedy"):
            with pytest.raises(APIError) as refused:
                await take(limit, "greedy")
            assert (refused.value.code, refused.value.headers) == ("concurrency_limit_exceeded", {"Retry-After": "1"})
            await take(limit, "other")
            await first.aclose()
            await first.aclose()
            await take(limit, "greedy")

    asyncio.run(scenario())


def test_queue_is_bounded_and_served_in_order() -> None:
    async def scenario() -> None:
        limit = ConcurrencyLimit(1, wait_seconds=60)
        async with limit.slot("t") as slot:
            waiting = asyncio.create_task(take(limit, "t"))
            await asyncio.sleep(0)
            with pytest.raises(APIError):
                await take(limit, "t")
            await slot.aclose()
            await waiting

    asyncio.run(scenario())


def test_waiter_that_gives_up_takes_no_slot() -> None:
    async def scenario() -> None:
        limit = ConcurrencyLimit(1, wait_seconds=60)
        async with limit.slot("t"):
            waiting = asyncio.create_task(take(limit, "t"))
            await asyncio.sleep(0)
            waiting.cancel()
            await asyncio.wait([waiting])
        await take(limit, "t")

    asyncio.run(scenario())


def test_slot_is_released_when_the_block_fails() -> None:
    async def scenario() -> None:
        limit = ConcurrencyLimit(1, wait_seconds=0)
        with pytest.raises(RuntimeError):
            async with limit.slot("t"):
                raise RuntimeError
        await take(limit, "t")

    asyncio.run(scenario())


def test_stream_holds_a_slot_until_it_ends() -> None:
    keys = {DEFAULT_KEY: "greedy", OTHER_KEY: "other"}
    with running(keys=keys, max_concurrent=1) as mock, connect(mock) as client, connect(mock, OTHER_KEY) as other:
        slow = {"Aurous-Mock-Fault": "pace=20"}
        with client.stream("POST", CREATE, json=long_chat(), headers=slow) as response:
            # Kept, since httpx closes the response of an iterator that is collected.
            lines = response.iter_lines()
            first_id(lines)
            refused = client.post(CREATE, json=chat())
            assert (refused.status_code, error_of(refused)["code"]) == (429, "concurrency_limit_exceeded")
            assert refused.headers["retry-after"] == "1"
            assert refused.elapsed.total_seconds() < 1.5
            assert other.post(CREATE, json=chat()).status_code == 200
        lines.close()
        assert eventually(lambda: client.post(CREATE, json=chat()).status_code == 200)


def test_upstream_connections_are_shared_out_to_the_teams() -> None:
    from aurous_mock.server import application
    from aurous_mock.upstream.client import MAX_CONNECTIONS

    keys = {f"key-{number}": f"team-{number % 4}" for number in range(8)}
    shared = Settings(keys=keys, upstream="http://127.0.0.1:9/v1")
    assert application.concurrency(shared) == MAX_CONNECTIONS // 4
    assert application.concurrency(Settings(keys=keys)) is None
    assert application.concurrency(Settings(keys=keys, max_concurrent=3)) == 3
    assert Application(Settings()).service

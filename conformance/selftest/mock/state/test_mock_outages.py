"""A database that goes away under load: every key is answered afterwards, charged once, and nothing stays held."""

import asyncio
from collections import Counter
from collections.abc import Iterator

import httpx
import pytest
import sqlalchemy as sa
from aurous_mock.server.launcher import Mock, running
from mockkit import CREATE, VERSION, chat
from testkit.postgres import running_postgres

CALLS = 60
_DISCONNECT = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'postgres'"


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with running_postgres() as url:
        yield url


class Outage:
    """Switches a database off and on, from another database of the same server."""

    def __init__(self, url: str) -> None:
        self._engine = sa.create_engine(sa.make_url(url).set(database="template1"), isolation_level="AUTOCOMMIT")

    async def switch(self, *, on: bool) -> None:
        await asyncio.to_thread(self._switch, on)

    def _switch(self, on: bool) -> None:
        with self._engine.connect() as connection:
            connection.execute(sa.text(f"ALTER DATABASE postgres ALLOW_CONNECTIONS {str(on).lower()}"))
            if not on:
                connection.execute(sa.text(_DISCONNECT))

    def close(self) -> None:
        self._engine.dispose()


async def call_through_outages(mock: Mock, outage: Outage) -> Counter[int]:
    """Sends every call until it is answered with 200; counts the statuses on the way."""
    statuses: Counter[int] = Counter()

    async with httpx.AsyncClient(
        base_url=mock.url, headers={"X-Api-Key": mock.api_key, "Aurous-Version": VERSION}, timeout=60
    ) as client:

        async def call(number: int) -> None:
            while True:
                headers = {"Idempotency-Key": f"key-{number}", "Aurous-Mock-Fault": "pace=100"}
                response = await client.post(CREATE, json=chat(max_tokens=20), headers=headers)
                statuses[response.status_code] += 1
                if response.status_code == 200:
                    return

        async def interrupt() -> None:
            for _ in range(3):
                unavailable = statuses[503]
                await outage.switch(on=False)
                while statuses[503] == unavailable and statuses[200] < CALLS:
                    await asyncio.sleep(0)
                await outage.switch(on=True)

        await asyncio.gather(interrupt(), *map(call, range(CALLS)))
        while (await client.get("/v1/balance")).json()["held_credits"]:
            await asyncio.sleep(0)
    return statuses


@pytest.mark.slow
def test_calls_through_outages_of_postgresql_are_charged_once_and_hold_nothing(url: str) -> None:
    outage = Outage(url)
    try:
        with running(state=url) as mock:
            statuses = asyncio.run(call_through_outages(mock, outage))
            keys = Counter(charge["idempotency_key"] for charge in mock.ledger())
    finally:
        outage.close()
    assert statuses[503]
    assert set(statuses) <= {200, 409, 503}
    assert keys == Counter({f"key-{number}": 1 for number in range(CALLS)})

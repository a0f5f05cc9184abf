"""A network on which three attempts in ten go wrong: every call gets its answer, and is charged exactly once."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import aurous
import httpx
import pytest
from aurous.transport.async_ import AsyncTransport
from aurous.transport.sync import SyncTransport
from aurous_mock.server.launcher import Mock
from clientkit.callers import Caller
from clientkit.internals import set_transport
from clientkit.request_members import named
from testkit.responses import KEY, MODEL

FAULT_HEADER = "Aurous-Mock-Fault"
CALLS = 200
SHARE = 0.3
FAULTS = [
    *("reset=before", "reset=after", "reset=head", "reset=body", "reset=100"),
    *("truncate=before", "truncate=after", "truncate=head", "truncate=body", "truncate=100"),
    *("html", "html; when=after", "status=500", "status=500; when=after", "status=502; when=after"),
    *("status=429; retry-after=1", "status=503; retry-after=2; when=after", "status=408", "status=529; when=after"),
    *("code=provider_timeout; when=after", "code=chat_provider_unavailable", "code=internal_error; when=after"),
]
# Nobody waits, and no deadline comes: what is tested is what is sent.
RETRY = aurous.RetryPolicy(max_retries=30)


class Weather:
    """Strikes some of the requests that a client sends, each attempt anew."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self.struck: Counter[str] = Counter()
        self.attempts = 0

    def strike(self, request: httpx.Request) -> None:
        self.attempts += 1
        if self._random.random() < SHARE:
            fault = self._random.choice(FAULTS)
            self.struck[fault] += 1
            request.headers[FAULT_HEADER] = fault

    async def astrike(self, request: httpx.Request) -> None:
        self.strike(request)


def body(number: int) -> dict[str, Any]:
    return {"model": MODEL, "messages": [{"role": "user", "content": f"Question {number}."}], **named(max_tokens=5)}


def in_threads(url: str, weather: Weather) -> tuple[list[aurous.models.ChatCompletion], aurous.Ledger]:
    with httpx.Client(event_hooks={"request": [weather.strike]}) as network:
        client = aurous.Aurous(KEY, base_url=url, retry=RETRY, http_client=network)
        set_transport(client, SyncTransport(network, clock=lambda: 0.0, sleep=lambda _: None))
        with ThreadPoolExecutor(8) as pool:
            completions = list(pool.map(lambda number: client.chat.completions.create(**body(number)), range(CALLS)))
    return completions, client.ledger


def in_tasks(url: str, weather: Weather) -> tuple[list[aurous.models.ChatCompletion], aurous.Ledger]:
    async def go() -> tuple[list[aurous.models.ChatCompletion], aurous.Ledger]:
        async with httpx.AsyncClient(event_hooks={"request": [weather.astrike]}) as network:
            client = aurous.AsyncAurous(KEY, base_url=url, retry=RETRY, http_client=network)
            set_transport(client, AsyncTransport(network, clock=lambda: 0.0, sleep=lambda _: asyncio.sleep(0)))
            few = asyncio.Semaphore(16)

            async def create(number: int) -> aurous.models.ChatCompletion:
                async with few:
                    return await client.chat.completions.create(**body(number))

            return await asyncio.gather(*map(create, range(CALLS))), client.ledger

    return asyncio.run(go())


@pytest.mark.parametrize("run", [in_threads, pytest.param(in_tasks, marks=pytest.mark.slow)])
def test_every_call_over_lossy_network_is_charged_exactly_once(
    run: Callable[[str, Weather], tuple[list[aurous.models.ChatCompletion], aurous.Ledger]], mock: Mock
) -> None:
    weather = Weather(seed=4)
    completions, ledger = run(mock.url, weather)
    charges = mock.ledger()
    infos = [aurous.response_info(result) for result in completions]
    assert len(charges) == CALLS
    assert {charge["completion_id"] for charge in charges} == {result.id for result in completions}
    assert {charge["idempotency_key"] for charge in charges} == {info.idempotency_key for info in infos}
    assert len({info.idempotency_key for info in infos}) == CALLS
    # It was as bad as it was meant to be, and of every kind.
    assert sum(weather.struck.values()) > 0.2 * weather.attempts
    assert len(weather.struck) > len(FAULTS) * 0.8
    assert sum(len(info.attempts) for info in infos) == weather.attempts
    assert any(info.idempotent_replayed for info in infos)
    # The client knows what it has spent, replays of its own lost attempts included.
    assert ledger.by_model[MODEL].calls == CALLS
    assert ledger.credits == sum((Decimal(str(charge["credits_charged"])) for charge in charges), Decimal(0))


def test_call_that_outlives_its_attempt_is_waited_for(kind: str, mock: Mock) -> None:
    # The first attempt is given up while the answer is still being made; the key is in use until it is.
    network: Any = (httpx.Client if kind == "sync" else httpx.AsyncClient)(headers={FAULT_HEADER: "pace=50"})

    class Beside:
        """Time of the call that passes as the machine's does, a hundred times as fast."""

        slept = 0.0

        def clock(self) -> float:
            return self.slept

        def sleep(self, seconds: float) -> None:
            import time

            self.slept += seconds
            time.sleep(seconds / 100)

        async def asleep(self, seconds: float) -> None:
            self.slept += seconds
            await asyncio.sleep(seconds / 100)

    timeout = aurous.Timeouts(read=0.1)
    caller = Caller(kind, Beside(), mock.url, http_client=network, timeout=timeout, retry=RETRY)  # type: ignore[arg-type]
    result = caller.create(**named(max_tokens=30))
    info = aurous.response_info(result)
    caller.close()
    assert info.attempts[0].error
    assert "idempotency_key_in_use" in [attempt.code for attempt in info.attempts]
    assert info.idempotent_replayed
    assert len(mock.ledger()) == 1
    assert caller.client.ledger.by_model[MODEL].calls == 1

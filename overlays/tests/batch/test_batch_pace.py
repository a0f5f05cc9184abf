"""The pace of a batch beside the mock's rate limits, by a clock that the test moves."""

from __future__ import annotations

import heapq
import itertools
from dataclasses import dataclass, field

import pytest
from aurous.batch.pace import Pace
from aurous.types import RateLimit
from aurous_mock.storage.token_bucket import BucketState, take_tokens

UNKNOWN = RateLimit()


@dataclass
class Server:
    """The mock's limits, and how long it takes to answer. stingy: it does not name its limits"""

    requests: int | None = None
    tokens: int | None = None
    latency: float = 2.0
    is_stingy: bool = False
    others: float = 0.0
    """Requests a second that somebody else makes with the same key."""
    states: dict[str, BucketState] = field(default_factory=dict)
    others_until: float = 0.0

    def take(self, name: str, amount: int, limit: int | None, now: float) -> tuple[RateLimit, float]:
        if limit is None:
            return UNKNOWN, 0.0
        state, wait = take_tokens(self.states.get(name), amount, limit, now)
        self.states[name] = state
        info = state.info(limit)
        return UNKNOWN if self.is_stingy else RateLimit(limit=limit, remaining=info.remaining), wait

    def make_other_requests(self, now: float) -> None:
        while self.others and self.others_until < now:
            self.others_until += 1 / self.others
            self.take("requests", 1, self.requests, self.others_until)


@dataclass
class Simulated:
    started: list[float] = field(default_factory=list)
    answered: list[float] = field(default_factory=list)
    refused: int = 0
    tokens: int = 0
    most_in_flight: int = 0

    def rate(self, begin: float, end: float) -> float:
        """Answers a minute."""
        return sum(begin <= moment < end for moment in self.answered) / (end - begin) * 60


def simulate(pace: Pace, server: Server, *, seconds: float, tokens_each: int = 100) -> Simulated:
    """What a batch of endless lines does at a pace; the client repeats what is refused after `Retry-After`."""
    end, now, numbers, in_flight = Simulated(), 0.0, itertools.count(), 0
    # By time: an attempt of a request that has taken these tokens, or its answer.
    events: list[tuple[float, int, str, float]] = []
    limits: dict[int, tuple[RateLimit, RateLimit]] = {}
    while now < seconds:
        delay = pace.delay(now, in_flight)
        upcoming = events[0][0] if events else float("inf")
        if delay is not None and now + delay <= upcoming:
            now += delay
            if delay == 0.0:
                in_flight += 1
                end.started.append(now)
                end.most_in_flight = max(end.most_in_flight, in_flight)
                heapq.heappush(events, (now, next(numbers), "attempt", pace.start()))
            continue
        now, number, what, reserved = heapq.heappop(events)
        server.make_other_requests(now)
        if what == "answer":
            in_flight -= 1
            end.answered.append(now)
            end.tokens += tokens_each
            requests, tokens = limits.pop(number)
            pace.succeed(now, requests=requests, tokens=tokens, reserved=reserved, used=tokens_each)
            continue
        requests, wait = server.take("requests", 1, server.requests, now)
        if not wait:
            tokens, wait = server.take("tokens", tokens_each, server.tokens, now)
            limits[number] = requests, tokens
        if wait:
            limits.pop(number, None)
            end.refused += 1
            pause = max(1.0, wait)
            pace.refuse(now, pause)
            heapq.heappush(events, (now + pause, number, "attempt", reserved))
        else:
            heapq.heappush(events, (now + server.latency, number, "answer", reserved))
    return end


@pytest.mark.parametrize("limit", [20, 60, 600, pytest.param(6000, marks=pytest.mark.slow)])
@pytest.mark.parametrize("latency", [0.05, 2.0])
def test_rate_stays_within_ten_percent_of_the_limit(limit: int, latency: float) -> None:
    simulated = simulate(Pace(256), Server(requests=limit, latency=latency), seconds=600)
    assert simulated.rate(60, 600) == pytest.approx(limit, rel=0.1)
    assert simulated.refused <= 0.01 * len(simulated.started)


def test_rate_stays_within_ten_percent_of_a_limit_of_tokens() -> None:
    simulated = simulate(Pace(64), Server(tokens=60_000), seconds=600, tokens_each=300)
    assert simulated.tokens / 10 == pytest.approx(60_000, rel=0.1)
    assert simulated.refused <= 0.01 * len(simulated.started)


def test_share_of_a_limit_is_kept() -> None:
    simulated = simulate(Pace(64, share=0.25), Server(requests=600), seconds=600)
    assert simulated.rate(60, 600) == pytest.approx(150, rel=0.1)


def test_others_with_the_same_key_are_given_way() -> None:
    simulated = simulate(Pace(64), Server(requests=600, others=5.0), seconds=600)
    assert simulated.rate(120, 600) == pytest.approx(300, rel=0.1)
    assert simulated.refused <= 0.01 * len(simulated.started)


def test_limit_that_the_server_does_not_name_is_found_by_refusals() -> None:
    server = Server(requests=600, is_stingy=True)
    simulated = simulate(Pace(256), server, seconds=1200)
    assert simulated.rate(300, 1200) == pytest.approx(600, rel=0.15)
    assert simulated.refused < 0.1 * len(simulated.started)


def test_concurrency_reaches_its_maximum_without_limits() -> None:
    simulated = simulate(Pace(50), Server(), seconds=60)
    assert simulated.most_in_flight == 50
    # Little by little, since the server has to tell its limits first.
    assert simulated.started[:5] == pytest.approx([0, 0, 0, 0, 2.0])


def test_refusal_halves_concurrency_once_and_pauses() -> None:
    pace = Pace(64)
    for _ in range(60):
        pace.start()
        pace.succeed(0.0, requests=UNKNOWN, tokens=UNKNOWN, reserved=0.0, used=10)
    assert pace.window == 64
    for _ in range(20):
        pace.refuse(1.0, 5.0)
    assert pace.window == 32
    assert pace.delay(1.0, 0) == 5.0
    assert pace.delay(6.0, 31) == 0.0
    assert pace.delay(6.0, 32) is None
    for _ in range(33):
        pace.succeed(7.0, requests=UNKNOWN, tokens=UNKNOWN, reserved=0.0, used=10)
    assert pace.window == 33


def test_window_is_never_less_than_one() -> None:
    pace = Pace(4)
    for number in range(20):
        pace.refuse(number * 100.0, 1.0)
    assert pace.window == 1
    assert pace.delay(10_000.0, 0) == 0.0

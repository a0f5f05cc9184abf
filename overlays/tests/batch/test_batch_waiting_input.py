"""Batches whose input waits: for results of earlier requests, or for something that does not come."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import aurous
import pytest
from aurous.batch import run, sync
from aurous_mock.server.launcher import Mock
from clientkit.batches import journal_of, prompts, run_batch
from testkit.conditions import PATIENCE, eventually
from testkit.raw_server import RawServer
from testkit.responses import GOOD, KEY, MODEL, answer, envelope

REFUSED = answer(401, envelope("invalid_api_key", "authentication"))
FAILED = answer(500, envelope("internal_error", "server"))


class Dialogue:
    """Requests of which each waits for the result of the one before."""

    def __init__(self, kind: str, length: int) -> None:
        self.requests = self._make_async() if kind != "sync" else self._make()
        self._length = length
        self._results: Any = asyncio.Queue() if kind != "sync" else queue.Queue()

    def take(self, batch: Any, result: aurous.batch.BatchResult) -> None:
        self._results.put_nowait(result.number)

    def _make(self) -> Iterator[str]:
        for number in range(1, self._length + 1):
            yield f"Say {number}."
            assert self._results.get(timeout=PATIENCE) == number

    async def _make_async(self) -> AsyncIterator[str]:
        for number in range(1, self._length + 1):
            yield f"Say {number}."
            async with asyncio.timeout(PATIENCE):
                assert await self._results.get() == number


class Silence:
    """Requests with a last one that does not come until the test has ended."""

    def __init__(self, *requests: str) -> None:
        self.is_awaited = threading.Event()
        self.is_over = threading.Event()
        self._requests = requests

    def __iter__(self) -> Iterator[str]:
        yield from self._requests
        self.is_awaited.set()
        assert self.is_over.wait(PATIENCE)


@contextmanager
def silence(*requests: str) -> Iterator[Silence]:
    """Such requests, for whose end the batch of threads does not wait."""
    made = Silence(*requests)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sync, "_INPUT_SECONDS", 0.0)
        try:
            yield made
            # The batch ended before.
            assert not made.is_over.is_set()
        finally:
            made.is_over.set()
            eventually(lambda: not [each for each in threading.enumerate() if each.name.startswith("aurous-batch")])


@pytest.mark.parametrize("ordered", [False, True])
@pytest.mark.parametrize("concurrency", [1, 2, 64])
def test_input_may_wait_for_results(kind: str, mock: Mock, ordered: bool, concurrency: int) -> None:
    dialogue = Dialogue(kind, 5)
    options: dict[str, Any] = {"ordered": ordered, "concurrency": concurrency, "on_result": dialogue.take}
    ended = run_batch(kind, dialogue.requests, url=mock.url, **options)
    assert (ended.error, ended.numbers) == (None, [1, 2, 3, 4, 5])
    assert len(mock.ledger()) == 5


def test_input_may_wait_for_the_result_of_a_request_that_has_to_be_repeated(kind: str, wire: RawServer) -> None:
    wire.plays(FAILED, GOOD)
    dialogue = Dialogue(kind, 2)
    retry = aurous.RetryPolicy(max_retries=0)
    ended = run_batch(kind, dialogue.requests, url=wire.url, on_result=dialogue.take, retry=retry)
    assert (ended.error, ended.numbers) == (None, [1, 2])
    assert wire.keys[0] == wire.keys[1]


def test_batch_that_is_refused_does_not_wait_for_its_input(wire: RawServer) -> None:
    wire.plays(REFUSED)
    with silence("a") as requests:
        assert isinstance(run_batch("sync", requests, url=wire.url).error, aurous.AuthenticationError)


@pytest.mark.parametrize("concurrency", [1, 4])
def test_batch_that_is_stopped_does_not_wait_for_its_input(mock: Mock, concurrency: int) -> None:
    def stop(batch: Any, _: object) -> None:
        assert requests.is_awaited.wait(PATIENCE)
        # As soon as nobody takes results, so from elsewhere.
        threading.Thread(target=batch.stop).start()

    with silence("a") as requests:
        ended = run_batch("sync", requests, url=mock.url, on_result=stop, concurrency=concurrency)
    assert (ended.error, ended.numbers) == (None, [1])


def test_batch_that_is_left_does_not_wait_for_its_input(mock: Mock, path: Path) -> None:
    with silence("a") as requests, aurous.Aurous(KEY, base_url=mock.url) as client:
        for _ in run(client, requests, model=MODEL, checkpoint=path):
            assert requests.is_awaited.wait(PATIENCE)
            break
        # Closed, and not complete.
        assert journal_of(path).exists()
        assert run_batch("sync", ["a", "b"], url=mock.url, checkpoint=path).numbers == [2]


def test_batch_that_is_left_waits_for_an_input_that_comes(mock: Mock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sync, "_INPUT_SECONDS", PATIENCE)
    is_left, has_ended = threading.Event(), threading.Event()

    def requests() -> Iterator[str]:
        yield "a"
        assert is_left.wait(PATIENCE)
        try:
            yield "b"
        finally:
            has_ended.set()

    lines = requests()
    with aurous.Aurous(KEY, base_url=mock.url) as client:
        for _ in run(client, lines, model=MODEL):
            is_left.set()
            break
    # Which fails while a thread of the batch reads it.
    lines.close()
    assert has_ended.is_set()


def test_cancellation_within_the_input_is_not_its_end(mock: Mock, path: Path) -> None:
    async def requests() -> AsyncIterator[Any]:
        for line in prompts(3):
            yield line
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        run_batch("async", requests(), url=mock.url, checkpoint=path)
    assert journal_of(path).exists()


class _EndOfProcess(BaseException):
    """As KeyboardInterrupt or SystemExit."""


def test_input_that_ends_the_process_ends_the_batch(mock: Mock) -> None:
    def requests() -> Iterator[Any]:
        yield from prompts(3)
        raise _EndOfProcess

    with pytest.raises(_EndOfProcess):
        run_batch("sync", requests(), url=mock.url)
    assert len(mock.ledger()) == 3

"""A batch that is stopped finishes what is in flight, and leaves what only waits for its next attempt."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import aurous
import pytest
from aurous.batch import arun
from clientkit.batches import journal_of, prompts, records, run_batch
from testkit.conditions import PATIENCE
from testkit.raw_server import Connection, RawServer
from testkit.responses import GOOD, HANG_UP, IN_USE, KEY, MODEL

NEVER_TIRED = aurous.RetryPolicy(max_retries=10**6, initial_delay=0.001, max_delay=0.001, quota=None)


def answer_first_line(wire: RawServer, others: Any) -> None:
    """Have a server answer the first line, and do this with all others."""

    def respond(connection: Connection) -> bool:
        (*_, request) = [each for each in wire.requests if each.connection == connection.number]
        return bool((GOOD if b"Say 1." in request.body else others)(connection))

    wire.plays(respond)


@pytest.mark.parametrize("others", [HANG_UP, IN_USE], ids=["no response", "still running"])
def test_stopped_batch_repeats_no_request(
    kind: str, wire: RawServer, path: Path, others: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aurous.batch.scheduler._POLL_SECONDS", PATIENCE)
    answer_first_line(wire, others)
    options = {"checkpoint": path, "client_options": {"timeout": aurous.Timeouts(total=PATIENCE)}}
    first = run_batch(
        kind, prompts(3), url=wire.url, retry=NEVER_TIRED, on_result=lambda batch, _: batch.stop(), **options
    )
    assert (first.numbers, first.error, first.summary.in_flight) == ([1], None, 0)
    keys = {*wire.keys}
    # What may have been charged is known to the next run.
    assert (len(records(path)), journal_of(path).exists()) == (1, True)
    wire.plays(GOOD)
    again = run_batch(kind, prompts(3), url=wire.url, **options)
    assert (sorted(again.numbers), {*wire.keys}) == ([2, 3], keys)


@pytest.mark.parametrize("ordered", [False, True])
def test_stopped_batch_waits_for_no_later_attempt(wire: RawServer, path: Path, ordered: bool) -> None:
    answer_first_line(wire, HANG_UP)
    policy = aurous.RetryPolicy(initial_delay=PATIENCE, max_delay=PATIENCE, jitter=0, quota=None)

    async def stop_waiting() -> list[int]:
        numbers: list[int] = []
        async with aurous.AsyncAurous(KEY, base_url=wire.url) as client, asyncio.timeout(PATIENCE / 2):
            batch = arun(client, reversed(prompts(3)), model=MODEL, checkpoint=path, retry=policy, ordered=ordered)

            async def collect() -> None:
                numbers.extend([result.number async for result in batch])

            collecting = asyncio.ensure_future(collect())
            while batch.summary.answered < 1 or batch.waiting < 2:
                await asyncio.sleep(0)
            batch.stop()
            # The second time there is nothing to end.
            batch.stop()
            await collecting
            assert (batch.waiting, batch.summary.in_flight) == (0, 0)
        return numbers

    assert asyncio.run(stop_waiting()) == [3]
    assert (len(records(path)), journal_of(path).exists()) == (1, True)


def test_attempts_without_a_response_are_counted(kind: str, wire: RawServer) -> None:
    policy = aurous.RetryPolicy(max_retries=3, initial_delay=0)
    ended = run_batch(kind, prompts(1), url=wire.plays(HANG_UP).url, retry=policy)
    assert ended.summary.unanswered == len(wire.requests) >= 4
    assert run_batch(kind, prompts(1), url=wire.plays(HANG_UP, GOOD).url, retry=policy).summary.unanswered == 0

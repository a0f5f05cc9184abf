"""Batches of both clients against the mock and raw servers: results, order, pace, budgets, and how they end."""

from __future__ import annotations

import asyncio
import decimal
import gc
import json
import threading
from collections.abc import AsyncIterator, Iterator
from decimal import Decimal
from typing import Any

import aurous
import pytest
from aurous.batch import InvalidLineError, arun, run
from aurous.errors import ConfigurationError
from aurous_mock.server.launcher import Mock
from clientkit.batches import BatchRun, prompts, records, run_batch
from testkit.conditions import PATIENCE, eventually
from testkit.raw_server import RawServer
from testkit.responses import BUSY, GOOD, IN_USE, KEY, MODEL, answer, completion, envelope

CHAT = "/v1/chat/completions"


async def only_task() -> None:
    """Wait until no other task is left."""
    async with asyncio.timeout(PATIENCE):
        while len(asyncio.all_tasks()) > 1:
            await asyncio.sleep(0)


def charges(mock: Mock) -> dict[str, Decimal]:
    """The charge of each key; each has one."""
    ledger = mock.ledger()
    credits_by_key = {charge["idempotency_key"]: Decimal(str(charge["credits_charged"])) for charge in ledger}
    assert len(credits_by_key) == len(ledger)
    return credits_by_key


def test_every_line_is_answered_and_charged_once(kind: str, mock: Mock) -> None:
    ended = run_batch(kind, prompts(50), url=mock.url)
    assert ended.error is None
    assert sorted(ended.numbers) == list(range(1, 51))
    credits_by_key = charges(mock)
    assert {result.idempotency_key for result in ended.results} == credits_by_key.keys()
    for result in ended.results:
        assert result.receipt is not None
        assert result.receipt.credits == credits_by_key[result.idempotency_key]
        assert result.custom_id == f"line-{result.number}"
    summary = ended.summary
    assert (summary.answered, summary.failed, summary.in_flight) == (50, 0, 0)
    assert summary.credits == summary.job_credits == sum(credits_by_key.values())
    assert summary.completion_tokens == 50 * 4
    assert summary.durations.percentile(0.5) is not None


def test_results_can_be_in_the_order_of_the_requests(kind: str, mock: Mock, tmp_path: Any) -> None:
    mock.fault("latency=0.3", path=CHAT)
    ended = run_batch(kind, prompts(30), url=mock.url, ordered=True, concurrency=8, checkpoint=tmp_path / "a.jsonl")
    assert ended.numbers == list(range(1, 31))


def test_slow_line_does_not_hold_others_back(kind: str, mock: Mock) -> None:
    mock.fault("latency=0.5", path=CHAT)
    assert run_batch(kind, prompts(10), url=mock.url, concurrency=4).numbers[-1] != 10


def test_invalid_lines_are_results_with_their_number(kind: str, mock: Mock) -> None:
    ended = run_batch(kind, [{"prompt": "a"}, {}, {"prompt": "b"}, 7], url=mock.url, ordered=True)
    assert ended.numbers == [1, 2, 3, 4]
    assert [isinstance(result.error, InvalidLineError) for result in ended.results] == [False, True, False, True]
    assert (ended.summary.answered, ended.summary.failed, ended.summary.invalid) == (2, 2, 2)
    assert len(mock.ledger()) == 2


def test_thousands_of_invalid_lines_end(kind: str, mock: Mock) -> None:
    ended = run_batch(kind, iter([{}] * 2000), url=mock.url, ordered=True, concurrency=2)
    assert ended.numbers == list(range(1, 2001))


def test_refused_line_is_one_result(kind: str, mock: Mock) -> None:
    ended = run_batch(kind, [{"prompt": "a", "model": "unknown"}, "b"], url=mock.url, ordered=True)
    bad, good = ended.results
    assert isinstance(bad.error, aurous.NotFoundError)
    assert good.text
    record = bad.to_dict()
    assert record["response"]["status_code"] == 404
    assert record["response"]["body"]["error"]["code"] == record["error"]["code"] == "resource_not_found"
    assert record["aurous"]["may_be_charged"] is False


def test_record_has_the_form_of_openai_with_the_receipt(kind: str, wire: RawServer) -> None:
    pretty = json.dumps(completion("Line one.\nLine two."), indent=2).encode()
    wire.plays(answer(200, pretty, headers={"Aurous-Request-Id": "req_good"}))
    (result,) = run_batch(kind, [{"prompt": "a", "custom_id": "x"}], url=wire.url).results
    text = result.to_json()
    assert b"\n" not in text
    record = json.loads(text, parse_float=Decimal)
    assert record.keys() == {"id", "custom_id", "response", "error", "aurous"}
    assert (record["custom_id"], record["error"]) == ("x", None)
    assert record["response"]["status_code"] == 200
    assert record["response"]["request_id"] == "req_good"
    assert record["response"]["body"] == json.loads(pretty, parse_float=Decimal)
    assert record["aurous"]["receipt"]["credits"] == "0.2856"
    assert record["aurous"]["idempotency_key"] == wire.keys[0]


@pytest.mark.parametrize("content", [b"\xef\xbb\xbf", "utf-16"])
def test_body_in_another_encoding_is_stored_as_json(kind: str, wire: RawServer, content: Any) -> None:
    text = json.dumps(completion("Grün"), ensure_ascii=False)
    wire.plays(answer(200, content + text.encode() if isinstance(content, bytes) else text.encode(content)))
    (result,) = run_batch(kind, ["a"], url=wire.url).results
    assert result.to_dict()["response"]["body"]["choices"][0]["message"]["content"] == "Grün"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
@pytest.mark.parametrize("status", [200, 400])
def test_body_is_stored_with_the_digits_of_its_numbers(kind: str, wire: RawServer, status: int, encoding: str) -> None:
    body = completion() if status == 200 else envelope("invalid_format")
    text = json.dumps({**body, "credits": "DIGITS"}).replace('"DIGITS"', "0.12345678901234567890123")
    wire.plays(answer(status, text.encode(encoding)))
    (result,) = run_batch(kind, ["a"], url=wire.url).results
    assert b"0.12345678901234567890123" in result.to_json()


def test_large_error_body_is_not_stored(kind: str, wire: RawServer) -> None:
    wire.plays(answer(400, {**envelope("invalid_format"), "more": "x" * (1 << 20)}))
    (result,) = run_batch(kind, ["a"], url=wire.url).results
    assert result.to_dict()["response"]["body"] is None


def test_lost_answer_is_sent_again_under_the_same_key(kind: str, mock: Mock) -> None:
    mock.fault("reset=after; times=3", path=CHAT)
    ended = run_batch(kind, prompts(10), url=mock.url)
    assert (ended.summary.answered, len(charges(mock))) == (10, 10)
    assert ended.summary.retries >= 3


def test_same_job_again_is_not_charged_again(kind: str, mock: Mock) -> None:
    first = run_batch(kind, prompts(10), url=mock.url, job="translations")
    again = run_batch(kind, prompts(10), url=mock.url, job="translations")
    assert sorted(map(str, first.texts)) == sorted(map(str, again.texts))
    assert (again.summary.replayed, again.summary.credits) == (10, 0)
    assert len(charges(mock)) == 10
    run_batch(kind, prompts(10), url=mock.url)
    assert len(charges(mock)) == 20


@pytest.mark.slow
def test_request_that_still_runs_is_awaited(kind: str, wire: RawServer) -> None:
    # As after a kill: the server still works on what the first run sent.
    wire.plays(IN_USE, IN_USE, GOOD)
    (result,) = run_batch(kind, ["a"], url=wire.url).results
    assert result.text == "Red, green, blue."
    assert len(set(wire.keys)) == 1


def test_line_whose_key_stays_in_use_may_be_charged(
    kind: str, wire: RawServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aurous.batch.scheduler._POLL_SECONDS", -1)
    (result,) = run_batch(kind, ["a"], url=wire.plays(IN_USE).url).results
    assert isinstance(result.error, aurous.IdempotencyKeyInUseError)
    assert result.may_be_charged


def test_rate_limit_slows_down_and_loses_nothing(kind: str, wire: RawServer) -> None:
    limited = answer(429, envelope("too_many_requests", "rate_limit"), headers={"Retry-After": "0.1"})
    wire.plays(limited, limited, GOOD)
    ended = run_batch(kind, prompts(20), url=wire.url, retry=None)
    assert (ended.summary.answered, ended.error) == (20, None)
    assert ended.summary.refusals == 2


def test_budget_stops_starting_and_is_exceeded_by_calls_in_flight_only(kind: str, mock: Mock) -> None:
    ended = run_batch(kind, prompts(500), url=mock.url, budget="0.5", concurrency=4)
    assert isinstance(ended.error, aurous.BudgetExceededError)
    credits_by_key = charges(mock)
    assert len(credits_by_key) == ended.summary.answered
    assert sum(credits_by_key.values()) == ended.summary.credits >= Decimal("0.5")
    assert ended.summary.credits - Decimal("0.5") <= 4 * max(credits_by_key.values())


def test_budget_counts_what_earlier_runs_spent(kind: str, mock: Mock, tmp_path: Any) -> None:
    path = tmp_path / "a.jsonl"
    run_batch(kind, prompts(500), url=mock.url, budget="0.5", checkpoint=path)
    count = len(charges(mock))
    again = run_batch(kind, prompts(500), url=mock.url, budget="0.5", checkpoint=path)
    assert isinstance(again.error, aurous.BudgetExceededError)
    assert (again.results, len(charges(mock))) == ([], count)


def test_sums_do_not_depend_on_the_caller_s_decimal_context(kind: str, mock: Mock, tmp_path: Any) -> None:
    path = tmp_path / "a.jsonl"
    with decimal.localcontext(prec=1):
        first = run_batch(kind, prompts(9), url=mock.url, checkpoint=path)
        again = run_batch(kind, prompts(9), url=mock.url, checkpoint=path)
    expected = sum(charges(mock).values())
    assert len(str(expected)) > 4
    assert first.summary.credits == first.summary.job_credits == again.summary.job_credits == expected
    assert first.summary.credits_per_line == expected / 9


def test_stop_ends_with_what_is_in_flight(kind: str, mock: Mock) -> None:
    ended = run_batch(kind, prompts(500), url=mock.url, concurrency=4, on_result=lambda batch, _: batch.stop())
    assert ended.error is None
    assert len(charges(mock)) == len(ended.results) < 20


def test_requests_are_taken_as_they_are_needed(kind: str, mock: Mock) -> None:
    taken = 0

    def endless() -> Iterator[str]:
        nonlocal taken
        while True:
            taken += 1
            yield f"Say {taken}."

    def stop_late(batch: Any, _: object) -> None:
        if batch.summary.answered >= 40:
            batch.stop()

    ended = run_batch(kind, endless(), url=mock.url, concurrency=4, on_result=stop_late)
    assert 40 <= len(ended.results) <= taken <= 60


def test_error_of_the_requests_is_raised_after_the_results(kind: str, mock: Mock) -> None:
    def broken() -> Iterator[str]:
        yield from ("a", "b")
        raise LookupError("no more")

    ended = run_batch(kind, broken(), url=mock.url)
    assert (len(ended.results), type(ended.error)) == (2, LookupError)


@pytest.mark.parametrize(
    "options",
    [
        {"concurrency": 0},
        {"concurrency": 10_001},
        {"share": 0.0},
        {"share": 1.5},
        {"budget": 0.5},
        {"budget": "much"},
        {"budget": -1},
        {"job": ""},
        {"template": "Translate"},
        {"template": b"Translate {text}"},
        {"system": ""},
        {"system": " \n"},
        {"system": 7},
        {"model": ""},
        {"retry_failed": True},
    ],
)
def test_invalid_settings_are_refused(kind: str, mock: Mock, options: dict[str, Any]) -> None:
    assert isinstance(run_batch(kind, ["a"], url=mock.url, **options).error, ConfigurationError)
    assert mock.ledger() == []


def test_batch_is_iterated_once(mock: Mock) -> None:
    with aurous.Aurous(KEY, base_url=mock.url) as client, run(client, ["a"], model=MODEL) as batch:
        assert len(list(batch)) == 1
        with pytest.raises(RuntimeError, match="once"):
            iter(batch)


def test_left_batch_stores_what_was_in_flight(mock: Mock, tmp_path: Any) -> None:
    path = tmp_path / "a.jsonl"
    with aurous.Aurous(KEY, base_url=mock.url) as client:
        for _ in run(client, prompts(100), model=MODEL, checkpoint=path, concurrency=4):
            break
        gc.collect()
        assert len(records(path)) == len(charges(mock)) < 20
        # Unlocked, and its threads have ended.
        assert not [thread for thread in threading.enumerate() if thread.name.startswith("aurous-batch")]
        rest = list(run(client, prompts(100), model=MODEL, checkpoint=path))
    assert len(records(path)) == len(charges(mock)) == 100
    assert len(rest) < 100


def test_batch_whose_threads_cannot_start_unlocks(mock: Mock, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    start, path = threading.Thread.start, tmp_path / "answers.jsonl"

    def fail(thread: threading.Thread) -> None:
        if thread.name == "aurous-batch-2":
            raise RuntimeError("can't start new thread")
        start(thread)

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", fail)
        ended = run_batch("sync", prompts(4), url=mock.url, checkpoint=path)
    assert str(ended.error) == "can't start new thread"
    assert run_batch("sync", prompts(4), url=mock.url, checkpoint=path).error is None
    assert len(records(path)) == len(mock.ledger()) == 4


def test_left_async_batch_hangs_up_and_unlocks(mock: Mock, tmp_path: Any) -> None:
    path = tmp_path / "a.jsonl"

    async def leave_and_finish() -> BatchRun:
        async with aurous.AsyncAurous(KEY, base_url=mock.url) as client:
            async with arun(client, prompts(100), model=MODEL, checkpoint=path, concurrency=4) as batch:
                async for _ in batch:
                    break
            await only_task()
            rest = [result async for result in arun(client, prompts(100), model=MODEL, checkpoint=path)]
            return BatchRun(results=rest)

    assert len(asyncio.run(leave_and_finish()).results) < 100
    assert len(records(path)) == len(charges(mock)) == 100


def test_dropped_async_batch_ends_its_tasks(mock: Mock) -> None:
    async def drop() -> None:
        async with aurous.AsyncAurous(KEY, base_url=mock.url) as client:
            async for _ in arun(client, prompts(100), model=MODEL, concurrency=4):
                break
            await only_task()

    asyncio.run(drop())
    assert len(mock.ledger()) < 50


def test_cancelled_async_batch_ends_its_tasks(mock: Mock) -> None:
    mock.fault("stall=before; times=100", path=CHAT)

    async def iterate(client: aurous.AsyncAurous) -> None:
        async for _ in arun(client, prompts(100), model=MODEL):
            pass

    async def cancel() -> None:
        async with aurous.AsyncAurous(KEY, base_url=mock.url) as client:
            task = asyncio.ensure_future(iterate(client))
            while len(asyncio.all_tasks()) < 60:
                await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await only_task()

    asyncio.run(cancel())


def test_requests_can_be_asynchronous(mock: Mock) -> None:
    async def slowly() -> AsyncIterator[str]:
        for number in range(200):
            await asyncio.sleep(0)
            yield f"Say {number}."

    async def collect(requests: Any) -> list[int]:
        async with aurous.AsyncAurous(KEY, base_url=mock.url) as client:
            return [result.number async for result in arun(client, requests, model=MODEL)]

    assert sorted(asyncio.run(collect(slowly()))) == list(range(1, 201))

    async def broken() -> AsyncIterator[str]:
        yield "a"
        raise LookupError("no more")

    with pytest.raises(LookupError, match="no more"):
        asyncio.run(collect(broken()))


def test_batch_of_nothing_ends(kind: str, mock: Mock) -> None:
    ended = run_batch(kind, [], url=mock.url)
    assert (ended.results, ended.error, ended.summary.lines) == ([], None, 0)
    assert ended.summary.to_dict()["p50_seconds"] is None


def test_budget_of_the_caller_s_block_counts_a_batch(mock: Mock) -> None:
    with aurous.Aurous(KEY, base_url=mock.url) as client, client.budget(credits="0.3") as budget:
        with pytest.raises(aurous.BudgetExceededError):
            list(run(client, prompts(200), model=MODEL, concurrency=2))
        assert budget.spent >= Decimal("0.3")
    eventually(lambda: len(mock.ledger()) < 100)


def test_busy_server_is_retried(kind: str, wire: RawServer) -> None:
    wire.plays(BUSY, BUSY, GOOD)
    ended = run_batch(kind, ["a"], url=wire.url)
    assert (ended.summary.answered, ended.summary.retries) == (1, 2)

"""What ends a batch before its last line: a wrong key or address, an empty balance, a server that fails every line."""

from __future__ import annotations

import itertools
import socket
import threading
from decimal import Decimal
from typing import Any

import aurous
import pytest
from aurous.batch.line_reader import Signal, pull_from
from aurous.batch.scheduler import InFlight, Scheduler
from aurous.batch.settings import Settings
from aurous_client.errors import EncodeError
from aurous_mock.server.launcher import Mock
from clientkit.batches import prompts, records, run_batch
from testkit.raw_server import Connection, RawServer
from testkit.responses import GOOD, HANG_UP, MODEL, answer, completion, envelope, response


def fail_line(wire: RawServer, prompt: bytes, failure: bytes) -> None:
    """Have a server answer requests with this prompt by a failure, and all others by a completion."""

    def respond(connection: Connection) -> bool:
        (*_, request) = [each for each in wire.requests if each.connection == connection.number]
        connection.send(failure if prompt in request.body else response(200, completion()))
        return True

    wire.plays(respond)


def test_wrong_key_ends_the_batch_at_once(kind: str, mock: Mock) -> None:
    ended = run_batch(kind, prompts(1000), url=mock.url, client_options={"api_key": "al_live_wrong"})
    assert isinstance(ended.error, aurous.AuthenticationError)
    assert ended.results == []


def test_empty_balance_ends_the_batch(kind: str, wire: RawServer) -> None:
    wire.plays(GOOD, GOOD, answer(402, envelope("balance_too_low", "payment_required")))
    ended = run_batch(kind, prompts(100), url=wire.url, concurrency=1)
    assert isinstance(ended.error, aurous.BalanceTooLowError)
    assert ended.numbers == [1, 2]


def test_server_that_is_down_ends_the_batch(kind: str, wire: RawServer) -> None:
    wire.plays(GOOD, HANG_UP)
    policy = aurous.RetryPolicy(max_retries=1, initial_delay=0)
    ended = run_batch(kind, prompts(100), url=wire.url, concurrency=1, retry=policy)
    assert isinstance(ended.error, aurous.APIConnectionError)
    # The second may have failed by itself; with the third it is clear.
    assert ended.numbers == [1, 2]
    assert len(wire.requests) == 1 + 3 * 2


def test_results_behind_a_line_that_is_not_repeated_are_delivered() -> None:
    settings = Settings(
        job="job",
        checkpoint=None,
        model=MODEL,
        system=None,
        template=None,
        concurrency=4,
        share=1.0,
        budget=None,
        ordered=True,
        retry_failed=False,
        retry=None,
    )
    scheduler = Scheduler(settings, pull_from(iter(prompts(2))), lambda: 0.0)
    first, second = scheduler.step(), scheduler.step()
    assert isinstance(first, InFlight)
    assert isinstance(second, InFlight)
    # Whether the server or the line is the cause, a second attempt would show.
    assert scheduler.finish(first, aurous.APITimeoutError("no answer", sent=True)) == []
    assert scheduler.finish(second, EncodeError("not JSON")) == []
    scheduler.stop()
    rest = scheduler.step()
    assert isinstance(rest, list)
    assert [result.number for result in rest] == [2]
    assert scheduler.step() is Signal.FINISHED
    # The first line is not forgotten.
    assert not scheduler.is_complete


def test_server_that_dies_under_many_calls_leaves_all_lines_for_later(
    kind: str, wire: RawServer, tmp_path: Any
) -> None:
    arrived, all_arrived = itertools.count(1), threading.Event()

    def die(connection: Connection) -> bool:
        if next(arrived) == 3:
            all_arrived.set()
        all_arrived.wait(60)
        return HANG_UP(connection)

    wire.plays(die)
    policy = aurous.RetryPolicy(max_retries=0)
    path = tmp_path / "a.jsonl"
    ended = run_batch(kind, prompts(100), url=wire.url, concurrency=16, retry=policy, checkpoint=path)
    assert isinstance(ended.error, aurous.APIConnectionError)
    assert (ended.results, records(path)) == ([], [])


def test_address_without_a_server_is_reported_at_once(kind: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = "http://{}:{}".format(*server.getsockname())
    policy = aurous.RetryPolicy(max_retries=0)
    ended = run_batch(kind, prompts(1), url=url, retry=policy)
    assert isinstance(ended.error, aurous.APIConnectionError)
    assert ended.results == []


WRONG_ADDRESSES = {
    "redirect": answer(301, b"", headers={"Location": "https://elsewhere.test/"}),
    "no such path": answer(404, b"not here"),
    "page": answer(200, b"<html>Welcome</html>"),
}


@pytest.mark.parametrize("answered", WRONG_ADDRESSES.values(), ids=WRONG_ADDRESSES.keys())
def test_address_of_another_server_ends_the_batch_before_all_lines_fail(
    kind: str, wire: RawServer, answered: Any
) -> None:
    wire.plays(answered)
    ended = run_batch(kind, prompts(200), url=wire.url, concurrency=4)
    assert isinstance(ended.error, (aurous.APIStatusError, aurous.APIResponseValidationError))
    assert len(wire.requests) < 50
    # A line that fails before the next one starts is sent a second time, and is a result then.
    assert len(ended.results) <= 1


def test_unknown_path_of_a_server_with_error_codes_ends_the_batch(kind: str, wire: RawServer) -> None:
    wire.plays(answer(404, envelope("resource_not_found", "not_found")))
    ended = run_batch(kind, prompts(200), url=f"{wire.url}/gateway", concurrency=4)
    assert isinstance(ended.error, aurous.NotFoundError)
    assert len(wire.requests) < 50
    assert len(ended.results) <= 1


@pytest.mark.parametrize("concurrency", [1, 3])
def test_model_that_is_unknown_behind_a_gateway_fails_its_line_alone(
    kind: str, wire: RawServer, concurrency: int
) -> None:
    fail_line(wire, b"Say 1.", response(404, envelope("resource_not_found", "not_found")))
    ended = run_batch(kind, prompts(6), url=f"{wire.url}/gateway", concurrency=concurrency, ordered=True)
    assert ended.error is None
    assert [result.number for result in ended.results if result.error] == [1]
    assert ended.numbers == [1, 2, 3, 4, 5, 6]


def test_answer_that_was_charged_and_is_not_valid_counts_for_the_budget(
    kind: str, wire: RawServer, tmp_path: Any
) -> None:
    fail_line(wire, b"Say 2.", response(200, {**completion(), "choices": "none"}))
    options: dict[str, Any] = {"url": wire.url, "concurrency": 1, "budget": "0.5", "checkpoint": tmp_path / "a.jsonl"}
    first = run_batch(kind, prompts(6), **options)
    assert isinstance(first.error, aurous.BudgetExceededError)
    assert (first.summary.answered, first.summary.failed, first.summary.credits) == (1, 1, Decimal("0.5712"))
    (failed,) = [result for result in first.results if result.error]
    assert failed.to_dict()["aurous"]["receipt"]["credits"] == "0.2856"
    again = run_batch(kind, prompts(6), **options)
    assert isinstance(again.error, aurous.BudgetExceededError)
    assert (again.results, again.summary.job_credits) == ([], Decimal("0.5712"))


@pytest.mark.parametrize("concurrency", [1, 3])
def test_line_that_always_fails_does_not_end_the_batch(kind: str, wire: RawServer, concurrency: int) -> None:
    fail_line(wire, b"Say 2.", response(500))
    ended = run_batch(kind, prompts(6), url=wire.url, concurrency=concurrency, ordered=True)
    assert ended.error is None
    assert ended.numbers == [1, 2, 3, 4, 5, 6]
    (failed,) = [result for result in ended.results if result.error]
    assert (failed.number, type(failed.error)) == (2, aurous.ServerError)
    assert failed.to_dict()["aurous"]["may_be_charged"] is True

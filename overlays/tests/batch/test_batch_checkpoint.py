"""The output file of a batch as its checkpoint: what is sent again, what is refused, and what a kill leaves behind."""

from __future__ import annotations

import asyncio
import json
import os
import stat
import warnings
from decimal import Decimal
from pathlib import Path
from typing import Any

import aurous
import pytest
from aurous._json import MAX_DEPTH
from aurous.batch import BatchWarning, CheckpointError, Summary, arun, read
from aurous.batch.checkpoint import Checkpoint
from aurous.batch.journal import MARK
from aurous.errors import ConfigurationError
from aurous_mock.server.launcher import Mock
from clientkit.batches import BatchRun, journal_of, prompts, records, run_batch
from testkit.conditions import PATIENCE
from testkit.raw_server import RawServer, raw
from testkit.responses import GOOD, KEY, MODEL, answer, completion

CHAT = "/v1/chat/completions"
HOUR = 3600.0


def batch(mock: Mock, path: Path, requests: Any = None, **options: Any) -> BatchRun:
    requests = prompts(20) if requests is None else requests
    return run_batch("sync", requests, url=mock.url, checkpoint=path, **{"concurrency": 4, **options})


def interrupt(mock: Mock, path: Path, **options: Any) -> BatchRun:
    """A batch that is stopped after its first results."""
    return batch(mock, path, on_result=lambda running, _: running.stop(), **options)


def test_lines_with_a_record_are_not_sent_again(mock: Mock, path: Path) -> None:
    first = interrupt(mock, path)
    again = batch(mock, path)
    assert again.summary.skipped == len(first.results) < 20
    assert sorted(first.numbers + again.numbers) == list(range(1, 21))
    assert len(mock.ledger()) == 20
    assert again.summary.job_credits == sum(Decimal(each["aurous"]["receipt"]["credits"]) for each in records(path))


def test_complete_job_leaves_nothing_but_its_output(mock: Mock, path: Path) -> None:
    batch(mock, path)
    assert os.listdir(path.parent) == [path.name]
    before = path.read_bytes()
    assert batch(mock, path).summary.skipped == 20
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == [path.name]


def test_more_lines_can_be_added_later(mock: Mock, path: Path) -> None:
    batch(mock, path)
    assert batch(mock, path, prompts(25)).numbers != []
    assert len(mock.ledger()) == len(records(path)) == 25


@pytest.mark.parametrize("left", [1, 17, 300])
def test_torn_last_line_is_dropped_and_sent_again(mock: Mock, path: Path, left: int) -> None:
    batch(mock, path)
    whole = path.read_bytes()
    start = whole.rindex(b"\n", 0, -1) + 1
    path.write_bytes(whole[: start + left])
    again = batch(mock, path)
    assert (again.summary.skipped, again.summary.replayed) == (19, 1)
    assert len(records(path)) == len(mock.ledger()) == 20


def test_output_cut_at_any_byte_has_its_whole_lines(mock: Mock, path: Path) -> None:
    batch(mock, path, prompts(3), job="cut", ordered=True)
    content = path.read_bytes()
    ends = [end for end, byte in enumerate(content, 1) if byte == ord("\n")]
    near = {max(end + shift, 0) for end in (0, *ends) for shift in range(-2, 3)}
    for cut in sorted({*near, *range(0, len(content), 397)} & set(range(len(content) + 1))):
        # The second is what a loss of power can leave: the length without the content.
        for tail in (b"", bytes(50)):
            path.write_bytes(content[:cut] + tail)
            checkpoint = Checkpoint(path, job="cut")
            whole = sum(end <= cut for end in ends)
            assert [checkpoint.is_done(number) for number in (1, 2, 3)] == [number <= whole for number in (1, 2, 3)]
            assert path.read_bytes() == content[: max([0, *ends[:whole]])]
            checkpoint.close()


def test_lines_of_the_last_second_before_a_loss_of_power_are_sent_again_uncharged(mock: Mock, path: Path) -> None:
    batch(mock, path, job=None, ordered=True)
    # Of the output, what was synced; of the journal, what it was when the run began.
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:7]) + lines[7][:300])
    again = batch(mock, path)
    assert (again.summary.skipped, again.summary.answered, again.summary.replayed) == (7, 13, 13)
    assert again.summary.credits == 0
    assert len(mock.ledger()) == 20


def test_line_in_flight_at_a_kill_gets_its_first_answer_uncharged(mock: Mock, path: Path) -> None:
    batch(mock, path)
    # As if the process had died before it could write the answers of these.
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:-4]))
    again = batch(mock, path)
    assert (again.summary.answered, again.summary.replayed, again.summary.credits) == (4, 4, 0)
    assert {line["custom_id"] for line in records(path)[-4:]} == {json.loads(line)["custom_id"] for line in lines[-4:]}
    assert len(mock.ledger()) == 20


def test_changed_line_is_refused(mock: Mock, path: Path) -> None:
    batch(mock, path)
    changed = prompts(20)
    changed[6] = {"prompt": "Something else"}
    ended = batch(mock, path, changed)
    assert isinstance(ended.error, CheckpointError)
    assert str(ended.error).startswith(f"line 7 of the input is not the one that {path} has a result of")
    for options in ({"system": "Be brief."}, {"model": "other"}):
        assert isinstance(batch(mock, path, **options).error, CheckpointError)
    assert len(mock.ledger()) == 20


def test_output_of_another_job_is_refused(mock: Mock, path: Path) -> None:
    batch(mock, path, job="one")
    ended = batch(mock, path, job="two")
    assert isinstance(ended.error, CheckpointError)
    assert "belongs to the job 'one', not to 'two'" in str(ended.error)
    assert batch(mock, path, job="one").error is None


def test_job_without_any_result_is_known_by_its_journal(mock: Mock, path: Path) -> None:
    Checkpoint(path, job="one").close()
    ended = batch(mock, path, job="two")
    assert isinstance(ended.error, ConfigurationError)
    assert "belongs to the job 'one'" in str(ended.error)


@pytest.mark.parametrize("content", ["hello", "hello\n", '{"a": 1}\n', "[]\n", '{"id":"batch_req_1"}\n', "\0\n"])
def test_file_that_is_no_output_is_left_alone(mock: Mock, path: Path, content: str) -> None:
    path.write_text(content)
    ended = batch(mock, path)
    assert isinstance(ended.error, CheckpointError)
    assert "line 1" in str(ended.error)
    assert path.read_text() == content
    assert mock.ledger() == []


def test_place_that_cannot_be_written_is_refused(mock: Mock, path: Path) -> None:
    for place, reason in ((path.parent, "Is a directory"), (path / "deeper", "No such file"), (Path("/dev/full"), "")):
        ended = batch(mock, place)
        assert isinstance(ended.error, CheckpointError)
        assert reason in str(ended.error)


def test_two_runs_cannot_write_the_same_file(mock: Mock, path: Path) -> None:
    holder = Checkpoint(path)
    ended = batch(mock, path)
    assert str(ended.error) == f"another run is writing {path}"
    holder.close()
    assert batch(mock, path).error is None


def test_failed_lines_stay_failed_unless_retried(mock: Mock, path: Path) -> None:
    mock.fault("status=422", path=CHAT)
    first = batch(mock, path)
    (failed,) = [result.number for result in first.results if result.error]
    assert (batch(mock, path).results, len(records(path))) == ([], 20)
    again = batch(mock, path, retry_failed=True)
    assert again.numbers == [failed]
    assert len(records(path)) == len(mock.ledger()) == 20
    assert all(record["error"] is None for record in read(path))


def test_retrying_keeps_the_permissions_of_the_output(mock: Mock, path: Path) -> None:
    mock.fault("status=422", path=CHAT)
    batch(mock, path)
    path.chmod(0o600)
    assert len(batch(mock, path, retry_failed=True).results) == 1
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_retrying_follows_a_symbolic_link(mock: Mock, path: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    path.symlink_to(elsewhere / "answers.jsonl")
    mock.fault("status=422", path=CHAT)
    batch(mock, path)
    assert len(batch(mock, path, retry_failed=True).results) == 1
    assert path.is_symlink()
    assert [each.name for each in elsewhere.iterdir()] == ["answers.jsonl"]
    assert len(records(elsewhere / "answers.jsonl")) == len(mock.ledger()) == 20


def test_mended_line_can_be_retried(mock: Mock, path: Path) -> None:
    lines: list[Any] = [{"prompt": "a"}, {}, {"prompt": "c"}]
    batch(mock, path, lines)
    lines[1] = {"prompt": "b"}
    assert isinstance(batch(mock, path, lines).error, CheckpointError)
    assert batch(mock, path, lines, retry_failed=True).numbers == [2]
    assert len(records(path)) == len(mock.ledger()) == 3


def test_lines_in_flight_a_day_ago_are_named_before_they_are_sent(mock: Mock, path: Path) -> None:
    first = interrupt(mock, path)
    high = max(first.numbers)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:-1]))
    lost = json.loads(lines[-1])
    age(journal_of(path), 30 * HOUR)
    with pytest.warns(BatchWarning) as warned:
        again = batch(mock, path)
    (warning,) = warned
    number = lost["aurous"]["line"]
    assert str(warning.message).startswith(
        f"line {number} (line-{number}) was in flight when an earlier run ended, 30 "
    )
    assert again.error is None
    assert number <= high


def test_line_whose_warning_is_an_error_is_not_forgotten(kind: str, mock: Mock, path: Path) -> None:
    batch(mock, path, prompts(2), ordered=True)
    first, _ = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(first)
    interrupted = Checkpoint(path)
    interrupted.start(2, 0.0)
    interrupted.close()
    for _ in range(2):
        with warnings.catch_warnings():
            warnings.simplefilter("error", BatchWarning)
            ended = run_batch(kind, prompts(2), url=mock.url, checkpoint=path)
        assert (type(ended.error), ended.results) == (BatchWarning, [])
    assert len(mock.ledger()) == 2


def test_lines_in_flight_an_hour_ago_are_sent_without_a_warning(mock: Mock, path: Path) -> None:
    interrupt(mock, path)
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))
    age(journal_of(path), HOUR)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert batch(mock, path).error is None


def age(journal: Path, seconds: float) -> None:
    """Let the last request of a journal have been sent earlier."""
    content = bytearray(journal.read_bytes())
    high, moment = MARK.unpack_from(content)
    MARK.pack_into(content, 0, high, moment - seconds)
    journal.write_bytes(content)


@pytest.mark.parametrize("content", [b"", b"nonsense", b"\0" * 5000])
def test_broken_journal_is_an_error_that_says_what_to_do(mock: Mock, path: Path, content: bytes) -> None:
    journal_of(path).write_bytes(content)
    ended = batch(mock, path)
    assert isinstance(ended.error, ConfigurationError)
    assert str(ended.error) == f"{journal_of(path)} is not the journal of a batch; move it away to begin without it"


@pytest.mark.parametrize("written", [0, 100])
def test_full_disk_ends_the_batch_and_leaves_whole_lines(
    mock: Mock, path: Path, monkeypatch: pytest.MonkeyPatch, written: int
) -> None:
    real, count = os.write, 0

    def write(descriptor: int, data: bytes) -> int:
        nonlocal count
        if not data.startswith(b'{"id":"batch_req_') and count == 0:
            return real(descriptor, data)
        count += 1
        if count == 6 and written:
            return real(descriptor, data[:written])
        if count >= 6:
            raise OSError(28, "No space left on device")
        return real(descriptor, data)

    with monkeypatch.context() as patch:
        patch.setattr("aurous.batch.checkpoint.os.write", write)
        ended = batch(mock, path)
    assert isinstance(ended.error, OSError)
    assert len(records(path)) == 5
    assert batch(mock, path).error is None
    assert len(records(path)) == len(mock.ledger()) == 20


def test_read_gives_the_records_of_whole_lines(mock: Mock, path: Path) -> None:
    batch(mock, path, prompts(3))
    with open(path, "ab") as file:
        file.write(b'{"id":"batch')
    assert [record["aurous"]["line"] for record in read(path)] == [record["aurous"]["line"] for record in read(path)]
    assert len(list(read(path))) == 3


@pytest.mark.parametrize("status", [200, 400])
def test_deepest_body_that_is_read_is_stored_in_a_record_that_is_read(wire: RawServer, path: Path, status: int) -> None:
    levels = MAX_DEPTH - 1
    text = json.dumps({**completion(), "more": "DEEP"}).replace('"DEEP"', "[" * levels + "]" * levels)
    wire.plays(answer(status, text.encode()))
    first = run_batch("sync", prompts(1), url=wire.url, checkpoint=path)
    ((record,), (result,)) = read(path), first.results
    assert record["response"]["body"]["more"]
    assert (result.completion is None) == (status == 400)
    again = run_batch("sync", prompts(1), url=wire.url, checkpoint=path)
    assert (again.error, again.summary.skipped) == (None, 1)


def test_ordered_output_is_stored_in_order_even_when_continued(mock: Mock, path: Path) -> None:
    mock.fault("latency=0.2", path=CHAT)
    first = interrupt(mock, path, ordered=True)
    assert len(first.results) < 20
    batch(mock, path, ordered=True)
    assert [record["aurous"]["line"] for record in records(path)] == list(range(1, 21))
    assert len(mock.ledger()) == 20


def test_answers_after_an_abandoned_line_are_stored(wire: RawServer, path: Path) -> None:
    wire.plays(raw(b"", then="stall"), GOOD)

    async def hang_up() -> Summary:
        async with aurous.AsyncAurous(KEY, base_url=wire.url) as client:
            batch = arun(client, prompts(3), model=MODEL, ordered=True, checkpoint=path)
            reading = asyncio.ensure_future(anext(aiter(batch)))
            async with asyncio.timeout(PATIENCE):
                while batch.summary.answered < 2:
                    await asyncio.sleep(0)
            await batch.aclose()
            reading.cancel()
            await asyncio.wait([reading])
            return batch.summary

    assert asyncio.run(hang_up()).answered == len(records(path)) == 2


def test_batch_that_is_disconnected_after_its_last_line_keeps_its_keys(wire: RawServer, path: Path) -> None:
    wire.plays(raw(b"", then="stall"))

    async def disconnect() -> None:
        async with aurous.AsyncAurous(KEY, base_url=wire.url) as client, asyncio.TaskGroup() as group:
            batch = arun(client, prompts(2), model=MODEL, checkpoint=path)
            task = group.create_task(anext(aiter(batch)))  # type: ignore[arg-type]
            async with asyncio.timeout(PATIENCE):
                while len(wire.requests) < 2:
                    await asyncio.sleep(0)
            task.cancel()

    asyncio.run(disconnect())
    assert (records(path), journal_of(path).exists()) == ([], True)
    keys = {*wire.keys}
    wire.plays(GOOD)
    again = run_batch("sync", prompts(2), url=wire.url, checkpoint=path)
    assert sorted(again.numbers) == [1, 2]
    assert {*wire.keys} == keys

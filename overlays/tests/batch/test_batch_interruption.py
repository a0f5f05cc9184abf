"""What ends the command in mid-batch: kill -9, Ctrl-C once and twice, and what the next run makes of it."""

from __future__ import annotations

import json
import random
import re
import signal
import subprocess
from pathlib import Path

import pytest
from aurous.batch.journal import MARK
from aurous.testing import AurousMock
from clientkit.batches import assert_charged_once, charged_keys, prompts, records, write_lines
from clientkit.command_line import CHAT, ended, run, start
from testkit.conditions import eventually


def start_slow(mock: AurousMock, source: Path, target: Path, *flags: str) -> subprocess.Popen[bytes]:
    """A run whose answers take a while, of which there are some already."""
    before = target.stat().st_size if target.exists() else 0
    process = start("batch", source, "-o", target, "--concurrency=4", "--quiet", *flags)
    eventually(lambda: target.exists() and target.stat().st_size > before)
    return process


@pytest.mark.parametrize("kills", [1, pytest.param(3, marks=pytest.mark.slow)])
def test_kill_at_any_moment_neither_loses_nor_repeats_a_charge(
    aurous_mock: AurousMock, tmp_path: Path, target: Path, kills: int
) -> None:
    count, chance = 60, random.Random(0)
    source = write_lines(tmp_path / "in.jsonl", prompts(count))
    for _ in range(kills):
        aurous_mock.fault("latency=0.1; times=20", path=CHAT)
        process = start_slow(aurous_mock, source, target)
        size = target.stat().st_size + chance.randrange(5000)
        eventually(lambda size=size, process=process: target.stat().st_size > size or process.poll() is not None)
        process.kill()
        process.communicate()
    result = run("batch", str(source), "-o", str(target))
    assert result.status == 0
    assert_charged_once(aurous_mock, target, count)


def test_ctrl_c_finishes_what_is_in_flight(aurous_mock: AurousMock, tmp_path: Path, target: Path) -> None:
    source = write_lines(tmp_path / "in.jsonl", prompts(300))
    aurous_mock.fault("latency=0.05; times=300", path=CHAT)
    process = start_slow(aurous_mock, source, target)
    process.send_signal(signal.SIGINT)
    result = ended(process)
    assert result.status == 130
    assert re.fullmatch(r"interrupted: finishing \d requests? in flight; once more disconnects them", result.lines[0])
    assert result.lines[-1] == f"run the same command again to resume; {target} has what was answered"
    assert len(records(target)) == len(charged_keys(aurous_mock)) < 300


def test_sigterm_leaves_what_a_server_that_is_gone_does_not_answer(
    aurous_mock: AurousMock, source: Path, target: Path
) -> None:
    aurous_mock.fault("skip=2; reset=before; times=1000; id=all", path=CHAT)
    process = start_slow(aurous_mock, source, target)
    process.send_signal(signal.SIGTERM)
    result = ended(process)
    assert result.status == 130
    assert re.fullmatch(
        r"interrupted: finishing \d requests? in flight( and leaving \d that failed and would be repeated)?; "
        "once more disconnects them",
        result.lines[0],
    )
    answered = {record["aurous"]["line"] for record in records(target)}
    assert len(answered) == 2
    aurous_mock.reset()
    assert run("batch", str(source), "-o", str(target), "--quiet").status == 0
    later = [record for record in records(target) if record["aurous"]["line"] not in answered]
    assert sorted(record["aurous"]["idempotency_key"] for record in later) == sorted(charged_keys(aurous_mock))
    assert len(later) == 18


@pytest.mark.slow
def test_second_ctrl_c_hangs_up(aurous_mock: AurousMock, source: Path, target: Path) -> None:
    aurous_mock.fault("skip=2; stall=before; times=100; id=all", path=CHAT)
    process = start_slow(aurous_mock, source, target)
    assert process.stderr is not None
    process.send_signal(signal.SIGINT)
    first = process.stderr.readline()
    process.send_signal(signal.SIGINT)
    result = ended(process)
    assert first.startswith(b"aurous: interrupted: finishing ")
    assert (result.status, result.lines[0]) == (130, "disconnected")
    aurous_mock.reset()
    assert run("batch", str(source), "-o", str(target), "--quiet").status == 0
    assert len(records(target)) == 20


def test_run_that_ends_early_names_what_sends_failed_lines_again(
    aurous_mock: AurousMock, tmp_path: Path, target: Path
) -> None:
    source = write_lines(tmp_path / "in.jsonl", [*["nonsense"] * 2, *prompts(5)])
    flags = ["batch", str(source), "-o", str(target), "--concurrency=1", "--budget=0.00001"]
    resume = f"run the same command again to resume; {target} has what was answered"
    for _ in range(2):
        result = run(*flags)
        expected = f"{resume}; --retry-failed also sends the 2 lines that failed again"
        assert (result.status, result.lines[-1]) == (5, expected)
    assert run(*flags, "--retry-failed").lines[-1] == resume


def test_interrupted_job_without_a_file_can_be_continued_by_its_name(aurous_mock: AurousMock, source: Path) -> None:
    first = run("batch", str(source), "--job", "translations", "--quiet")
    again = run("batch", str(source), "--job", "translations", "--quiet")
    assert (first.status, again.status) == (0, 0)
    assert len(charged_keys(aurous_mock)) == 20
    assert all(json.loads(line)["aurous"]["receipt"]["replayed"] for line in again.out.splitlines())


@pytest.mark.slow
def test_lines_that_may_be_charged_again_are_named(aurous_mock: AurousMock, source: Path, target: Path) -> None:
    aurous_mock.fault("skip=2; stall=before; times=100; id=all", path=CHAT)
    process = start_slow(aurous_mock, source, target)
    process.kill()
    process.communicate()
    move_back(target.with_name(f"{target.name}.journal"), 30 * 3600)
    aurous_mock.reset()
    result = run("batch", str(source), "-o", str(target), "--quiet")
    assert result.status == 0
    assert 0 < len(result.lines) <= 4
    for line in result.lines:
        assert re.fullmatch(
            r"warning: line (\d+) \(line-\1\) was in flight when an earlier run ended, 30 hours ago: .*", line
        )


def move_back(journal: Path, seconds: float) -> None:
    """Let the last request of a journal have been sent earlier."""
    content = bytearray(journal.read_bytes())
    high, moment = MARK.unpack_from(content)
    MARK.pack_into(content, 0, high, moment - seconds)
    journal.write_bytes(content)

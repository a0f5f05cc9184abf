"""The command `aurous batch`: what it writes, its exit status, and jobs that are killed, interrupted and continued."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import IO, Any

import pytest
from aurous.batch import InputFile
from aurous.batch.request_forms import Line
from aurous.cli.batch import _read_pipe
from aurous.errors import ConfigurationError
from aurous.testing import AurousMock
from clientkit.batches import assert_charged_once, contents_of, prompts, records, write_lines
from clientkit.command_line import PATIENCE, ended, environment, run, start


def test_answers_go_to_the_output_and_figures_to_stderr(aurous_mock: AurousMock, source: Path, target: Path) -> None:
    result = run("batch", str(source), "-o", str(target))
    assert (result.status, result.out) == (0, "")
    assert_charged_once(aurous_mock, target, 20)
    total = sum(Decimal(str(charge["credits_charged"])) for charge in aurous_mock.ledger())
    assert re.fullmatch(r"20 lines answered, in [\d.]+ s", result.lines[0])
    assert result.lines[1].startswith(f"{total:f} credits charged, ")
    assert result.lines[2].endswith("; 0 attempts refused, 0 retries")


def test_standard_input_and_output_without_files(aurous_mock: AurousMock, source: Path) -> None:
    result = run("batch", "-", "--quiet", "--ordered", given=source.read_bytes())
    assert (result.status, result.err) == (0, "")
    answers = [json.loads(line) for line in result.out.splitlines()]
    assert [answer["custom_id"] for answer in answers] == [f"line-{number}" for number in range(1, 21)]
    with source.open("rb") as file:
        redirected = ended(start("batch", "-", "--quiet", stdin=file))
    assert (redirected.status, len(redirected.out.splitlines())) == (0, 20)


def test_full_disk_of_stderr_changes_no_status(aurous_mock: AurousMock, source: Path, target: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        process = start("batch", source, "-o", target, stderr=full)
        process.communicate(timeout=PATIENCE)
    assert process.returncode == 0
    assert_charged_once(aurous_mock, target, 20)


def rescued(folder: Path, err: str) -> list[str]:
    """The ids of the answers in the file that the command names."""
    (path,) = folder.glob("aurous-batch-*.jsonl")
    assert f"standard output failed: the answers that it did not take go into {path}" in err
    assert path.stat().st_mode & 0o077 == 0
    return [record["response"]["body"]["id"] for record in records(path)]


@pytest.mark.parametrize("flags", [[], ["--ordered"], ["--job", "mine"]])
def test_closed_pipe_loses_no_answer_that_was_charged(
    aurous_mock: AurousMock, tmp_path: Path, flags: list[str]
) -> None:
    source = write_lines(tmp_path / "in.jsonl", prompts(2000))
    process = start("batch", source, "--concurrency", "8", *flags, cwd=tmp_path)
    assert process.stdout is not None
    # The first is read; others are in the pipe, and in flight, when it closes.
    first = json.loads(process.stdout.readline())
    process.stdout.close()
    _, err = process.communicate(timeout=3 * PATIENCE)
    kept = [first["response"]["body"]["id"], *rescued(tmp_path, err.decode())]
    charged = {charge["completion_id"] for charge in aurous_mock.ledger()}
    assert (process.returncode, charged - set(kept)) == (141, set())
    assert len(charged) < 2000
    assert "within 24 hours pays for nothing twice" in err.decode()


def test_full_disk_of_stdout_loses_no_answer_that_was_charged(
    aurous_mock: AurousMock, source: Path, tmp_path: Path
) -> None:
    with Path("/dev/full").open("wb") as full:
        process = start("batch", source, "--concurrency", "2", stdout=full, cwd=tmp_path)
        _, err = process.communicate(timeout=3 * PATIENCE)
    charged = [charge["completion_id"] for charge in aurous_mock.ledger()]
    assert (process.returncode, sorted(rescued(tmp_path, err.decode()))) == (3, sorted(charged))


def test_null_device_is_an_empty_input(aurous_mock: AurousMock, target: Path) -> None:
    result = ended(start("batch", "-", "--quiet", "-o", target, stdin=subprocess.DEVNULL))
    assert (result.status, result.err, result.out) == (0, "", "")


@pytest.mark.parametrize("kind", ["jsonl", "csv"])
def test_named_pipe_is_read_to_its_end(aurous_mock: AurousMock, tmp_path: Path, target: Path, kind: str) -> None:
    pipe = tmp_path / f"pipe.{kind}"
    os.mkfifo(pipe)
    # Standard input, which has no lines, is not read in its place.
    process = start("batch", pipe, "--quiet", "-o", target, stdin=subprocess.DEVNULL)
    with pipe.open("w", encoding="utf-8") as file:
        file.write("prompt\nWhy?\nHow?\n" if kind == "csv" else '{"prompt": "Why?"}\n"How?"')
    result = ended(process)
    assert (result.status, result.err, len(records(target))) == (0, "", 2)


@pytest.mark.parametrize("given", ['{"prompt": "Why?"}\n'.encode("utf-16"), b"\x1f\x8b\x08"])
def test_binary_pipe_is_refused_as_a_binary_file_is(aurous_mock: AurousMock, target: Path, given: bytes) -> None:
    result = ended(start("batch", "-", "-o", target, stdin=subprocess.PIPE), given)
    assert (result.status, result.line) == (
        2,
        "standard input is not a file of JSON lines, but binary; see --input-format",
    )
    assert aurous_mock.ledger() == []


@pytest.mark.parametrize("given", ['{"prompt": "Why?"}\n'.encode("utf-16"), b"\x1f\x8b\x08\n", b"PAR1\n"])
def test_dry_run_refuses_a_binary_pipe_as_a_run_does(target: Path, given: bytes) -> None:
    result = ended(start("batch", "-", "-o", target, "--dry-run", stdin=subprocess.PIPE), given)
    assert (result.status, result.line) == (
        2,
        "standard input is not a file of JSON lines, but binary; see --input-format",
    )


@pytest.mark.parametrize("given", ['{"prompt": "Why?"}\n'.encode("utf-16"), b"\x1f\x8b\x08\n", b"PAR1\n"])
@pytest.mark.parametrize("size", [1, 2, 3])
def test_binary_pipe_is_refused_in_any_pieces(monkeypatch: pytest.MonkeyPatch, given: bytes, size: int) -> None:
    monkeypatch.setattr("aurous.cli.batch._PIECE", size)

    async def read() -> None:
        with pipe_of(given) as file:
            assert [line async for line in _read_pipe(InputFile(file))] == []

    with pytest.raises(ConfigurationError, match="not a file of JSON lines, but binary"):
        asyncio.run(read())


def test_pipe_is_read_by_a_loop_that_cannot_wait_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def add_reader(*_: Any) -> None:
        # As the loop of Windows.
        raise NotImplementedError

    async def read() -> list[Line]:
        monkeypatch.setattr(asyncio.get_running_loop(), "add_reader", add_reader)
        with pipe_of(b'"a"\n"b"') as file:
            return [line async for line in _read_pipe(InputFile(file))]

    assert asyncio.run(read()) == [Line(1, "a"), Line(2, "b")]


def pipe_of(content: bytes) -> IO[bytes]:
    """The end of a pipe from which this, and nothing more, is read."""
    output, entry = os.pipe()
    os.write(entry, content)
    os.close(entry)
    return open(output, "rb")


def test_lines_come_through_a_pipe_in_any_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [b'"a"', b"", b'{"prompt": "' + b"b" * 20 + b'"}', b'"c"']

    async def read(ending: bytes, size: int) -> list[Line]:
        monkeypatch.setattr("aurous.cli.batch._PIECE", size)
        with pipe_of(b"\n".join(lines) + ending) as file:
            return [line async for line in _read_pipe(InputFile(file))]

    expected = [Line(1, "a"), Line(3, {"prompt": "b" * 20}), Line(4, "c")]
    for size in (1, 4, 5, 7, 64):
        assert asyncio.run(read(b"", size)) == asyncio.run(read(b"\n", size)) == expected


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
@pytest.mark.parametrize("flags", [[], ["--dry-run"]])
def test_output_is_json_in_any_encoding(
    aurous_mock: AurousMock, tmp_path: Path, encoding: str, flags: list[str]
) -> None:
    text = "caf\N{LATIN SMALL LETTER E WITH ACUTE} \N{EURO SIGN} \N{GRINNING FACE}"
    aurous_mock.answer(text)
    source = write_lines(tmp_path / "in.jsonl", [{"prompt": text}])
    result = ended(start("batch", source, "--quiet", *flags, env={"PYTHONIOENCODING": encoding}))
    document = json.loads(result.out)
    messages = document["messages"] if flags else [document["response"]["body"]["choices"][0]["message"]]
    assert [message["content"] for message in messages] == [text]


@pytest.mark.slow
def test_answers_appear_while_lines_still_arrive(aurous_mock: AurousMock) -> None:
    process = start("batch", "-", "--quiet", stdin=subprocess.PIPE)
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(b'"first"\n')
    process.stdin.flush()
    first = json.loads(process.stdout.readline())
    result = ended(process, b'"second"')
    assert (result.status, first["custom_id"], json.loads(result.out)["custom_id"]) == (0, "line-1", "line-2")


@pytest.mark.slow
def test_ctrl_c_ends_a_run_that_waits_for_lines(aurous_mock: AurousMock) -> None:
    process = start("batch", "-", "--quiet", stdin=subprocess.PIPE)
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(b'"first"\n')
    process.stdin.flush()
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    # Without closing its input, for whose end it does not wait.
    assert process.wait(PATIENCE) == 130
    ended(process)


def test_json_option_prints_the_figures(aurous_mock: AurousMock, source: Path, target: Path) -> None:
    result = run("batch", str(source), "-o", str(target), "--json")
    figures = json.loads(result.out)
    assert (result.status, result.err) == (0, "")
    assert (figures["answered"], figures["failed"], figures["job"]) == (20, 0, records(target)[0]["aurous"]["job"])
    assert figures["budget_exceeded"] is False


@pytest.mark.parametrize(
    ("count", "budget", "expected"),
    [(1, "1000", (0, False)), (1, "0.00001", (0, True)), (2, "0.00001", (5, True)), (2, "exact", (5, True))],
)
def test_json_says_whether_the_budget_was_exceeded(
    aurous_mock: AurousMock, source: Path, target: Path, count: int, budget: str, expected: tuple[int, bool]
) -> None:
    if budget == "exact":
        assert run("batch", str(write_lines(source, prompts(1))), "-o", str(target)).status == 0
        budget = str(aurous_mock.ledger()[0]["credits_charged"])
    write_lines(source, prompts(count))
    result = run("batch", str(source), "-o", str(target), "--json", "--concurrency=1", f"--budget={budget}")
    assert (result.status, json.loads(result.out)["budget_exceeded"]) == expected


@pytest.mark.parametrize("kind", ["csv", "parquet"])
@pytest.mark.parametrize("given", ["file", "pipe"])
def test_rows_with_a_template(aurous_mock: AurousMock, tmp_path: Path, target: Path, kind: str, given: str) -> None:
    import pyarrow
    from pyarrow import csv, parquet

    table = pyarrow.table({"text": ["cat", "dog"], "custom_id": ["c", "d"]})
    path = tmp_path / f"rows.{kind}"
    (csv.write_csv if kind == "csv" else parquet.write_table)(table, path)
    flags = ["--template", "Translate {text}", "--system", "Into French.", "-o", str(target)]
    if given == "file":
        result = run("batch", str(path), *flags)
    else:
        result = run("batch", "-", "--input-format", kind, *flags, given=path.read_bytes())
    assert result.status == 0
    assert sorted(record["custom_id"] for record in records(target)) == ["c", "d"]


def test_output_of_openai_s_batch_form_has_its_custom_ids(
    aurous_mock: AurousMock, tmp_path: Path, target: Path
) -> None:
    body = {"model": "aurous-grow-2.0-pro", "messages": [{"role": "user", "content": "Why?"}]}
    line = {"custom_id": "request-1", "method": "POST", "url": "/v1/chat/completions", "body": body}
    result = run("batch", str(write_lines(tmp_path / "in.jsonl", [line])), "-o", str(target))
    (record,) = records(target)
    assert (result.status, record["custom_id"], record["response"]["status_code"]) == (0, "request-1", 200)
    assert record["response"]["body"]["choices"][0]["message"]["content"]


def test_failed_lines_are_counted_and_retried(aurous_mock: AurousMock, tmp_path: Path, target: Path) -> None:
    source = write_lines(tmp_path / "in.jsonl", [*prompts(3), "nonsense", {"prompt": "a", "model": "unknown"}])
    result = run("batch", str(source), "-o", str(target))
    assert result.status == 4
    assert result.lines[0].startswith("3 lines answered, 2 failed, 1 of them invalid, in ")
    assert result.lines[-1].endswith("--retry-failed sends them again")
    codes = {each["error"]["code"] for each in records(target) if each["error"]}
    assert codes == {"invalid_line", "resource_not_found"}
    resumed = run("batch", str(source), "-o", str(target))
    assert (resumed.status, resumed.lines[-1]) == (4, result.lines[-1])
    write_lines(source, [*prompts(3), {"prompt": "mended"}, {"prompt": "a"}])
    before = contents_of(tmp_path)
    planned = run("batch", str(source), "-o", str(target), "--retry-failed", "--dry-run", "--json")
    assert (json.loads(planned.out)["to_send"], json.loads(planned.out)["skipped"]) == (2, 3)
    assert contents_of(tmp_path) == before
    again = run("batch", str(source), "-o", str(target), "--retry-failed")
    assert again.status == 0
    assert_charged_once(aurous_mock, target, 5)


def test_budget_has_its_own_exit_status(aurous_mock: AurousMock, tmp_path: Path, target: Path) -> None:
    source = write_lines(tmp_path / "in.jsonl", prompts(200))
    flags = ["batch", str(source), "-o", str(target), "--concurrency=4"]
    result = run(*flags, "--budget=0.5")
    assert result.status == 5
    assert re.fullmatch(
        r"the budget of 0.5 credits is spent \(0\.\d*\); with a larger --budget, the job resumes", result.lines[-2]
    )
    # With those that were in flight when it was spent.
    assert (
        f"spent ({sum(Decimal(str(charge['credits_charged'])) for charge in aurous_mock.ledger()):f})"
        in result.lines[-2]
    )
    assert result.lines[-1] == f"run the same command again to resume; {target} has what was answered"
    assert run(*flags, "--budget=1000").status == 0
    assert_charged_once(aurous_mock, target, 200)


def test_job_over_its_budget_says_so_though_every_line_was_sent(
    aurous_mock: AurousMock, source: Path, target: Path
) -> None:
    write_lines(source, prompts(1))
    result = run("batch", str(source), "-o", str(target), "--budget=0.00001")
    assert result.status == 0
    assert result.lines[0].startswith("1 line answered, in ")
    credits = Decimal(str(aurous_mock.ledger()[0]["credits_charged"]))
    assert result.lines[-1] == f"the job exceeded its budget of 0.00001 credits ({credits:f})"


@pytest.mark.parametrize(
    ("flags", "status", "expected"),
    [
        (["nothing.jsonl"], 2, "cannot read nothing.jsonl: No such file or directory"),
        (["/"], 2, "cannot read /: Is a directory"),
        (["SOURCE", "-o", "/"], 2, "cannot write /: Is a directory"),
        (["SOURCE", "-o", "SOURCE"], 2, "is not the result of a batch; use another output file"),
        (["SOURCE", "--template", "Translate"], 2, "the template names no member of a row"),
        (["SOURCE", "--input-format", "csv"], 2, "no column prompt"),
        (["SOURCE", "--input-format", "parquet"], 2, "is not a Parquet file"),
        (["SOURCE", "--budget", "much"], 2, "budget: 'much' is not a number of credits"),
        (["SOURCE", "--concurrency", "0"], 2, "0 is not a whole number of 1 or more"),
        (["SOURCE", "--concurrency", "9999999"], 2, "concurrency must be a whole number from 1 to 10000, not 9999999"),
        (["SOURCE", "--json"], 2, "give the answers a file"),
        (["SOURCE", "-o", ""], 2, "argument -o/--output: it is empty; give the name of a file, or - for the standard"),
        (["", "-o", "x.jsonl"], 2, "argument FILE: it is empty; give the name of a file, or - for the standard"),
        (["SOURCE", "--retry-failed"], 2, "needs the file of an earlier run"),
    ],
)
def test_mistake_is_one_line(
    aurous_mock: AurousMock, source: Path, flags: list[str], status: int, expected: str
) -> None:
    result = run("batch", *(str(source) if flag == "SOURCE" else flag for flag in flags))
    assert (result.status, result.out) == (status, "")
    assert expected in result.line
    assert aurous_mock.ledger() == []


def test_journal_that_cannot_be_written_is_named(aurous_mock: AurousMock, source: Path, target: Path) -> None:
    journal = target.with_name(f"{target.name}.journal")
    journal.mkdir()
    result = ended(start("batch", source, "-o", target))
    assert (result.status, result.line) == (3, f"cannot write {journal}: Is a directory")


def test_missing_key_is_one_line(source: Path) -> None:
    result = run("batch", str(source))
    assert (result.status, result.line) == (2, "there is no API key: set AUROUS_API_KEY in the environment")


def test_wrong_key_is_reported_once(aurous_mock: AurousMock, tmp_path: Path, target: Path) -> None:
    source = write_lines(tmp_path / "in.jsonl", prompts(10_000))
    env = {"AUROUS_API_KEY": "al_live_wrong"}
    result = run("batch", str(source), "-o", str(target), "--base-url", aurous_mock.url, env=env)
    assert result.status == 1
    assert result.lines[0].startswith("HTTP 401 invalid_api_key")
    assert len(result.lines) == 2
    assert target.read_bytes() == b""


@pytest.mark.slow
def test_server_that_is_not_there_is_reported_after_its_retries(source: Path, target: Path) -> None:
    env = {"AUROUS_API_KEY": "al_live_any"}
    flags = ["--base-url", "http://127.0.0.1:1", "--quiet"]
    result = run("batch", str(source), "-o", str(target), *flags, env=env)
    assert result.status == 3
    assert len(result.lines) == 2


@pytest.mark.slow
def test_file_that_cannot_grow_is_reported_and_continued(aurous_mock: AurousMock, source: Path, target: Path) -> None:
    # As on a full disk; in blocks of 512 bytes.
    script = 'ulimit -f 10; exec "$@"'
    command = [sys.executable, "-m", "aurous", "batch", str(source), "-o", str(target)]
    process = subprocess.Popen(
        ["sh", "-c", script, "sh", *command], env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    result = ended(process)
    assert (result.status, result.lines[-1]) == (3, "cannot write the answer: File too large")
    assert result.lines[-2] == f"run the same command again to resume; {target} has what was answered"
    assert 0 < len(records(target)) < 20
    assert run("batch", str(source), "-o", str(target)).status == 0
    assert_charged_once(aurous_mock, target, 20)


# Kills and interruptions.


def test_help_documents_every_exit_status() -> None:
    text = run("batch", "--help").out
    for status in (0, 1, 2, 3, 4, 5, 130):
        assert re.search(rf"^  {status} +\S", text, flags=re.MULTILINE)

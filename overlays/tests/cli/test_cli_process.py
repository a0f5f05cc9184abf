"""The command line, as a shell meets it: real processes, signals, pipes and terminals, against a mock server."""

from __future__ import annotations

import contextlib
import os
import pty
import re
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import IO

import pytest
from aurous.testing import AurousMock
from clientkit.command_line import (
    CHAT,
    PATIENCE,
    QUESTION,
    Ended,
    address,
    charged,
    ended,
    listener,
    only_id,
    record,
    run,
    start,
)

LONG = "Write 2000 words."
SCREEN = {"TERM": "xterm-256color", "COLUMNS": "80", "LINES": "24"}
HIDE_CURSOR, SHOW_CURSOR = "\x1b[?25l", "\x1b[?25h"


def read_until(stream: IO[bytes], is_enough: Callable[[bytes], object]) -> bytes:
    """What comes, up to the moment when it is enough."""
    output = b""
    while not is_enough(output):
        piece = os.read(stream.fileno(), 4096)
        assert piece, f"it ended early: {output!r}"
        output += piece
    return output


def start_answering(mock: AurousMock) -> subprocess.Popen[bytes]:
    """A process in the midst of a long answer."""
    mock.fault("pace=50", method="POST", path=CHAT)
    process = start("chat", LONG)
    assert process.stdout is not None
    read_until(process.stdout, lambda output: len(output) > 10)
    return process


def test_answer_goes_to_stdout_and_receipt_to_stderr(aurous_mock: AurousMock) -> None:
    result = ended(start("chat", QUESTION))
    stored = record(only_id(aurous_mock))
    assert result.status == 0
    assert result.out == stored.choices[0].message.content + "\n"
    usage = stored.usage
    assert result.line.startswith(f"{charged(aurous_mock)}, {usage.total_tokens} tokens ({usage.prompt_tokens} in, ")
    assert result.line.endswith(f", {stored.id}")


@pytest.mark.parametrize(
    ("arguments", "given", "status"),
    [
        pytest.param(["--help"], b"", 0, marks=pytest.mark.slow),
        pytest.param(["models"], b"", 0, marks=pytest.mark.slow),
        (["chat", "-"], QUESTION.encode(), 0),
        pytest.param(["get", "cmp_unknown"], b"", 1, marks=pytest.mark.slow),
        pytest.param(["chat"], b"", 2, marks=pytest.mark.slow),
        (["balance", "--base-url=http://127.0.0.1:1", "--timeout=0.5"], b"", 3),
    ],
)
def test_command_in_a_process_behaves_like_main(
    aurous_mock: AurousMock, arguments: list[str], given: bytes, status: int
) -> None:
    process, within = ended(start(*arguments, stdin=subprocess.PIPE), given), run(*arguments, given=given)
    assert process.status == within.status == status
    assert process.out == within.out
    # Ids are new each time, and so is how many attempts there is time for.
    one, other = (re.sub(r"\b(cmp|req)_\w+| \[.*\]$", "", each.err) for each in (process, within))
    assert one == other


def test_full_disk_is_reported_without_traceback(aurous_mock: AurousMock) -> None:
    with Path("/dev/full").open("wb") as full:
        result = ended_with_errors(start("balance", stdout=full))
    assert (result.status, result.line) == (3, "cannot write the answer: No space left on device")


@pytest.mark.parametrize("arguments", [["--help"], ["batch", "--help"], ["--version"]])
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_help_on_a_full_disk_is_reported(arguments: list[str], unbuffered: str) -> None:
    with Path("/dev/full").open("wb") as full:
        result = ended_with_errors(start(*arguments, stdout=full, env={"PYTHONUNBUFFERED": unbuffered}))
    assert (result.status, result.line) == (3, "cannot write the answer: No space left on device")


@pytest.mark.parametrize(("arguments", "status"), [(["chat", QUESTION], 0), (["models", "--unknown"], 2)])
def test_full_disk_of_stderr_changes_no_status(aurous_mock: AurousMock, arguments: list[str], status: int) -> None:
    with Path("/dev/full").open("wb") as full:
        process = start(*arguments, stderr=full)
        out, _ = process.communicate(timeout=PATIENCE)
    answers = [record(charge["completion_id"]).choices[0].message.content for charge in aurous_mock.ledger()]
    assert (process.returncode, out.decode()) == (status, "".join(f"{answer}\n" for answer in answers))


def test_closed_stderr_leaves_stdout_to_the_answer(aurous_mock: AurousMock) -> None:
    result = ended(start("chat", QUESTION, preexec_fn=partial(os.close, 2)))
    content = record(only_id(aurous_mock)).choices[0].message.content
    assert (result.status, result.out) == (0, f"{content}\n")


def test_closed_stdin_is_one_line(aurous_mock: AurousMock) -> None:
    result = ended(start("chat", preexec_fn=partial(os.close, 0)))
    assert (result.status, result.line) == (2, "standard input is closed")


# Interruptions.


def test_ctrl_c_cancels_and_reports_the_charge(aurous_mock: AurousMock) -> None:
    process = start_answering(aurous_mock)
    process.send_signal(signal.SIGINT)
    result = ended(process)
    assert result.status == 130
    completion_id = only_id(aurous_mock)
    assert result.lines[0] == f"interrupted; cancelling {completion_id}"
    assert result.lines[1].startswith(f"cancelled; charged {charged(aurous_mock)}, ")
    assert record(completion_id).status == "cancelled"


def test_second_ctrl_c_exits_at_once(aurous_mock: AurousMock) -> None:
    process = start_answering(aurous_mock)
    assert process.stderr is not None
    aurous_mock.fault("stall=before", method="POST", path=CHAT)
    process.send_signal(signal.SIGINT)
    notes = read_until(process.stderr, lambda output: output.endswith(b"\n"))
    assert re.fullmatch(rb"aurous: interrupted; cancelling cmp_\w+\n", notes)
    process.send_signal(signal.SIGINT)
    result = ended(process)
    assert (result.status, result.line) == (130, "interrupted")


def test_ctrl_c_before_first_chunk_exits_130(aurous_mock: AurousMock) -> None:
    with listener() as silent:
        process = start("chat", QUESTION, env={"AUROUS_BASE_URL": address(silent)})
        connection, _ = silent.accept()
        with connection:
            read_request(connection)
            process.send_signal(signal.SIGINT)
            # Wakes a read that began between Python's last look for signals and this one.
            with contextlib.suppress(OSError):
                connection.send(b"H")
            result = ended(process)
    assert (result.status, result.line) == (130, "interrupted before the answer began; disconnecting cancels it")


def test_closed_pipe_ends_the_command_quietly(aurous_mock: AurousMock) -> None:
    process = start_answering(aurous_mock)
    assert process.stdout is not None
    process.stdout.close()
    result = ended_with_errors(process)
    assert (result.status, result.err) == (141, "")
    assert record(only_id(aurous_mock)).status == "cancelled"


@pytest.mark.parametrize("arguments", [["--help"], pytest.param(["models"], marks=pytest.mark.slow)])
def test_pipe_closed_before_output_ends_the_command_quietly(aurous_mock: AurousMock, arguments: list[str]) -> None:
    readable, writable = os.pipe()
    os.close(readable)
    with os.fdopen(writable, "wb") as pipe:
        result = ended_with_errors(start(*arguments, stdout=pipe))
    assert (result.status, result.err) == (141, "")


# Terminals.


def test_terminal_gets_a_live_view(aurous_mock: AurousMock) -> None:
    shown = run_on_terminal("chat", QUESTION)
    content = record(only_id(aurous_mock)).choices[0].message.content
    # The cursor is hidden while the view is drawn, and the whole answer stays at the end.
    assert HIDE_CURSOR in shown
    assert words(content) == words(shown)[-len(words(content)) :]


def test_ctrl_c_restores_the_terminal(aurous_mock: AurousMock) -> None:
    aurous_mock.fault("pace=50", method="POST", path=CHAT)
    with terminal() as (ours, theirs):
        process = start("chat", LONG, env=SCREEN, stdout=theirs)
        os.close(theirs)
        # The spinner that turns until the answer begins has no letters.
        output = read_until(ours, lambda output: sum(map(str.isalpha, words(output.decode(errors="replace")))) > 10)
        process.send_signal(signal.SIGINT)
        output += read_all(ours)
    result = ended_with_errors(process)
    assert (result.status, result.lines[1].partition(";")[0]) == (130, "cancelled")
    shown = output.decode()
    assert shown.rindex(SHOW_CURSOR) > shown.rindex(HIDE_CURSOR)
    # What had come stays on the screen.
    left = words(shown.rpartition(SHOW_CURSOR)[2])
    assert left
    # It may end within a word, or before its full stop.
    assert " ".join(words(record(only_id(aurous_mock)).choices[0].message.content)).startswith(" ".join(left))


@pytest.mark.parametrize(
    "how", ["without rich", *(pytest.param(how, marks=pytest.mark.slow) for how in ("--plain", "TERM=dumb"))]
)
def test_terminal_without_rich_gets_plain_text(aurous_mock: AurousMock, how: str, tmp_path: Path) -> None:
    env = {}
    if how == "without rich":
        (tmp_path / "rich.py").write_text("raise ImportError('not installed')")
        env = {"PYTHONPATH": str(tmp_path)}
    elif how == "TERM=dumb":
        env = {"TERM": "dumb"}
    shown = run_on_terminal("chat", *(["--plain"] if how == "--plain" else []), QUESTION, env=env)
    assert shown == record(only_id(aurous_mock)).choices[0].message.content + "\r\n"


def run_on_terminal(*arguments: str, env: Mapping[str, str] | None = None) -> str:
    """What a run writes on a terminal, to standard output; it has to end well."""
    with terminal() as (ours, theirs):
        process = start(*arguments, env={**SCREEN, **(env or {})}, stdout=theirs)
        os.close(theirs)
        output = read_all(ours)
    result = ended_with_errors(process)
    assert result.status == 0
    assert re.fullmatch(r"[\d.]+ credits, .*, cmp_\w+", result.line)
    return output.decode()


@contextmanager
def terminal() -> Iterator[tuple[IO[bytes], int]]:
    """A terminal: what is shown on it, and the side that a process writes to."""
    ours, theirs = pty.openpty()
    with os.fdopen(ours, "rb", buffering=0) as shown:
        yield shown, theirs


def read_all(stream: IO[bytes]) -> bytes:
    """All that comes, until the other side closes."""
    output = b""
    # Of a terminal, Linux says so by an error.
    with suppress(OSError):
        while piece := os.read(stream.fileno(), 4096):
            output += piece
    return output


def words(text: str) -> list[str]:
    """The words of a text, without what steers a terminal."""
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", " ", text).split()


def ended_with_errors(process: subprocess.Popen[bytes]) -> Ended:
    """As `ended`, where standard output is not ours to read."""
    assert process.stderr is not None
    with process.stderr as stream:
        err = stream.read().decode()
    return Ended(process.wait(timeout=PATIENCE), "", err)


def read_request(connection: socket.socket) -> None:
    """Read a request's head; whoever sent it waits for an answer from now on."""
    connection.settimeout(PATIENCE)
    while b"\r\n\r\n" not in connection.recv(65536, socket.MSG_PEEK):
        pass

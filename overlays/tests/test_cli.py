"""The command line, as a shell meets it: real processes, signals, pipes and terminals, against a mock server."""

from __future__ import annotations

import io
import json
import os
import pty
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from decimal import Decimal
from pathlib import Path
from typing import IO, Any

import pytest
from aurous import Aurous, __version__
from aurous.cli import output
from aurous.cli.views import markdown
from aurous.testing import AurousMock
from aurous_client.models import ResponseMessage
from rich.console import Console

QUESTION = "Name three uses of a paper clip."
LONG = "Write 2000 words."
PATIENCE = 20.0
CHAT = "/v1/chat/completions"
SCREEN = {"TERM": "xterm-256color", "COLUMNS": "80", "LINES": "24"}
HIDE_CURSOR, SHOW_CURSOR = "\x1b[?25l", "\x1b[?25h"


class Ended:
    """A run that has ended: its status, and what it wrote."""

    def __init__(self, status: int, out: str, err: str) -> None:
        self.status, self.out, self.err = status, out, err
        assert "Traceback" not in err
        assert "Exception ignored" not in err

    @property
    def lines(self) -> list[str]:
        """The lines on standard error, each of which says who speaks."""
        lines = self.err.splitlines()
        assert all(line.startswith("aurous: ") for line in lines)
        return [line.removeprefix("aurous: ") for line in lines]

    @property
    def line(self) -> str:
        """The one line on standard error."""
        (line,) = self.lines
        return line


def start(*arguments: str, env: Mapping[str, str] | None = None, **pipes: Any) -> subprocess.Popen[bytes]:
    settings: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    # Python's usual buffering, whatever this machine is set to.
    environment = {**os.environ, "PYTHONUNBUFFERED": "", **(env or {})}
    return subprocess.Popen([sys.executable, "-m", "aurous", *arguments], env=environment, **{**settings, **pipes})


def run(*arguments: str, given: bytes | None = None, env: Mapping[str, str] | None = None) -> Ended:
    process = start(*arguments, env=env, stdin=subprocess.DEVNULL if given is None else subprocess.PIPE)
    return ended(process, given)


def ended(process: subprocess.Popen[bytes], given: bytes | None = None) -> Ended:
    out, err = process.communicate(given, timeout=PATIENCE)
    return Ended(process.returncode, out.decode(), err.decode())


def read_until(stream: IO[bytes], is_enough: Callable[[bytes], object]) -> bytes:
    """What comes, up to the moment when it is enough."""
    seen = b""
    while not is_enough(seen):
        piece = os.read(stream.fileno(), 4096)
        assert piece, f"it ended early: {seen!r}"
        seen += piece
    return seen


def charged(mock: AurousMock) -> str:
    """The credits of the only charge, as a receipt has them."""
    (charge,) = mock.ledger()
    return f"{Decimal(str(charge['credits_charged'])):f} credits"


def record(completion_id: str) -> Any:
    with Aurous() as client:
        return client.chat.completions.retrieve(completion_id)


def only_id(mock: AurousMock) -> str:
    (charge,) = mock.ledger()
    return str(charge["completion_id"])


# Answers.


def test_the_answer_is_on_standard_output_and_its_receipt_on_standard_error(aurous_mock: AurousMock) -> None:
    result = run("chat", QUESTION)
    stored = record(only_id(aurous_mock))
    assert result.status == 0
    assert result.out == stored.choices[0].message.content + "\n"
    usage = stored.usage
    assert result.line.startswith(f"{charged(aurous_mock)}, {usage.total_tokens} tokens ({usage.prompt_tokens} in, ")
    assert result.line.endswith(f", {stored.id}")


def test_json_is_the_completion_and_nothing_else(aurous_mock: AurousMock) -> None:
    result = run("chat", "--json", QUESTION)
    assert (result.status, result.err) == (0, "")
    assert json.loads(result.out) == record(only_id(aurous_mock)).to_dict()


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_json_is_json_in_any_encoding(encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # Half of a surrogate pair is legal in JSON, and in no encoding.
    said = {"role": "assistant", "content": "Grüße \N{PAPERCLIP} \ud83d \x1b"}
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), encoding, errors="backslashreplace"))
    output.write_json(ResponseMessage.from_dict(said))
    written = sys.stdout.buffer
    assert isinstance(written, io.BytesIO)
    assert json.loads(written.getvalue().decode(encoding)) == said


def test_flags_become_parameters(aurous_mock: AurousMock) -> None:
    result = run("chat", "--max-tokens=3", "--temperature=0.5", "--system=Be brief.", QUESTION)
    assert result.status == 0
    assert result.lines[0] == "this is not the whole answer: finish_reason is length"
    assert "3 out" in result.lines[1]
    refused = run("chat", "--model=aurous-shrink", "--temperature=0.5", QUESTION)
    assert refused.status == 1
    assert "aurous-shrink" in refused.line


@pytest.mark.parametrize("arguments", [[], ["-"]])
def test_the_prompt_can_come_on_standard_input(aurous_mock: AurousMock, arguments: list[str]) -> None:
    result = run("chat", *arguments, given=f"{QUESTION}\n".encode())
    assert (result.status, result.out) == (0, f"{record(only_id(aurous_mock)).choices[0].message.content}\n")


def test_a_stored_completion_is_shown_as_it_was(aurous_mock: AurousMock) -> None:
    asked = run("chat", QUESTION)
    shown = run("get", only_id(aurous_mock))
    assert (shown.status, shown.out, shown.line) == (0, asked.out, asked.line)
    assert json.loads(run("get", "--json", only_id(aurous_mock)).out)["status"] == "completed"


def test_models_and_balance(aurous_mock: AurousMock) -> None:
    models = run("models")
    assert (models.status, models.err) == (0, "")
    assert re.search(r"^aurous-grow-2\.0-pro +chat +256000 +8192 +input 75, output 450$", models.out, re.MULTILINE)
    assert json.loads(run("models", "--json").out)["object"] == "list"
    assert run("balance").out == "1000000 credits available (1000000 in all, 0 held)\n"
    assert json.loads(run("balance", "--json", f"--base-url={aurous_mock.url}/v1").out)["credits"] == 1_000_000


def test_version_and_help() -> None:
    assert run("--version").out == f"aurous {__version__}\n"
    shown = run("--help")
    assert shown.status == 0
    for status in ("0", "1", "2", "3", "130", "141"):
        assert re.search(rf"^  {status} ", shown.out, re.MULTILINE)


# Failures: one line, and a status that a script can go by.


def test_the_api_says_no(aurous_mock: AurousMock) -> None:
    unknown = run("get", "cmp_unknown")
    assert unknown.status == 1
    assert "404 resource_not_found" in unknown.line
    wrong = run("balance", env={"AUROUS_API_KEY": "al_live_wrong_and_secret"})
    assert wrong.status == 1
    assert "401 invalid_api_key" in wrong.line
    assert "wrong_and_secret" not in wrong.out + wrong.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["chat", "--modle=x", "Hi"], "unrecognized arguments: --modle=x (see aurous --help)"),
        (["chat", "--max-tokens=many", "Hi"], "argument --max-tokens: invalid int value: 'many'"),
        (["balance", "--timeout=0"], "argument --timeout: 0 is no number of seconds"),
        ([], "the following arguments are required: COMMAND"),
        (["balance", "--base-url=ftp://example.com"], "base_url must be an address"),
        (["chat", " "], "the prompt is empty"),
        (["chat"], "the prompt is empty"),
    ],
)
def test_mistakes_are_told_before_anything_is_sent(aurous_mock: AurousMock, arguments: list[str], said: str) -> None:
    result = run(*arguments)
    assert (result.status, result.out) == (2, "")
    assert result.line.startswith(said)
    assert aurous_mock.ledger() == []


def test_no_key(aurous_mock: AurousMock) -> None:
    result = run("balance", env={"AUROUS_API_KEY": ""})
    assert (result.status, result.line) == (2, "there is no API key: set AUROUS_API_KEY in the environment")


def test_nobody_listens(aurous_mock: AurousMock) -> None:
    with listener() as silent:
        url = address(silent)
    # Time for no more than a few attempts.
    result = run("balance", "--base-url", url, "--timeout=0.5")
    assert result.status == 3
    assert re.search(r"cannot connect.*Connection refused( \[\d attempts\])?$", result.line)


def test_nobody_answers_in_time(aurous_mock: AurousMock) -> None:
    with listener() as silent:
        result = run("balance", "--base-url", address(silent), "--timeout=0.3")
    assert result.status == 3
    assert result.line.startswith("GET http://")


def test_a_disk_is_full(aurous_mock: AurousMock) -> None:
    with Path("/dev/full").open("wb") as full:
        result = ended_with_errors(start("balance", stdout=full))
    assert (result.status, result.line) == (3, "cannot write the answer: No space left on device")


# Streams that break off.


def test_the_rest_of_an_answer_comes_from_its_record(aurous_mock: AurousMock) -> None:
    aurous_mock.fault("truncate=5; unnoticed", method="POST", path=CHAT)
    result = run("chat", QUESTION)
    assert result.status == 0
    assert result.out == record(only_id(aurous_mock)).choices[0].message.content + "\n"
    assert result.lines[0] == "the connection broke; the rest of the answer came from its stored record"
    assert result.lines[1].startswith(charged(aurous_mock))


def test_an_answer_that_is_lost_is_told_with_its_price(aurous_mock: AurousMock) -> None:
    aurous_mock.fault("truncate=5", method="POST", path=CHAT)
    result = run("chat", QUESTION)
    assert result.status == 3
    completion_id = only_id(aurous_mock)
    said = f"the server has it as cancelled, {charged(aurous_mock)} charged: `aurous get {completion_id}` shows it"
    assert result.line.endswith(said)
    stored = run("get", completion_id)
    assert stored.out.startswith(result.out.rstrip("\n"))
    assert stored.lines[0].startswith("cancelled: ")


def test_an_error_within_a_stream_is_an_answer_that_says_no(aurous_mock: AurousMock) -> None:
    aurous_mock.fault("error-frame=4; code=chat_provider_unavailable", method="POST", path=CHAT)
    result = run("chat", QUESTION)
    assert result.status == 1
    assert "chat_provider_unavailable" in result.line
    assert re.search(r"`aurous get cmp_\w+` shows the record$", result.line)
    assert aurous_mock.ledger() == []


def test_an_answer_without_a_receipt_says_where_to_get_it(aurous_mock: AurousMock) -> None:
    aurous_mock.fault("done=5; times=2", method="POST", path=CHAT)
    shown = run("chat", QUESTION)
    assert shown.status == 0
    assert shown.lines[0] == "the server ended the answer without a finish_reason; it may not be whole"
    assert re.fullmatch(r"the answer came without a receipt: `aurous get cmp_\w+` tells what it cost", shown.lines[1])
    whole = run("chat", "--json", QUESTION)
    assert (whole.status, whole.out) == (3, "")
    assert re.search(r"`aurous get cmp_\w+` tells$", whole.line)


# Interruptions.


def test_ctrl_c_cancels_and_tells_what_was_charged(aurous_mock: AurousMock) -> None:
    aurous_mock.fault("pace=50", method="POST", path=CHAT)
    process = start("chat", LONG)
    assert process.stdout is not None
    read_until(process.stdout, lambda seen: len(seen) > 10)
    process.send_signal(signal.SIGINT)
    result = ended(process)
    assert result.status == 130
    completion_id = only_id(aurous_mock)
    assert result.lines[0] == f"interrupted; cancelling {completion_id}"
    assert result.lines[1].startswith(f"cancelled; charged {charged(aurous_mock)}, ")
    assert record(completion_id).status == "cancelled"


def test_a_second_ctrl_c_waits_for_nothing(aurous_mock: AurousMock) -> None:
    aurous_mock.fault("pace=50", method="POST", path=CHAT)
    process = start("chat", LONG)
    assert process.stdout is not None
    assert process.stderr is not None
    read_until(process.stdout, lambda seen: len(seen) > 10)
    aurous_mock.fault("stall=before", method="POST", path=CHAT)
    process.send_signal(signal.SIGINT)
    said = read_until(process.stderr, lambda seen: seen.endswith(b"\n"))
    assert re.fullmatch(rb"aurous: interrupted; cancelling cmp_\w+\n", said)
    process.send_signal(signal.SIGINT)
    result = ended(process)
    assert (result.status, result.line) == (130, "interrupted")


def test_ctrl_c_before_the_answer_began(aurous_mock: AurousMock) -> None:
    with listener() as silent:
        process = start("chat", QUESTION, env={"AUROUS_BASE_URL": address(silent)})
        connection, _ = silent.accept()
        with connection:
            read_request(connection)
            process.send_signal(signal.SIGINT)
            result = ended(process)
    assert (result.status, result.line) == (130, "interrupted before the answer began; hanging up cancels it")


def test_a_reader_that_has_enough_ends_it_quietly(aurous_mock: AurousMock) -> None:
    aurous_mock.fault("pace=50", method="POST", path=CHAT)
    process = start("chat", LONG)
    assert process.stdout is not None
    read_until(process.stdout, lambda seen: len(seen) > 10)
    process.stdout.close()
    result = ended_with_errors(process)
    assert (result.status, result.err) == (141, "")
    assert record(only_id(aurous_mock)).status == "cancelled"


@pytest.mark.parametrize("arguments", [["--help"], ["models"]])
def test_a_reader_that_wants_nothing_ends_it_quietly(aurous_mock: AurousMock, arguments: list[str]) -> None:
    readable, writable = os.pipe()
    os.close(readable)
    with os.fdopen(writable, "wb") as pipe:
        result = ended_with_errors(start(*arguments, stdout=pipe))
    assert (result.status, result.err) == (141, "")


# Terminals.


def test_a_terminal_gets_a_live_view(aurous_mock: AurousMock) -> None:
    shown = run_on_terminal("chat", QUESTION)
    content = record(only_id(aurous_mock)).choices[0].message.content
    # The cursor is hidden while the view is drawn, and the whole answer stays at the end.
    assert HIDE_CURSOR in shown
    assert words(content) == words(shown)[-len(words(content)) :]


def test_ctrl_c_leaves_a_terminal_as_it_was(aurous_mock: AurousMock) -> None:
    aurous_mock.fault("pace=50", method="POST", path=CHAT)
    with terminal() as (ours, theirs):
        process = start("chat", LONG, env=SCREEN, stdout=theirs)
        os.close(theirs)
        seen = read_until(ours, lambda seen: len(words(seen.decode(errors="replace"))) > 10)
        process.send_signal(signal.SIGINT)
        seen += read_all(ours)
    result = ended_with_errors(process)
    assert (result.status, result.lines[1].partition(";")[0]) == (130, "cancelled")
    shown = seen.decode()
    assert shown.rindex(SHOW_CURSOR) > shown.rindex(HIDE_CURSOR)
    # What had come stays on the screen.
    left = words(shown.rpartition(SHOW_CURSOR)[2])
    assert left == words(record(only_id(aurous_mock)).choices[0].message.content)[: len(left)] != []


@pytest.mark.parametrize("how", ["--plain", "TERM=dumb", "without rich"])
def test_a_terminal_without_a_live_view_gets_text(aurous_mock: AurousMock, how: str, tmp_path: Path) -> None:
    env = {}
    if how == "without rich":
        (tmp_path / "rich.py").write_text("raise ImportError('not installed')")
        env = {"PYTHONPATH": str(tmp_path)}
    elif how == "TERM=dumb":
        env = {"TERM": "dumb"}
    shown = run_on_terminal("chat", *(["--plain"] if how == "--plain" else []), QUESTION, env=env)
    assert shown == record(only_id(aurous_mock)).choices[0].message.content + "\r\n"


def test_nothing_in_an_answer_steers_a_terminal() -> None:
    assert output.harmless("a\x1b[2Jb\x07\x9b1m\tc\r\n") == "a\ufffd[2Jb\ufffd\ufffd1m\tc\n"


def test_the_live_view_loses_nothing() -> None:
    console = Console(width=80, file=io.StringIO())
    with console.capture() as capture:
        console.print(markdown("A <div> here\nand there.\n\n<table>\n<tr>\n</table>\n\n[a](http://b.example) **bold**"))
    lines = [line.rstrip() for line in capture.get().splitlines()]
    assert lines == ["A <div> here", "and there.", "", "<table>", "<tr>", "</table>", "", "a (http://b.example) bold"]


def run_on_terminal(*arguments: str, env: Mapping[str, str] | None = None) -> str:
    """What a run writes on a terminal, to standard output; it has to end well."""
    with terminal() as (ours, theirs):
        process = start(*arguments, env={**SCREEN, **(env or {})}, stdout=theirs)
        os.close(theirs)
        seen = read_all(ours)
    result = ended_with_errors(process)
    assert result.status == 0
    assert re.fullmatch(r"[\d.]+ credits, .*, cmp_\w+", result.line)
    return seen.decode()


@contextmanager
def terminal() -> Iterator[tuple[IO[bytes], int]]:
    """A terminal: what is shown on it, and the side that a process writes to."""
    ours, theirs = pty.openpty()
    with os.fdopen(ours, "rb", buffering=0) as shown:
        yield shown, theirs


def read_all(stream: IO[bytes]) -> bytes:
    """All that comes, until the other side closes."""
    seen = b""
    # Of a terminal, Linux says so by an error.
    with suppress(OSError):
        while piece := os.read(stream.fileno(), 4096):
            seen += piece
    return seen


def words(text: str) -> list[str]:
    """The words of a text, without what steers a terminal."""
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", " ", text).split()


def ended_with_errors(process: subprocess.Popen[bytes]) -> Ended:
    """As `ended`, where standard output is not ours to read."""
    assert process.stderr is not None
    with process.stderr as stream:
        err = stream.read().decode()
    return Ended(process.wait(timeout=PATIENCE), "", err)


@contextmanager
def listener() -> Iterator[socket.socket]:
    """A server that takes connections, and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(PATIENCE)
        yield server


def address(server: socket.socket) -> str:
    return "http://{}:{}".format(*server.getsockname())


def read_request(connection: socket.socket) -> None:
    """Read a request's head; whoever sent it waits for an answer from now on."""
    connection.settimeout(PATIENCE)
    while b"\r\n\r\n" not in connection.recv(65536, socket.MSG_PEEK):
        pass

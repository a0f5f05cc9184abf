"""The command line, by what it writes and its exit status: answers, mistakes, refusals, and streams that break off."""

from __future__ import annotations

import io
import json
import re
import sys
from typing import Any

import pytest
from aurous import __version__
from aurous.cli import output
from aurous.cli.views import markdown
from aurous.testing import AurousMock
from aurous_client.models import ResponseMessage
from clientkit.command_line import CHAT, QUESTION, address, charged, listener, only_id, record, run
from rich.console import Console
from testkit.raw_server import RawServer
from testkit.responses import KEY, answer, completion
from testkit.streams import LAST, RED, ROLE, sends

# Answers.


def test_json_option_prints_the_completion_only(aurous_mock: AurousMock) -> None:
    result = run("chat", "--json", QUESTION)
    assert (result.status, result.err) == (0, "")
    assert json.loads(result.out) == record(only_id(aurous_mock)).to_dict()


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_json_output_is_valid_in_any_encoding(encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # Half of a surrogate pair is legal in JSON, and in no encoding.
    message = {"role": "assistant", "content": "Grüße \N{PAPERCLIP} \ud83d \x1b"}
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), encoding, errors="backslashreplace"))
    output.write_json(ResponseMessage.from_dict(message))
    written = sys.stdout.buffer
    assert isinstance(written, io.BytesIO)
    assert json.loads(written.getvalue().decode(encoding)) == message


def test_chat_flags_become_request_parameters(aurous_mock: AurousMock) -> None:
    result = run("chat", "--max-tokens=3", "--temperature=0.5", "--system=Be brief.", QUESTION)
    assert result.status == 0
    assert result.lines[0] == "the answer is incomplete: finish_reason is length"
    assert "3 out" in result.lines[1]
    refused = run("chat", "--model=aurous-shrink", "--temperature=0.5", QUESTION)
    assert refused.status == 1
    assert "aurous-shrink" in refused.line


@pytest.mark.parametrize("arguments", [[], ["-"]])
def test_prompt_is_read_from_standard_input(aurous_mock: AurousMock, arguments: list[str]) -> None:
    result = run("chat", *arguments, given=f"{QUESTION}\n".encode())
    assert (result.status, result.out) == (0, f"{record(only_id(aurous_mock)).choices[0].message.content}\n")


def test_byte_order_mark_is_no_part_of_the_prompt(wire: RawServer) -> None:
    wire.plays(answer(400, {}))
    run("chat", "--base-url", wire.url, given=b"\xef\xbb\xbfHi.\n", env={"AUROUS_API_KEY": KEY})
    assert json.loads(wire.requests[0].body)["messages"][-1]["content"] == "Hi."


def test_show_prints_the_stored_completion(aurous_mock: AurousMock) -> None:
    completed = run("chat", QUESTION)
    shown = run("get", only_id(aurous_mock))
    assert (shown.status, shown.out, shown.line) == (0, completed.out, completed.line)
    assert json.loads(run("get", "--json", only_id(aurous_mock)).out)["status"] == "completed"


def test_models_and_balance_commands_print_tables(aurous_mock: AurousMock) -> None:
    models = run("models")
    assert (models.status, models.err) == (0, "")
    assert re.search(r"^aurous-grow-2\.0-pro +chat +256000 +8192 +input 75, output 450$", models.out, re.MULTILINE)
    assert json.loads(run("models", "--json").out)["object"] == "list"
    assert run("balance").out == "1000000 credits available (1000000 in total, 0 held)\n"
    assert json.loads(run("balance", "--json", f"--base-url={aurous_mock.url}/v1").out)["credits"] == 1_000_000


def test_version_and_help_are_printed() -> None:
    assert run("--version").out == f"aurous {__version__}\n"
    shown = run("--help")
    assert shown.status == 0
    for status in ("0", "1", "2", "3", "130", "141"):
        assert re.search(rf"^  {status} ", shown.out, re.MULTILINE)


# Failures: one line, and a status that a script can go by.


def test_api_error_sets_exit_code_and_message(aurous_mock: AurousMock) -> None:
    unknown = run("get", "cmp_unknown")
    assert unknown.status == 1
    assert "404 resource_not_found" in unknown.line
    wrong = run("balance", env={"AUROUS_API_KEY": "al_live_wrong_and_secret"})
    assert wrong.status == 1
    assert "401 invalid_api_key" in wrong.line
    assert "Check the key in AUROUS_API_KEY." in wrong.line
    assert "argument api_key" not in wrong.line
    assert "wrong_and_secret" not in wrong.out + wrong.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["chat", "--modle=x", "Hi"], "unrecognized arguments: --modle=x (see aurous --help)"),
        (["chat", "hi", "there"], "the prompt is several words: quote it, aurous chat 'hi there'"),
        (["chat", "hi", "--plain", "there"], "the prompt is several words: quote it, aurous chat 'hi there'"),
        (["chat", "hi", "there", "--modle=x"], "unrecognized arguments: there --modle=x"),
        (["chat", "--max-tokens=many", "Hi"], "argument --max-tokens: many is not a whole number of 1 or more"),
        (["chat", "--max-tokens=0", "Hi"], "argument --max-tokens: 0 is not a whole number of 1 or more"),
        *(
            (["chat", f"--temperature={value}", "Hi"], f"argument --temperature: {value} is not a number from 0 to 2")
            for value in ("nan", "inf", "-0.1", "2.5", "warm")
        ),
        (["get", ""], "argument ID: it is empty; a completion's id begins with cmp_"),
        (["chat", "--model=", "Hi"], "argument --model: it is empty; `aurous models` lists the models"),
        (["batch", "--model=", "in.jsonl"], "argument --model: it is empty; `aurous models` lists the models"),
        (["chat", "--system=", "Hi"], "argument --system: it is empty; leave it out to send no instructions"),
        (["batch", "--system= ", "in.jsonl"], "argument --system: it is empty; leave it out to send no instructions"),
        (["chat", "\udcff\udcfe"], "the prompt is not UTF-8 text"),
        (["chat", "--model=\udcff", "Hi"], "argument --model: it is not UTF-8 text"),
        (["chat", "--system=\udcff", "Hi"], "argument --system: it is not UTF-8 text"),
        (["batch", "--system=\udcff", "in.jsonl"], "argument --system: it is not UTF-8 text"),
        (["batch", "--template={a}\udcff", "in.jsonl"], "argument --template: it is not UTF-8 text"),
        (["batch", "--job=\udcff", "in.jsonl"], "argument --job: it is not UTF-8 text"),
        (["get", "cmp_\udcff"], "argument ID: it is not UTF-8 text"),
        (["balance", "--timeout=0"], "argument --timeout: 0 is not a number of seconds over 0"),
        ([], "the following arguments are required: COMMAND"),
        (["balance", "--base-url=ftp://example.com"], "--base-url must be an address"),
        (["chat", " "], "the prompt is empty"),
        (["chat"], "the prompt is empty"),
    ],
)
def test_usage_errors_are_reported_before_sending(aurous_mock: AurousMock, arguments: list[str], message: str) -> None:
    result = run(*arguments)
    assert (result.status, result.out) == (2, "")
    assert result.line.startswith(message)
    assert aurous_mock.ledger() == []


def test_invalid_version_in_the_environment_is_a_usage_error(aurous_mock: AurousMock) -> None:
    result = run("balance", env={"AUROUS_API_VERSION": "foo"})
    assert result.status == 2
    assert result.line.startswith("AUROUS_API_VERSION must be a date such as '")
    assert result.line.endswith("'; it is 'foo'")


def test_missing_key_says_how_to_set_it(aurous_mock: AurousMock) -> None:
    result = run("balance", env={"AUROUS_API_KEY": ""})
    assert (result.status, result.line) == (2, "there is no API key: set AUROUS_API_KEY in the environment")


def test_refused_connection_is_reported(aurous_mock: AurousMock) -> None:
    with listener() as silent:
        url = address(silent)
    # Time for no more than a few attempts.
    result = run("balance", "--base-url", url, "--timeout=0.5")
    assert result.status == 3
    assert re.search(r"cannot connect.*Connection refused( \[\d attempts\])? Check that the server runs", result.line)
    assert "AUROUS_BASE_URL" in result.line
    assert "the proxy if there is one" in result.line


def test_timeout_is_reported(aurous_mock: AurousMock) -> None:
    with listener() as silent:
        result = run("balance", "--base-url", address(silent), "--timeout=0.3")
    assert result.status == 3
    assert result.line.startswith("GET http://")


# Streams that break off.


def test_interrupted_answer_is_completed_from_its_record(aurous_mock: AurousMock) -> None:
    aurous_mock.fault("truncate=5; unnoticed", method="POST", path=CHAT)
    result = run("chat", QUESTION)
    assert result.status == 0
    assert result.out == record(only_id(aurous_mock)).choices[0].message.content + "\n"
    assert result.lines[0] == "the connection broke; the rest of the answer came from its stored record"
    assert result.lines[1].startswith(charged(aurous_mock))


def test_lost_answer_is_reported_with_its_charge(aurous_mock: AurousMock) -> None:
    aurous_mock.fault("truncate=5", method="POST", path=CHAT)
    result = run("chat", QUESTION)
    assert result.status == 3
    completion_id = only_id(aurous_mock)
    message = f"the server has it as cancelled, {charged(aurous_mock)} charged: `aurous get {completion_id}` shows it"
    assert result.line.endswith(message)
    stored = run("get", completion_id)
    assert stored.out.startswith(result.out.rstrip("\n"))
    assert stored.lines[0].startswith("cancelled: ")


def test_error_within_stream_exits_like_an_api_error(aurous_mock: AurousMock) -> None:
    aurous_mock.fault("error-frame=4; code=chat_provider_unavailable", method="POST", path=CHAT)
    result = run("chat", QUESTION)
    assert result.status == 1
    assert "chat_provider_unavailable" in result.line
    assert re.search(r"`aurous get cmp_\w+` shows the record$", result.line)
    assert aurous_mock.ledger() == []


@pytest.mark.parametrize("flags", [(), ("--json",)])
def test_answer_without_finish_reason_says_how_to_get_it(aurous_mock: AurousMock, flags: tuple[str, ...]) -> None:
    aurous_mock.fault("done=5; times=2", method="POST", path=CHAT)
    result = run("chat", *flags, QUESTION)
    assert result.status == 3
    assert "the server sent [DONE] without a finish_reason" in result.line
    assert re.search(r"`aurous get cmp_\w+` shows it$", result.line)


# Words that a terminal is shown.


def test_control_characters_of_an_answer_never_reach_the_terminal() -> None:
    assert output.sanitize("a\x1b[2Jb\x07\x9b1m\tc\r\n") == "a\ufffd[2Jb\ufffd\ufffd1m\tc\n"


def test_live_view_shows_the_whole_answer() -> None:
    console = Console(width=80, file=io.StringIO())
    with console.capture() as capture:
        console.print(markdown("A <div> here\nand there.\n\n<table>\n<tr>\n</table>\n\n[a](http://b.example) **bold**"))
    lines = [line.rstrip() for line in capture.get().splitlines()]
    assert lines == ["A <div> here", "and there.", "", "<table>", "<tr>", "</table>", "", "a (http://b.example) bold"]


def test_whole_floats_of_a_model_are_printed_as_integers(aurous_mock: AurousMock, wire: RawServer) -> None:
    models = json.loads(run("models", "--json").out)
    models["data"][0]["aurous_metadata"]["context_window"] = 256000.0
    wire.plays(answer(200, models))
    assert " 256000 " in run("models", "--base-url", wire.url).out


def test_prices_and_credits_are_not_rounded(aurous_mock: AurousMock, wire: RawServer) -> None:
    models, balance = run("models", "--json").out, run("balance", "--json").out
    written = models.replace('"credits_per_M": 75\n', '"credits_per_M": 0.1234567890123\n')
    wire.plays(answer(200, written.replace('"credits_per_M": 450\n', '"credits_per_M": 1234567.5\n').encode()))
    assert "input 0.1234567890123, output 1234567.5\n" in run("models", "--base-url", wire.url).out
    wire.plays(answer(200, balance.replace("1000000.0", "123456789.123456").encode()))
    shown = run("balance", "--base-url", wire.url).out
    assert shown == "123456789.123456 credits available (123456789.123456 in total, 0 held)\n"


DIGITS = "0.12345678901234567890123"
WHOLE_NUMBER = "123456789012345678901234567890"


def test_json_output_has_numbers_as_they_were_received(aurous_mock: AurousMock, wire: RawServer) -> None:
    models, balance = run("models", "--json").out, run("balance", "--json").out
    sent = [
        ("models", models.replace(": 75", f": {DIGITS}").replace(": 256000", f": {WHOLE_NUMBER}")),
        ("balance", balance.replace("1000000.0", "1.50e6")),
    ]
    for command, document in sent:
        wire.plays(answer(200, document.encode()))
        assert run(command, "--json", "--base-url", wire.url).out == document
        assert document not in (models, balance)


def test_json_output_has_the_charge_of_a_completion_to_the_digit(aurous_mock: AurousMock, wire: RawServer) -> None:
    wire.plays(answer(200, with_charge(completion())))
    assert f'"credits_charged": {DIGITS}' in run("get", "--json", "cmp_1", "--base-url", wire.url).out
    wire.plays(sends(ROLE, RED, with_charge(LAST).decode(), "[DONE]"))
    assert f'"credits_charged": {DIGITS}' in run("chat", "--json", QUESTION, "--base-url", wire.url).out


def test_json_output_takes_deep_documents(aurous_mock: AurousMock, wire: RawServer) -> None:
    deep = b"[" * 499 + b"1" + b"]" * 499
    wire.plays(answer(200, json.dumps({**completion(), "deep": "DEEP"}).encode().replace(b'"DEEP"', deep)))
    assert json.loads(run("get", "--json", "cmp_1", "--base-url", wire.url).out)["deep"] == json.loads(deep)


def with_charge(document: dict[str, Any]) -> bytes:
    """A document as JSON, with a charge that no float is."""
    usage = {**document["usage"], "credits_charged": "DIGITS"}
    return json.dumps({**document, "usage": usage}).replace('"DIGITS"', DIGITS).encode()


@pytest.mark.parametrize(
    ("amount", "text"),
    [("0", "0"), ("75.50", "75.5"), ("1e3", "1000"), ("100", "100"), ("-0.0000001", "-0.0000001"), ("1e99", "1E+99")],
)
def test_amounts_are_printed_with_all_their_digits(amount: str, text: str) -> None:
    assert output.amount(float(amount)) == text

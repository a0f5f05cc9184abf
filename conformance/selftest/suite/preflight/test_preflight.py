"""Before a run: what is no Aurous server is recognized, described, and ends the run with exit code 2."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import tomllib
from collections.abc import Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from answering_server import Answer, AnsweringServer, answering, response
from harness import preflight, rule_ids, startup
from testkit.raw_server import run_dripping_server

ROOT = Path(__file__).resolve().parents[4]
KEY = "al_live_" + "7" * 64
VENDOR = json.dumps({"object": "list", "data": [{"id": "gpt-9", "object": "model", "owned_by": "them"}]}).encode()
REFUSAL = json.dumps({"error": {"type": "authentication", "code": "invalid_api_key", "request_id": "req_1"}}).encode()
# Prints which modules that are slow to import a session loads before it ends by itself.
LOADED_MODULES = """
import sys, pytest
try:
    pytest.main(sys.argv[1:])
except SystemExit:
    print(sorted({"schemathesis", "hypothesis", "jsonschema_rs", "requests", "aurous", "conftest"} & set(sys.modules)))
"""


def always(*pieces: bytes) -> Answer:
    return lambda server, head: pieces


def hang(server: AnsweringServer, head: str) -> Iterable[bytes]:
    server.closing.wait()
    return []


def drip(server: AnsweringServer, head: str) -> Iterable[bytes]:
    yield b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n"
    while not server.closing.wait(0.01):
        yield b" "


def problem_of(answer: Answer, within: float = 30.0) -> str | None:
    with answering(answer) as server:
        return preflight.problem_at(server.url, KEY, within=within)


@pytest.mark.parametrize(
    ("answer", "described"),
    [
        pytest.param(
            always(response(200, b"<html><title>Welcome to nginx!</title></html>", "text/html")),
            "200 text/html, a web page titled 'Welcome to nginx!'",
            id="page",
        ),
        pytest.param(
            always(response(404, b"<html><title>Not Found</title></html>", "text/html")),
            "404 text/html, a web page titled 'Not Found'",
            id="static files",
        ),
        pytest.param(
            always(response(302, b"", "text/html", Location="https://login.example.com/")),
            "302 text/html, a redirect to https://login.example.com/",
            id="redirects",
        ),
        pytest.param(
            always(response(200, VENDOR)),
            "200 application/json, a JSON object with the members data, object (the API of another vendor?)",
            id="another vendor",
        ),
        pytest.param(always(response(200, b"[1, 2]")), "200 application/json", id="a list"),
        pytest.param(always(response(200, b"{" * 100_000)), "200 application/json", id="malformed JSON"),
        pytest.param(always(b"220 mail.example.com ESMTP\r\n\r\n"), "illegal status line", id="not HTTP"),
        pytest.param(always(), "Server disconnected without sending a response", id="closes"),
    ],
)
def test_other_server_is_described_with_what_to_check(answer: Answer, described: str) -> None:
    problem = problem_of(answer)
    assert problem is not None
    assert problem.startswith("no Aurous Labs API was found at http://127.0.0.1:")
    assert f"GET /v1/models: {described}" in problem
    assert "Check:" in problem
    assert "--no-preflight" in problem


@pytest.mark.parametrize("answer", [hang, drip])
def test_silent_server_is_described_within_the_time_for_all_requests(answer: Answer) -> None:
    problem = problem_of(answer, within=0.2)
    assert problem is not None
    assert "GET /v1/models: no complete response within" in problem
    assert "/v1/balance" not in problem


def test_time_for_the_preflight_leaves_room_in_five_seconds() -> None:
    assert preflight.ANSWERS_WITHIN <= 4


def test_endless_page_is_read_in_part_only() -> None:
    def endless(server: AnsweringServer, head: str) -> Iterable[bytes]:
        yield b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<title>Stars</title>"
        while not server.closing.is_set():
            yield b"*" * 65536

    problem = problem_of(endless)
    assert problem is not None
    assert "a web page titled 'Stars'" in problem


def test_nothing_listens_there() -> None:
    with answering(always()) as server:
        url = server.url
    problem = preflight.problem_at(url, KEY)
    assert problem is not None
    assert "cannot be reached" in problem


@pytest.mark.parametrize(
    "url",
    ["ftp://x", "example.com", "http://", "http://[", "http://x:99999", "http://x/?a=1", "http://x#a", "http://x/\n"],
)
def test_text_that_is_no_address_is_refused(url: str) -> None:
    assert "is not an address" in str(preflight.problem_at(url, KEY))


@pytest.mark.parametrize("host", ["..", "a" * 70 + ".example"])
def test_host_that_cannot_be_looked_up_cannot_be_reached(host: str) -> None:
    assert f"http://{host} cannot be reached: " in str(preflight.problem_at(f"http://{host}", KEY))


def test_aurous_server_has_no_problem() -> None:
    body = json.dumps({"object": "list", "data": [{"id": "m", "chat_pricing": {}}]}).encode()
    assert problem_of(always(response(200, body, Aurous_Version="2026-05-15"))) is None


def test_missing_key_is_asked_for() -> None:
    with answering(always(response(401, REFUSAL, Aurous_Request_Id="req_1"))) as server:
        problem = preflight.problem_at(server.url, None)
    assert problem is not None
    assert problem.startswith("the server asks for a key: GET /v1/models is answered 401 invalid_api_key")


@pytest.mark.parametrize("path", ["/v2", "/v1/models"])
def test_wrong_path_at_an_aurous_server_names_the_right_one(path: str) -> None:
    unknown = json.dumps({"error": {"type": "not_found", "code": "resource_not_found", "request_id": "req_1"}})
    with answering(always(response(404, unknown.encode(), Aurous_Request_Id="req_1"))) as server:
        problem = preflight.problem_at(server.url + path, KEY)
        assert problem is not None
        assert f"GET {path}/v1/models is answered 404 resource_not_found" in problem
        assert problem.endswith(f"probably {server.url}")
        assert preflight.problem_at(server.url, KEY) is None


def test_refused_key_is_reported_as_such() -> None:
    problem = problem_of(always(response(401, REFUSAL, Aurous_Request_Id="req_1")))
    assert problem is not None
    assert problem.startswith("the server refuses the key")
    assert "AUROUS_API_KEY" in problem


def test_refused_key_of_another_team_is_reported_as_such() -> None:
    other = "al_live_" + "8" * 64

    def refuse_other(server: AnsweringServer, head: str) -> Iterable[bytes]:
        return [response(401 if other in head else 200, REFUSAL, Aurous_Request_Id="req_1")]

    with answering(refuse_other) as server:
        problem = preflight.problem_at(server.url, KEY, other_api_key=other)
        assert preflight.problem_at(server.url, KEY) is None
    assert problem is not None
    assert problem.startswith("the server refuses the key of another team: GET /v1/models is answered 401 ")
    assert "--other-api-key" in problem


def test_key_of_another_team_that_is_that_of_the_run_is_refused() -> None:
    assert "takes one of another team" in str(preflight.other_key_problem(KEY, KEY))
    assert preflight.other_key_problem(KEY, None) is None
    assert "--other-api-key: the key has a space" in str(preflight.other_key_problem("a b", KEY))


def test_key_accepted_as_bearer_only_is_no_problem_of_the_key() -> None:
    def bearer_only(server: AnsweringServer, head: str) -> Iterable[bytes]:
        status = 200 if "authorization: bearer" in head.lower() else 401
        return [response(status, REFUSAL, Aurous_Request_Id="req_1")]

    assert problem_of(bearer_only) is None


def test_key_that_is_sent_back_is_not_shown() -> None:
    page = f"<title>You sent {KEY}</title>".encode()
    problem = problem_of(always(response(200, page, "text/html")))
    assert problem is not None
    assert KEY not in problem
    assert "$AUROUS_API_KEY" in problem


def test_terminal_sequences_of_a_server_are_escaped() -> None:
    problem = problem_of(always(response(200, b"<title>\x1b[2J\xe2\x80\xae</title>", "text/html")))
    assert problem is not None
    assert "\x1b" not in problem
    assert "\\x1b[2J" in problem
    assert "\u202e" not in problem


def session(*arguments: str) -> Any:
    config = SimpleNamespace(invocation_params=SimpleNamespace(args=arguments, dir=ROOT))
    return SimpleNamespace(getplugin=lambda name: config, rewrite_hook=None)


@pytest.fixture
def stranger() -> Iterable[AnsweringServer]:
    with answering(always(response(200, b"<title>Hello</title>", "text/html"))) as server:
        yield server


def test_startup_ends_with_exit_code_2(
    stranger: AnsweringServer, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)
    with pytest.raises(SystemExit) as ending:
        startup.pytest_addhooks(session("conformance", f"--base-url={stranger.url}"))
    assert ending.value.code == 2
    assert "no Aurous Labs API was found" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--no-preflight", "--dry-run", "--rehearse", "--list-rules", "--why"])
def test_startup_asks_nothing_of_the_server_with(
    option: str, stranger: AnsweringServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)
    startup.pytest_addhooks(session("conformance", "--base-url", stranger.url, option))
    assert stranger.heads == []


def test_startup_asks_nothing_in_a_worker(stranger: AnsweringServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_XDIST_WORKER", "gw0")
    startup.pytest_addhooks(session("conformance", "--base-url", stranger.url))
    assert stranger.heads == []


@pytest.mark.parametrize("url", ["ftp://me:secret@x", "localhost:8080", "http://[::1", "HTTP://me:secret@x:99999"])
def test_startup_refuses_what_is_no_address_before_it_asks_for_a_key(
    url: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)
    monkeypatch.delenv("AUROUS_API_KEY", raising=False)
    with pytest.raises(SystemExit) as ending:
        startup.pytest_addhooks(session("conformance", "--base-url", url))
    assert ending.value.code == preflight.NOT_AUROUS
    shown = capsys.readouterr().err
    assert "is not an address" in shown
    assert "secret" not in shown


def test_startup_refuses_a_server_that_may_charge_without_a_key(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)
    monkeypatch.delenv("AUROUS_API_KEY", raising=False)
    with pytest.raises(SystemExit) as ending:
        startup.pytest_addhooks(session("conformance", "--base-url", "https://me:secret@aurous.invalid"))
    assert ending.value.code == pytest.ExitCode.USAGE_ERROR
    expected = "https://aurous.invalid may charge for calls: name its key with --api-key or AUROUS_API_KEY\n"
    assert capsys.readouterr().err == expected


def test_https_to_a_server_that_speaks_http_names_the_other() -> None:
    with run_dripping_server(b"HTTP/1.1 400 Bad Request\r\n\r\n", pause=0) as address:
        problem = preflight.problem_at(f"https://{address}", KEY)
    assert problem is not None
    assert "does it speak http:// instead of https://?" in problem


def test_api_of_another_vendor_is_offered_the_gateway() -> None:
    assert "aurous-mock --upstream URL" in str(problem_of(always(response(200, VENDOR))))
    assert "aurous-mock --upstream" not in str(problem_of(always(response(200, b"<html></html>", "text/html"))))


@pytest.mark.parametrize(
    ("pattern", "meant"), [("stream.dnoe", " (did you mean stream.done or "), ("nope", ";"), ("strem.*", "")]
)
def test_startup_refuses_an_unknown_rule(
    pattern: str, meant: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)
    with pytest.raises(SystemExit) as ending:
        startup.pytest_addhooks(session("conformance", "--rule", "models.*", f"--rule={pattern}"))
    assert ending.value.code == pytest.ExitCode.USAGE_ERROR
    message = capsys.readouterr().err
    assert message.startswith(f"--rule: no rule is called {pattern!r}{meant}")
    assert message.endswith("; --list-rules lists all\n")


@pytest.mark.parametrize("pattern", ["conformance/rules/test_streams.py", "test_streams.py", "rules/x.py::test_x"])
def test_file_in_place_of_a_rule_is_told_where_it_belongs(pattern: str) -> None:
    expected = f"--rule takes the ids of rules, and not {pattern!r}; {rule_ids.OF_A_FILE}"
    assert rule_ids.problem_of([pattern]) == expected
    assert (ROOT / rule_ids.OF_A_FILE.split()[-1].strip("`")).is_file()


@pytest.mark.parametrize("pattern", ["stream.done", "stream.*", "request.of_a_bound_to_come", "*"])
def test_startup_accepts_rules_that_exist_or_are_made_of_the_contract(
    pattern: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)
    startup.pytest_addhooks(session("conformance", "--rule", pattern))


def test_rule_that_was_not_measured_yet_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rule_ids, "measured", frozenset)
    assert rule_ids.problem_of(["stream.done", "balance.refusal_is_free"]) is None


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("properties.links", True),
        ("properties.new_operation", True),
        ("*", True),
        ("*.links", True),
        ("stream.*", False),
    ],
)
def test_requests_are_generated_only_for_rules_that_need_them(pattern: str, expected: bool) -> None:
    assert rule_ids.may_be_property(pattern) is expected


@pytest.mark.parametrize("reason", ["rule", "server"])
def test_run_that_cannot_succeed_ends_before_other_plugins_are_loaded(reason: str, stranger: AnsweringServer) -> None:
    arguments = ["--rule", "nope"] if reason == "rule" else ["--base-url", stranger.url]
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-c", LOADED_MODULES, "conformance", "-p", "no:cacheprovider", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        env={name: value for name, value in os.environ.items() if name != "PYTEST_XDIST_WORKER"},
    )
    # All of these take seconds to import, or to collect tests with.
    assert done.stdout == "[]\n"
    assert done.stderr.startswith("--rule: " if reason == "rule" else "--base-url: ")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["conformance"], True),
        (["conformance/rules/test_streams.py", "--report", "report.html"], True),
        (["conformance/rules/test_streams.py::test_x", "--base-url", "http://127.0.0.1:9"], True),
        (["conformance", "conformance/selftest/suite"], False),
        (["conformance", "overlays/tests"], False),
        (["overlays/tests/cli/test_cli.py"], False),
        (["conformance", "--why", "x" * 5000], True),
        ([], False),
    ],
)
def test_assertions_are_rewritten_unless_only_rules_run(arguments: list[str], expected: bool) -> None:
    assert startup.names_rules_only(arguments, ROOT) is expected


def test_startup_is_the_first_plugin_that_pytest_loads() -> None:
    options = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["pytest"]["ini_options"]
    assert options["addopts"].startswith("-p harness.startup")
    assert options["pythonpath"] == ["conformance"]


def test_interrupt_before_the_first_test_ends_without_a_traceback() -> None:
    received = threading.Event()

    def announce(server: AnsweringServer, head: str) -> Iterable[bytes]:
        received.set()
        server.closing.wait()
        return []

    with answering(announce) as server:
        command = [sys.executable, "-m", "pytest", "conformance", "--base-url", server.url, "-p", "no:cacheprovider"]
        # A worker of a distributed run leaves the look at the server to others.
        environment = {name: value for name, value in os.environ.items() if name != "PYTEST_XDIST_WORKER"}
        with subprocess.Popen(  # noqa: S603
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
        ) as process:
            assert received.wait(60)
            process.send_signal(signal.SIGINT)
            output, errors = process.communicate(timeout=60)
    assert process.returncode == startup.INTERRUPTED
    assert errors == "\ninterrupted before the first test\n"
    assert output == ""

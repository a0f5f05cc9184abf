"""What the README says works: its examples run against the mock, and its commands name what exists."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
import time
import tomllib
from codeop import compile_command
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import aurous
import httpx
import pytest
import uvicorn
from aurous_mock.http import faults
from aurous_mock.settings import DEFAULT_KEY
from clientkit.engines import install_ray
from clientkit.examples import README as README_FILE
from clientkit.examples import ROOT, readme_examples, run
from sybil import Example

README = README_FILE.read_text(encoding="utf-8")
PATIENCE = 60

pytest_plugins = ["pytester"]

PYTHON, SHELL = readme_examples("python"), readme_examples("sh")
COMMANDS = "".join(example.parsed for example in SHELL)


def section(example: Example) -> str:
    """The heading that an example is under."""
    headings: list[str] = re.findall(r"^#+ (.*)$", README[: example.region.start], flags=re.MULTILINE)
    return headings[-1]


def example_with(word: str) -> Example:
    """The one example that has a word in it."""
    (match,) = [example for example in PYTHON if word in example.parsed]
    return match


CLIENT = [example for example in PYTHON if section(example) == "The client"]
TOOLS, BUDGET, TRANSLATION, SERVICE, BATCH, CLUSTER, FIXTURE, SCRIPTED, UNITTEST = map(
    example_with,
    (
        *("@tool", "budget(", "sys.stdin", "FastAPI()", "aurous.batch", "integrations.ray"),
        *("def test_summary(aurous", "def test_weather", "unittest"),
    ),
)


def test_first_commands_run_the_demo_and_the_tests() -> None:
    assert SHELL[0].parsed.splitlines() == ["python3 scripts/run.py", "python3 scripts/test.py"]


def test_files_named_in_the_readme_exist() -> None:
    named = set(re.findall(r"scripts/[\w/]+\.\w+", README)) | set(re.findall(r"\]\(([\w./]+)\)", README))
    assert len(named) > 10
    assert {name for name in named if not (ROOT / name).is_file()} == set()


def test_files_that_the_readme_links_to_are_in_the_sdist() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    included = {each.strip("/") for each in project["tool"]["hatch"]["build"]["targets"]["sdist"]["include"]}
    named = {link.partition("/")[0] for link in re.findall(r"\]\(([\w./]+)[#)]", README)} | {"noxfile.py"}
    assert {"CONTRIBUTING.md", "SECURITY.md"} < named
    assert named - included == set()


def test_links_within_the_readme_have_a_target() -> None:
    headings = re.findall(r"^#+ (.*)$", README, flags=re.MULTILINE)
    anchors = {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}
    links = set(re.findall(r"\]\(#([\w-]+)\)", README))
    assert len(links) > 5
    assert links <= anchors


def test_extras_named_in_the_readme_exist() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    named = {extra for match in re.findall(r'(?:aurous-labs|"\.)\[([\w,]+)\]', README) for extra in match.split(",")}
    named |= set(re.findall(r"\(extra `(\w+)`", README))
    assert len(named) > 3
    assert named <= project["optional-dependencies"].keys()


OPTIONS = {
    "scripts/regenerate.py": ["--check"],
    "-m aurous_mock": ["--port", "--state", "--upstream", "--no-default-key", "--api-key", "--record", "--replay"],
    "-m pytest conformance": ["--base-url", "--api-key", "--report", "--max-credits", "--dry-run"],
}


@pytest.mark.parametrize(("program", "options"), OPTIONS.items(), ids=OPTIONS)
def test_options_named_in_the_readme_exist(program: str, options: list[str]) -> None:
    command = [sys.executable, *program.split(), "--help"]
    # Has no part in it, and takes longer to load than all else.
    env = {**os.environ, "PYTEST_ADDOPTS": "-p no:schemathesis"}
    completed = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=True, timeout=PATIENCE)
    assert [option for option in options if option not in README] == []
    assert [option for option in options if option not in completed.stdout] == []


def test_key_in_the_readme_is_the_mock_s() -> None:
    (setting,) = [part for part in COMMANDS.split() if part.startswith("AUROUS_API_KEY=al_live_$")]
    line = next(line for line in COMMANDS.splitlines() if setting in line)
    script = f"{line}\nprintf %s $AUROUS_API_KEY"
    assert subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True).stdout == DEFAULT_KEY


def test_faults_named_in_the_readme_exist() -> None:
    text = README[README.index("`Aurous-Mock-Fault`") : README.index("`aurous-mock --help`")]
    named = re.findall(r"`([^`]+)`", text)[1:]
    assert len(named) > 6
    for fault in named:
        assert faults.parse(fault), fault


def test_every_readme_example_is_run() -> None:
    others = (TOOLS, BUDGET, TRANSLATION, SERVICE, BATCH, CLUSTER, FIXTURE, SCRIPTED, UNITTEST)
    assert {example.line for example in (*CLIENT, *others)} == {example.line for example in PYTHON}
    assert set(re.findall(r"^```(\w+)$", README, flags=re.MULTILINE)) == {"python", "sh"}


@pytest.mark.parametrize("example", [*CLIENT, TOOLS, BUDGET, TRANSLATION, SERVICE, BATCH, CLUSTER])
def test_example_can_be_pasted_at_a_prompt(example: Example) -> None:
    """A prompt takes one statement at a time, and a blank line for the end of a block."""
    statement: list[str] = []
    for line in [*example.parsed.splitlines(), ""]:
        statement.append(line)
        if compile_command("\n".join(statement)) is not None:
            statement.clear()
    assert statement == []


def test_client_examples_run(aurous_mock: Any, capsys: pytest.CaptureFixture[str]) -> None:
    namespace: dict[str, Any] = {}
    for example in CLIENT:
        run(example, namespace)
    output = capsys.readouterr().out
    assert "404 resource_not_found model req_" in output
    # On a line of its own, below the text of the stream.
    assert re.search(r"^stop 0\.\d+$", output, flags=re.MULTILINE)
    assert len(aurous_mock.ledger()) == 2
    namespace["client"].close()


def test_tool_example_runs(aurous_mock: Any, capsys: pytest.CaptureFixture[str]) -> None:
    with run(TOOLS, {})["client"]:
        *_, loop, age = capsys.readouterr().out.splitlines()
    assert loop.endswith("(2 calls)")
    assert age.lstrip("-").isdigit()
    assert len(aurous_mock.ledger()) == 3


def test_budget_example_stops_at_its_budget(aurous_mock: Any, capsys: pytest.CaptureFixture[str]) -> None:
    with run(BUDGET, {})["client"]:
        output = capsys.readouterr().out
    calls = len(aurous_mock.ledger())
    assert 1 < calls < 100
    assert output.startswith(f"{calls} calls: the budget of 0.5 credits is spent (0.5")


def test_batch_example_answers_each_line(aurous_mock: Any, capsys: pytest.CaptureFixture[str]) -> None:
    run(BATCH, {})
    answered = [line.partition(" ")[0] for line in capsys.readouterr().out.splitlines()]
    assert sorted(answered) == [f"line-{number}" for number in range(1, 6)]
    assert len(aurous_mock.ledger()) == 5


def test_cluster_example_asks_each_row(aurous_mock: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    install_ray(monkeypatch)
    namespace = run(CLUSTER, {})
    namespace["mapper"].close()
    assert len(aurous_mock.ledger()) == 6


@pytest.mark.slow
def test_translation_example_survives_a_kill(aurous_mock: Any, tmp_path: Path) -> None:
    program = tmp_path / "translate.py"
    program.write_text(TRANSLATION.parsed, encoding="utf-8")
    lines = [f"Line {number}." for number in range(8)]
    command = [sys.executable, str(program)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as first:
        assert first.stdin is not None
        # It waits for the rest when it is killed.
        first.stdin.write("\n".join(lines[:3]) + "\n")
        first.stdin.flush()
        eventually(lambda: len(aurous_mock.ledger()) == 3)
        first.kill()
    again = subprocess.run(
        command, input="\n".join(lines) + "\n", capture_output=True, text=True, check=True, timeout=PATIENCE
    )
    assert len(again.stdout.splitlines()) == len(lines)
    assert len(aurous_mock.ledger()) == len(lines)


@contextmanager
def served(app: Any) -> Iterator[str]:
    """The URL of an application, which is served as `uvicorn` does for the length of the block."""
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        eventually(lambda: server.started)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(PATIENCE)


def eventually(holds: Any) -> None:
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture
def service(aurous_mock: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    # Its annotations are looked up in its module.
    module = type(sys)("service")
    monkeypatch.setitem(sys.modules, "service", module)
    module.__dict__.update(__name__="service")
    with served(run(SERVICE, vars(module))["app"]) as url:
        yield url


def test_service_example_streams(service: str, aurous_mock: Any) -> None:
    with httpx.stream("GET", f"{service}/ask", params={"question": "Why?"}, timeout=PATIENCE) as response:
        pieces = list(response.iter_text())
    assert response.headers["Content-Type"].startswith("text/plain")
    (charge,) = aurous_mock.ledger()
    with aurous.Aurous() as client:
        record = client.chat.completions.retrieve(charge["completion_id"])
    assert "".join(pieces) == record.choices[0].message.content
    assert len(pieces) > 1


def test_service_example_answers_502_on_failure(service: str, aurous_mock: Any) -> None:
    aurous_mock.fault("code=model_wrong_kind", path="/v1/chat/completions")
    response = httpx.get(f"{service}/ask", params={"question": "Why?"}, timeout=PATIENCE)
    assert (response.status_code, response.text) == (502, "The model cannot answer right now.")


def test_service_example_cancels_when_the_browser_disconnects(service: str, aurous_mock: Any) -> None:
    aurous_mock.fault("stall=3")
    with httpx.stream("GET", f"{service}/ask", params={"question": "Why?"}, timeout=PATIENCE) as response:
        assert next(response.iter_text())
    eventually(aurous_mock.ledger)
    (charge,) = aurous_mock.ledger()
    assert charge["status"] == "cancelled"


MY_SERVICE = """
    from aurous import Aurous, RetryPolicy, run_tools, tool

    @tool
    def get_weather(city: str) -> str:
        return f"4 degrees in {city}"

    def summarise(text):
        with Aurous(retry=RetryPolicy(initial_delay=0)) as client:
            messages = [{"role": "user", "content": text}]
            answer = client.chat.completions.create(model="aurous-grow-2.0-pro", messages=messages)
            return answer.choices[0].message.content

    def weather(question):
        with Aurous() as client:
            messages = [{"role": "user", "content": question}]
            return run_tools(client, model="aurous-grow-2.0-pro", messages=messages, tools=[get_weather]).text
"""


@pytest.mark.slow
def test_fixture_examples_pass(pytester: pytest.Pytester) -> None:
    examples = f"import my_service\n\n{FIXTURE.parsed}\n\n{SCRIPTED.parsed}"
    pytester.makepyfile(my_service=MY_SERVICE, test_service=examples)
    without = [f"-pno:{name}" for name in ("anyio", "faker", "hypothesispytest", "schemathesis")]
    pytester.runpytest_subprocess(*without).assert_outcomes(passed=2)


@pytest.mark.slow
def test_unittest_example_passes(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(my_service=MY_SERVICE, test_service=f"import my_service\n\n{UNITTEST.parsed}")
    result = pytester.run(sys.executable, "-m", "unittest", "-v", "test_service")
    assert result.ret == 0
    result.stderr.fnmatch_lines(["test_summary*ok", "Ran 1 test*"])

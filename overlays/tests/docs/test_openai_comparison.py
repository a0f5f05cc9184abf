"""What the README's table says of OpenAI's SDK is true of the one that is installed: the same mishaps, sent to both."""

from __future__ import annotations

import importlib.metadata
import inspect
import pickle
import re
import tomllib
from collections.abc import Callable, Iterator
from typing import Any

import aurous
import openai
import pytest
from clientkit.examples import README as README_FILE
from clientkit.examples import ROOT
from openai import _constants as constants
from testkit.raw_server import RawServer, run_raw_server
from testkit.responses import GOOD, KEY, MESSAGES, MODEL, answer, envelope
from testkit.streams import HEAD, RED, ROLE, sends

README = README_FILE.read_text(encoding="utf-8")
ROWS = {
    cells[0]: cells[1:]
    for line in README.partition("## Beside")[2].splitlines()
    if line.startswith("| ") and len(cells := [cell.strip() for cell in line.strip("|").split("|")]) == 3
}
HURRIED = aurous.RetryPolicy(initial_delay=0, jitter=0)


@pytest.fixture
def both() -> Iterator[Callable[..., tuple[RawServer, aurous.Aurous, RawServer, openai.OpenAI]]]:
    """Two servers that do the same, each with its client."""
    with (
        run_raw_server() as mine,
        run_raw_server() as theirs,
        aurous.Aurous(KEY, base_url=mine.url, retry=HURRIED) as ours,
        openai.OpenAI(api_key=KEY, base_url=f"{theirs.url}/v1", max_retries=1) as peer,
    ):

        def play(*actions: Any) -> tuple[RawServer, aurous.Aurous, RawServer, openai.OpenAI]:
            return mine.plays(*actions), ours, theirs.plays(*actions), peer

        yield play


def test_keys_are_sent_by_one_and_not_by_the_other(both: Any) -> None:
    mine, ours, theirs, peer = both(answer(500), GOOD)
    ours.chat.completions.create(model=MODEL, messages=MESSAGES)
    peer.chat.completions.create(model=MODEL, messages=MESSAGES)
    first, second = mine.keys
    assert first == second is not None
    assert theirs.keys == [None, None]
    peer.chat.completions.create(model=MODEL, messages=MESSAGES, extra_headers={"Idempotency-Key": "mine"})
    assert theirs.keys[-1] == "mine"


def test_retries_are_as_the_table_has_them() -> None:
    mine, theirs = ROWS["Retries by default"]
    policy = aurous.RetryPolicy()
    figures = f"{policy.max_retries}, after {policy.initial_delay:g} to {policy.max_delay:g} s"
    assert mine.startswith(f"{figures}, `Retry-After` to {policy.max_retry_after:g} s")
    figures = f"{constants.DEFAULT_MAX_RETRIES}, after {constants.INITIAL_RETRY_DELAY:g}"
    figures = f"{figures} to {constants.MAX_RETRY_DELAY:g} s"
    assert theirs == f"{figures}, `Retry-After` to {constants.MAX_RETRY_AFTER_DELAY:g} s"


def test_deadlines_are_as_the_table_has_them() -> None:
    mine, theirs = ROWS["Deadlines"]
    names = {"connect", "pool", "read", "write", "attempt", "total", "first_event", "idle"}
    assert set(aurous.Timeouts.__dataclass_fields__) == names
    assert mine == "connect, read, write, pool; attempt; whole call; first event, next event, whole stream"
    assert theirs == ", ".join(openai.Timeout(1).as_dict())
    mine, theirs = ROWS["`timeout=30`"]
    assert mine == "**one attempt**, all of it; `Timeouts(total=30)` is the **whole call**"
    assert aurous.Timeouts.of(30) == aurous.Timeouts(attempt=30)
    assert theirs == f"each of {', '.join(openai.Timeout(30).as_dict())}, in each attempt"
    assert set(openai.Timeout(30).as_dict().values()) == {30}


def test_errors_of_one_can_be_pickled_and_hold_no_key(both: Any) -> None:
    _, ours, _, peer = both(answer(404, envelope("resource_not_found", "not_found")))
    with pytest.raises(aurous.NotFoundError) as mine:
        ours.chat.completions.create(model=MODEL, messages=MESSAGES)
    with pytest.raises(openai.NotFoundError) as theirs:
        peer.chat.completions.create(model=MODEL, messages=MESSAGES)
    assert mine.value.code == theirs.value.code == "resource_not_found"
    assert str(pickle.loads(pickle.dumps(mine.value))) == str(mine.value)
    assert KEY.encode() not in pickle.dumps(mine.value)
    assert theirs.value.request.headers["Authorization"] == f"Bearer {KEY}"
    with pytest.raises(TypeError):
        pickle.loads(pickle.dumps(theirs.value))


def test_stream_that_just_ends_is_an_error_of_one_and_whole_to_the_other(both: Any) -> None:
    _, ours, _, peer = both(sends(ROLE, RED))
    with (
        pytest.raises(aurous.StreamInterruptedError) as caught,
        ours.chat.completions.stream(model=MODEL, messages=MESSAGES) as stream,
    ):
        list(stream)
    assert caught.value.text == "Red"
    assert caught.value.completion_id == HEAD["id"]
    with peer.chat.completions.create(model=MODEL, messages=MESSAGES, stream=True) as chunks:
        assert [chunk.choices[0].delta.content for chunk in chunks][-1] == "Red"


def test_what_the_other_has() -> None:
    for name in ("responses", "realtime", "images", "audio", "files", "batches"):
        assert inspect.getattr_static(openai.OpenAI, name), name
    assert {"AzureOpenAI", "BedrockOpenAI", "DefaultAioHttpClient"} <= set(dir(openai))
    assert "workload_identity" in inspect.signature(openai.OpenAI).parameters
    assert "http_client" in inspect.signature(openai.OpenAI).parameters
    assert callable(openai.OpenAI.post)


def test_what_the_other_does_not_have() -> None:
    names = [file for file in importlib.metadata.files("openai") or () if file.suffix == ".py"]
    assert len(names) > 100
    assert [file for file in names if re.search(r"telemetry|conformance|mock|pytest|receipt|ledger", str(file))] == []
    assert not importlib.metadata.distribution("openai").entry_points
    runners = [file.name for file in names if file.name.endswith("_runner.py")]
    assert sorted(runners) == ["decisions_tool_runner.py", "responses_tool_runner.py"]


def test_what_is_installed_with_either() -> None:
    ours = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
    theirs = [name for name in importlib.metadata.requires("openai") or () if "extra ==" not in name]

    def python(package: str) -> str:
        return f"{importlib.metadata.metadata(package)['Requires-Python'].removeprefix('>=')} and later"

    assert ROWS["Runtime dependencies, direct"] == [str(len(ours)), str(len(theirs))]
    assert ROWS["Python"] == [python("aurous-labs"), python("openai")]

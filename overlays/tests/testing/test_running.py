"""`aurous.testing.running`: a mock for unittest and scripts, with and without pytest."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from contextlib import ExitStack
from pathlib import Path

import pytest
from aurous import Aurous
from aurous._config import rerouting
from aurous.testing import AurousMock, running
from aurous.testing._active import active_mocks
from testkit.raw_server import RawServer
from testkit.responses import answer

QUESTION = [{"role": "user", "content": "Hello."}]


def say(client: Aurous) -> str | None:
    completion = client.chat.completions.create(model="aurous-grow-2.0-pro", messages=QUESTION)
    content = completion.choices[0].message.content
    assert content is None or isinstance(content, str)
    return content


@pytest.mark.usefixtures("outside_pytest")
def test_clients_of_a_program_call_the_mock_within_the_block(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUROUS_API_KEY", "al_live_of_production")
    with Aurous() as before:
        with running() as mock, Aurous() as inside, Aurous(base_url="https://api.example") as elsewhere:
            mock.answer("Spam.")
            assert [say(before), say(inside), say(elsewhere)] == ["Spam."] * 3
            assert os.environ["AUROUS_BASE_URL"] == mock.url
        assert os.environ["AUROUS_API_KEY"] == "al_live_of_production"
        assert "AUROUS_BASE_URL" not in os.environ
        assert rerouting.installed is None


@pytest.mark.usefixtures("outside_pytest")
def test_blocks_within_one_another_have_a_server_each() -> None:
    with Aurous("al_live_key") as client, running() as outer:
        outer.answer("outer")
        with running() as inner:
            inner.answer("inner")
            assert say(client) == "inner"
            assert os.environ["AUROUS_BASE_URL"] == inner.url
        assert say(client) == "outer"
        assert os.environ["AUROUS_BASE_URL"] == outer.url


@pytest.mark.usefixtures("outside_pytest")
def test_blocks_of_several_threads_end_in_any_order() -> None:
    started: dict[str, AurousMock] = {}
    entered = {name: threading.Event() for name in "ab"}
    leave = {name: threading.Event() for name in "ab"}

    def block(name: str) -> None:
        with running() as mock:
            started[name] = mock
            entered[name].set()
            leave[name].wait()

    threads = {name: threading.Thread(target=block, args=(name,)) for name in "ab"}
    for name in "ab":
        threads[name].start()
        entered[name].wait()
    for name, left in (("a", "b"), ("b", None)):
        leave[name].set()
        threads[name].join()
        assert os.environ.get("AUROUS_BASE_URL") == (started[left].url if left else None)
    assert rerouting.installed is None


@pytest.mark.usefixtures("outside_pytest")
def test_block_that_is_entered_during_the_entry_of_another_has_its_own_server() -> None:
    inner: list[AurousMock] = []
    with ExitStack() as inner_block, pytest.MonkeyPatch.context() as patched:

        class BusyLock:
            """Enters another block as soon as it is released, as a thread does that waits for it."""

            def __enter__(self) -> None: ...

            def __exit__(self, *_: object) -> None:
                patched.undo()
                inner.append(inner_block.enter_context(running()))

        patched.setattr(active_mocks, "_lock", BusyLock())
        with running() as outer:
            assert os.environ["AUROUS_BASE_URL"] == inner[0].url
            inner_block.close()
            assert os.environ["AUROUS_BASE_URL"] == outer.url
    assert "AUROUS_BASE_URL" not in os.environ


def test_servers_of_several_threads_answer_their_own_clients() -> None:
    answers: dict[str, set[str | None]] = {}

    def work(name: str) -> None:
        with running() as mock, Aurous(base_url=mock.url, api_key=mock.api_key) as client:
            mock.answer(lambda request: name)
            answers[name] = {say(client) for _ in range(5)}

    threads = [threading.Thread(target=work, args=(name,)) for name in ("one", "two", "three")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == {name: {name} for name in ("one", "two", "three")}


@pytest.mark.usefixtures("outside_pytest")
def test_client_of_another_server_on_this_machine_is_left_alone(wire: RawServer) -> None:
    wire.plays(answer(200, {"object": "list", "data": []}))
    with running(), Aurous(base_url=wire.url) as client:
        assert client.models.list().data == []
    assert len(wire.requests) == 1


def test_settings_of_the_server_are_taken() -> None:
    with running(credits=0) as mock, Aurous(base_url=mock.url, max_retries=0) as client:
        assert client.balance.retrieve().credits == 0


PROGRAM = """
import unittest

import {first}
from aurous import Aurous
from aurous.testing import running


class ColoursTest(unittest.TestCase):
    def setUp(self):
        self.mock = self.enterContext(running())

    def test_colours(self):
        self.mock.answer("Red.")
        with Aurous() as client:
            messages = [{{"role": "user", "content": "Name a colour."}}]
            completion = client.chat.completions.create(model="aurous-grow-2.0-pro", messages=messages)
        self.assertEqual(completion.choices[0].message.content, "Red.")


unittest.main()
"""


@pytest.mark.parametrize(
    "blocked",
    [pytest.param(False, marks=pytest.mark.slow, id="with pytest installed"), pytest.param(True, id="without")],
)
def test_unittest_uses_it_without_pytest(tmp_path: Path, blocked: bool) -> None:
    (tmp_path / "block_pytest.py").write_text("import sys\nsys.modules['pytest'] = None\n")
    program = PROGRAM.format(first="block_pytest" if blocked else "os")
    (tmp_path / "program.py").write_text(program)
    completed = subprocess.run(
        [sys.executable, "program.py"], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60
    )
    assert completed.returncode == 0, completed.stderr


def test_running_without_the_mock_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "aurous_mock.server.launcher", None)
    with pytest.raises(ImportError, match=r'pip install "aurous-labs\[mock\]"'), running():
        pass

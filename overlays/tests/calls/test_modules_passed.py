"""How many modules of `aurous` a call and a stream pass through, from the method to the socket and back."""

from __future__ import annotations

import gc
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import pytest
from clientkit.callers import Make
from testkit.raw_server import RawServer
from testkit.responses import GOOD
from testkit.streams import TEXT, WHOLE, sends

pytestmark = pytest.mark.usefixtures("outside_pytest")

# Whoever wants to know what happens to a call reads so many modules.
MOST_OF_A_CALL = {"sync": 12, "async": 12, "aiohttp": 11}
MOST_OF_A_STREAM = {"sync": 21, "async": 23, "aiohttp": 22}


@contextmanager
def modules_passed() -> Iterator[set[str]]:
    """The modules of `aurous` whose functions this thread executes in a block."""
    passed: set[str] = set()

    def note(frame: FrameType, event: str, _: object) -> None:
        name = frame.f_globals.get("__name__", "") if event == "call" else ""
        if name.startswith("aurous."):
            passed.add(name)

    previous = sys.getprofile()
    # What earlier tests left is not collected in the block, since finalizers would count as passed.
    gc.collect()
    gc.disable()
    sys.setprofile(note)
    try:
        yield passed
    finally:
        sys.setprofile(previous)
        gc.enable()


@pytest.fixture(autouse=True)
def unobserved(caplog: pytest.LogCaptureFixture) -> None:
    """Nothing logs calls, whatever level an earlier test or an option has set."""
    caplog.set_level(logging.WARNING, logger="aurous")


def test_successful_call_passes_few_modules(wire: RawServer, make: Make, kind: str) -> None:
    wire.plays(GOOD)
    caller = make(wire.url)
    # The first call imports, and connects.
    caller.create()
    with modules_passed() as passed:
        caller.create()
    assert len(passed) <= MOST_OF_A_CALL[kind], sorted(passed)
    assert "aurous._request.flow" in passed


def test_successful_stream_passes_few_modules(
    wire: RawServer, make: Make, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # However busy the machine is, the end of the body arrives in time, and the connection is reused.
    monkeypatch.setattr("aurous._stream.timeouts.DRAIN", 60.0)
    monkeypatch.setattr("aurous._stream.chat_controller.DRAIN", 60.0)
    wire.plays(sends(*WHOLE))
    caller = make(wire.url)
    caller.stream()
    with modules_passed() as passed:
        assert caller.stream() == TEXT
    assert len(passed) <= MOST_OF_A_STREAM[kind], sorted(passed)
    assert "aurous._stream.chunk_parser" in passed

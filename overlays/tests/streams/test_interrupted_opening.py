"""Streams that a signal interrupts while they are opened or closed: they disconnect, and report their end once."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
from aurous_client.operations import EventFormat, Operation, Request
from clientkit.callers import Make
from clientkit.streams import Ends, Stream, in_use
from testkit.raw_server import RawServer
from testkit.streams import RED, ROLE, sends


class Interruption(BaseException):
    """As KeyboardInterrupt, which an event loop treats in a way of its own."""


class InterruptedHooks(Ends):
    """A signal arrives when the head of the response has."""

    def on_attempt(self, call: Any, attempt: Any) -> None:
        raise Interruption


class Events(Stream):
    """A stream of typed events."""

    def __init__(self, caller: Any) -> None:
        self._caller = caller
        events = EventFormat(parse=dict, terminator="[DONE]")
        operation = Operation(id="watch", method="GET", path="/v1/imaginary", parse=dict, events=events)
        opener = caller.client.stream_events if caller.kind == "sync" else caller.client.astream_events
        self.made = opener(operation, events, Request(method="GET", path="/v1/imaginary"))


both_streams = pytest.mark.parametrize("kind_of_stream", [Stream, Events])


def interrupt(*_: Any, **__: Any) -> None:
    raise Interruption


@both_streams
def test_stream_interrupted_after_the_head_of_its_response_disconnects(
    kind_of_stream: Any, make: Make, wire: RawServer
) -> None:
    wire.plays(sends(ROLE, RED, then="stall", ends=False))
    hooks = InterruptedHooks()
    caller = make(wire.url, hooks=[hooks])
    with pytest.raises(Interruption):
        kind_of_stream(caller).__enter__()
    assert in_use(caller) == []
    assert [type(error) for _, error in hooks.reports] == [Interruption]


@both_streams
def test_stream_interrupted_before_it_is_set_up_disconnects(
    kind_of_stream: Any, make: Make, wire: RawServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    wire.plays(sends(ROLE, RED, then="stall", ends=False))
    hooks = Ends()
    caller = make(wire.url, hooks=[hooks])
    for parser in ("chat_controller.ChunkParser", "event_controller.EventParser"):
        monkeypatch.setattr(f"aurous._stream.{parser}", interrupt)
    with pytest.raises(Interruption):
        kind_of_stream(caller).__enter__()
    assert in_use(caller) == []
    assert [type(error) for _, error in hooks.reports] == [Interruption]


def test_stream_whose_closing_is_interrupted_is_left(
    make: Make, wire: RawServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    wire.plays(sends(ROLE, RED, then="stall", ends=False))
    hooks = Ends()
    caller = make(wire.url, hooks=[hooks])
    stream = Stream(caller)
    next(iter(stream))
    monkeypatch.setattr("aurous._stream.chat_controller.ChatController._take_buffered", interrupt)
    with pytest.raises(Interruption):
        stream.close()
    assert in_use(caller) == []
    assert (stream.end, len(hooks.reports)) == ("left", 1)
    with warnings.catch_warnings(action="error"):
        del stream

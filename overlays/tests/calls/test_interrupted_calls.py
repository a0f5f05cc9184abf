"""Calls and streams that a signal interrupts, at each line: a hook that receives a start receives one end."""

from __future__ import annotations

import gc
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aurous
import httpx
import pytest
from testkit.line_tracer import LineTracer
from testkit.responses import KEY, MESSAGES, MODEL, completion, envelope
from testkit.streams import WHOLE, events

PACKAGE = Path(aurous.__file__).parent
TRACED = tuple(str(PACKAGE / name) for name in ("_config/hooks.py", "_request", "_stream"))


class Interruption(BaseException):
    """As KeyboardInterrupt."""


class Interruptor(LineTracer):
    """Raises at one line event of the client. at: its number, from 0; None counts only"""

    def __init__(self, at: int | None = None) -> None:
        super().__init__(TRACED)
        self._at = at
        self.lines: list[tuple[str, int]] = []

    def on_line(self, file: str, number: int) -> None:
        self.lines.append((file, number))
        if len(self.lines) - 1 == self._at:
            raise Interruption

    def firsts_and_lasts(self) -> list[int]:
        """The numbers of the first and the last event of each line."""
        numbered = list(enumerate(self.lines))
        return sorted(
            {*{line: at for at, line in numbered}.values(), *{line: at for at, line in numbered[::-1]}.values()}
        )


class Counts(aurous.Hooks):
    def __init__(self) -> None:
        self.starts = self.ends = 0

    def on_start(self, call: aurous.CallDetails) -> None:
        self.starts += 1

    def on_end(self, call: aurous.CallDetails, result: object | None, error: BaseException | None) -> None:
        self.ends += 1


def respond(request: httpx.Request) -> httpx.Response:
    if request.url.path.endswith("cmp_none"):
        return httpx.Response(404, json=envelope("resource_not_found", "not_found"))
    if b'"stream":true' in request.content.replace(b" ", b""):
        return httpx.Response(200, content=events(*WHOLE), headers={"content-type": "text/event-stream"})
    return httpx.Response(200, json=completion())


def create(client: aurous.Aurous) -> None:
    client.chat.completions.create(model=MODEL, messages=MESSAGES)


def fail(client: aurous.Aurous) -> None:
    client.chat.completions.retrieve("cmp_none")


def stream(client: aurous.Aurous) -> None:
    with client.chat.completions.stream(model=MODEL, messages=MESSAGES) as chunks:
        for _ in chunks:
            pass


def leave(client: aurous.Aurous) -> None:
    with client.chat.completions.stream(model=MODEL, messages=MESSAGES) as chunks:
        for _ in chunks:
            break


@pytest.fixture
def http_client() -> Iterator[httpx.Client]:
    with httpx.Client(transport=httpx.MockTransport(respond)) as made:
        yield made


def interrupted(scenario: Any, http_client: httpx.Client, interruptor: Interruptor) -> list[tuple[int, int]]:
    """The starts and ends that each of two hooks received."""
    hooks = [Counts(), Counts()]
    client = aurous.Aurous(KEY, base_url="http://127.0.0.1", http_client=http_client, hooks=hooks)
    with warnings.catch_warnings(action="ignore"):
        try:
            with interruptor:
                scenario(client)
        except (Interruption, aurous.NotFoundError):
            pass
        gc.collect(0)
    return [(hook.starts, hook.ends) for hook in hooks]


# Python reports what a finalizer raises, and goes on.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("scenario", [create, fail, stream, leave])
def test_each_start_has_one_end_wherever_a_call_is_interrupted(scenario: Any, http_client: httpx.Client) -> None:
    interrupted(scenario, http_client, Interruptor())  # imports what is imported late
    whole = Interruptor()
    assert interrupted(scenario, http_client, whole) == [(1, 1), (1, 1)]
    unpaired = []
    for at in whole.firsts_and_lasts():
        counts = interrupted(scenario, http_client, Interruptor(at))
        if any(starts != ends for starts, ends in counts):
            unpaired.append((*whole.lines[at], counts))
    assert unpaired == []

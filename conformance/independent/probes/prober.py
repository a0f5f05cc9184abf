"""The prober: exchanges with a running server, as values that can be compared between two servers."""

from __future__ import annotations

import contextlib
import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import httpx

from ..changes import Change
from ..clock import ManualClock
from ..completions import Completion
from ..server import DEFAULT_KEY, DEFAULT_OTHER_KEY, Server, build, serving

PATH = "/v1/chat/completions"
MODEL = "aurous-grow-2.0-pro"
_ID = re.compile(r"\b(cmp|req|call)_[0-9A-Za-z_-]+")
_VARYING_NUMBERS = re.compile(r"-(?:Remaining|Reset)$", re.IGNORECASE)

Probe = Callable[["Prober"], Any]
PROBES: dict[str, Probe] = {}


def probe(function: Probe) -> Probe:
    """Register a probe under its function's name."""
    PROBES[function.__name__] = function
    return function


def body(text: str = "Hello there", **members: Any) -> dict[str, Any]:
    return {"model": MODEL, "messages": [{"role": "user", "content": text}], **members}


class Prober:
    """A client of one server, whose observations leave out what differs from run to run."""

    def __init__(self, server: Server, client: httpx.Client, clock: ManualClock) -> None:
        self.server = server
        self.client = client
        self.clock = clock
        self.other = {"X-Api-Key": DEFAULT_OTHER_KEY}
        self.closed = threading.Event()  # Set once a stream has been written, or its client has disconnected.
        self._labels: dict[str, str] = {}
        server.application.seams.response.append(self._watch)

    def _watch(self, call: Any, response: Any) -> None:
        if response.stream is None:
            return
        on_close = response.on_close

        def close() -> None:
            on_close()
            self.closed.set()

        response.on_close = close

    def send(self, method: str, path: str, **options: Any) -> httpx.Response:
        return self.client.request(method, path, **options)

    def create(self, document: Any = None, **options: Any) -> httpx.Response:
        return self.send("POST", PATH, json=document if document is not None else body(), **options)

    def get(self, completion_id: str, **options: Any) -> httpx.Response:
        return self.send("GET", f"{PATH}/{completion_id}", **options)

    def cancel(self, completion_id: str, **options: Any) -> httpx.Response:
        return self.send("POST", f"{PATH}/{completion_id}/cancel", **options)

    def streamed(self, document: Any, **options: Any) -> list[Any]:
        """Return the observation of a stream, and the record of its completion afterwards."""
        response = self.create(document, **options)
        return [self.tell(response), self.tell(self.get(self.completion_id(response.text)))]

    def completion_id(self, text: str) -> str:
        match = re.search(r"cmp_[0-9A-Za-z_-]+", text)
        return match.group() if match else "cmp_none"

    def balance(self, **options: Any) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.send("GET", "/v1/balance", **options).text, parse_float=Decimal)
        return document

    @contextlib.contextmanager
    def spending(self) -> Iterator[list[str]]:
        """Collect how much the three figures of the balance change over a block."""
        changes: list[str] = []
        before = self.balance()
        yield changes
        after = self.balance()
        names = ("credits", "held_credits", "available_credits")
        changes += [f"{name} {(Decimal(before[name]) - Decimal(after[name])).normalize()}" for name in names]

    @contextlib.contextmanager
    def running_stream(
        self, *, headers: dict[str, str] | None = None, **members: Any
    ) -> Iterator[tuple[str, Iterator[str]]]:
        """A stream that waits after its first token: its completion's id, and the lines that follow."""
        self.server.application.chat.pace = 3600
        held = self._held_credits()
        try:
            document = body("Tell me a long story", stream=True, **members)
            with self.client.stream("POST", PATH, json=document, headers=headers) as response:
                lines = response.iter_lines()
                first = [next(lines) for _ in range(3)]
                # With a key, these lines are the warning and the role: the token may not have been produced yet.
                completion = self.completions()[-1]
                _wait_until(lambda: completion.produced > 0)
                yield self.completion_id(first[0]), lines
        finally:
            self.server.application.chat.pace = 0
            for completion in list(self.server.application.chat.completions.values()):
                completion.ended.set()
            # The thread of the stream releases the hold; where a fault keeps it, this ends all the same.
            _wait_until(lambda: self._held_credits() == held)

    def _held_credits(self) -> list[int]:
        return [sum(team.ledger.holds.copy().values()) for team in self.server.application.teams.values()]

    def completions(self) -> list[Completion]:
        return list(self.server.application.chat.completions.values())

    def tell(self, response: httpx.Response) -> dict[str, Any]:
        """Return a response's status, headers and body, comparable with another server's."""
        headers = sorted(
            (name.decode(), self._tell_header(name.decode(), value.decode("latin-1")))
            for name, value in response.headers.raw
            if name.lower() not in (b"date", b"content-length")
        )
        return {"status": response.status_code, "headers": headers, "body": self.tell_text(response.text)}

    def _tell_header(self, name: str, value: str) -> str:
        if _VARYING_NUMBERS.search(name):
            return "a number" if value.isdigit() else value
        return self._label(value)

    def tell_text(self, text: str) -> str:
        """Return a body with ids replaced by the order in which they appeared, and times by whether they are now."""

        def tell_time(match: re.Match[str]) -> str:
            return match.group(1) + ("now" if abs(float(match.group(2)) - time.time()) < 100 else "another time")

        text = re.sub(r'("created": ?)([0-9.]+)', tell_time, text)
        return self._label(text)

    def _label(self, text: str) -> str:
        def replace(match: re.Match[str]) -> str:
            value = match.group()
            return self._labels.setdefault(value, f"{match.group(1)}#{len(self._labels)}({len(value)})")

        return _ID.sub(replace, text)


def _wait_until(condition: Callable[[], bool]) -> None:
    """Wait for another thread to make `condition` true, for a second at most, as a fault may prevent it."""
    for _ in range(500):
        if condition():
            break
        threading.Event().wait(0.002)


def observe(names: list[str], change: Change | None = None) -> dict[str, Any]:
    """Return the observations of the named probes on a new server, correct but for a change."""
    clock = ManualClock()
    application = build([change] if change else [], pace=0, latency=0, clock=clock)
    headers = {"X-Api-Key": DEFAULT_KEY}
    observations = {}
    with serving(application) as server:
        for name in names:
            with httpx.Client(
                base_url=server.url, headers=headers, trust_env=False, verify=False, timeout=30
            ) as client:
                prober = Prober(server, client, clock)
                clock.slept = 0.0
                try:
                    seen = PROBES[name](prober)
                except (httpx.HTTPError, ValueError, KeyError) as error:
                    seen = f"{type(error).__name__}"
                observations[name] = [seen, clock.slept]
    return observations

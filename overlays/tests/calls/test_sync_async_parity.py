"""The two clients are one: the same network gives both the same requests, waits, results, errors and lines of log."""

from __future__ import annotations

import inspect
import json
import logging
import re
import warnings
from collections.abc import Callable
from typing import Any

import aurous
import pytest
from clientkit.callers import KINDS, Caller, Time
from testkit.raw_server import Action, drip, raw, run_raw_server
from testkit.responses import BUSY, GOOD, IN_USE, answer, completion, envelope, response

CHUNK = {"id": "cmp_1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
SSE = "text/event-stream"


def event(**delta: Any) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": None if delta else "stop"}
    return b"data: " + json.dumps({**CHUNK, "choices": [choice]}).encode() + b"\n\n"


EVENTS = event(role="assistant", content="Red") + event(content=", green") + event() + b"data: [DONE]\n\n"
QUICK = aurous.Timeouts(read=0.2, first_event=0.2)
OLD = {"Aurous-Deprecated": "route"}
DELAY = {"Retry-After": "5"}

Act = Callable[[Caller], Any]
CREATE: Act = lambda caller: caller.create()  # noqa: E731
STREAM: Act = lambda caller: caller.stream()  # noqa: E731

SCENARIOS: dict[str, tuple[Act, list[Action], dict[str, Any]]] = {
    "a call": (CREATE, [GOOD], {}),
    "a call under a key": (lambda caller: caller.create(idempotency_key="mine", seed=1), [GOOD], {}),
    "a key that cannot be": (lambda caller: caller.create(idempotency_key=""), [GOOD], {}),
    "a hidden stream": (lambda caller: caller.create(extra_body={"stream": True}), [GOOD], {}),
    "a timeout that cannot be": (lambda caller: caller.create(timeout=-1), [GOOD], {}),
    "a lookup": (lambda caller: caller.run(lambda client: client.chat.completions.retrieve("cmp_1")), [GOOD], {}),
    "a cancel": (lambda caller: caller.run(lambda client: client.chat.completions.cancel("cmp_1")), [BUSY], {}),
    "a list": (
        lambda caller: caller.run(lambda client: client.models.list()),
        [BUSY, answer(200, {"object": "list", "data": []})],
        {},
    ),
    "a balance of another shape": (
        lambda caller: caller.run(lambda client: client.balance.retrieve()),
        [answer(200, {"credits": []})],
        {},
    ),
    "busy, then good": (CREATE, [BUSY, BUSY, GOOD], {}),
    "busy for ever": (CREATE, [BUSY], {}),
    "no retries": (CREATE, [BUSY], {"max_retries": 0}),
    "slow down": (CREATE, [answer(429, envelope("too_many_requests", "rate_limit"), headers=DELAY), GOOD], {}),
    "slow down a lot": (CREATE, [answer(429, b"", headers={"Retry-After": "9999"})], {}),
    "no time left": (CREATE, [BUSY], {"timeout": 2.5}),
    "reset": (CREATE, [raw(b"", then="reset"), GOOD], {}),
    "hung up": (CREATE, [raw(b"HTTP/1.1 200"), GOOD], {}),
    "cut short": (CREATE, [raw(response(200, completion())[:-9])], {}),
    "stalled": (CREATE, [raw(b"", then="stall"), GOOD], {"timeout": QUICK}),
    "stalled within an error": (CREATE, [raw(response(400, b"x" * 99)[:-9], then="stall")], {"timeout": QUICK}),
    "in use": (CREATE, [IN_USE], {}),
    "in use after a loss": (CREATE, [raw(b""), IN_USE, IN_USE, GOOD], {}),
    "a bad key": (CREATE, [answer(401, envelope("invalid_api_key", "authentication"))], {}),
    "no credits": (CREATE, [answer(402, envelope("balance_too_low"))], {}),
    "a teapot": (CREATE, [answer(418, b"<h1>", kind="text/html")], {}),
    "a redirect": (CREATE, [answer(308, headers={"Location": "http://elsewhere.example/"})], {}),
    "HTML": (CREATE, [answer(200, b"<h1>", kind="text/html")], {}),
    "another shape": (CREATE, [answer(200, {"id": 7})], {}),
    "no HTTP": (CREATE, [raw(b"SSH-2.0\r\n")], {"max_retries": 0}),
    "bad gzip": (CREATE, [answer(200, b"none", headers={"Content-Encoding": "gzip"})], {"max_retries": 0}),
    "figures that do not add up": (CREATE, [answer(200, completion(total_tokens=1))], {}),
    "deprecated": (CREATE, [answer(200, completion(), headers=OLD)], {}),
    "a stream": (STREAM, [answer(200, EVENTS, kind=SSE)], {}),
    "a stream that drips": (STREAM, [drip(response(200, EVENTS, kind=SSE), pause=0)], {}),
    "a stream that ends early": (STREAM, [raw(response(200, EVENTS[:200], kind=SSE))], {}),
    "a stream that breaks off": (STREAM, [raw(response(200, EVENTS, kind=SSE)[:-99])], {}),
    "a stream that is none": (STREAM, [GOOD], {}),
    "a stream that is refused": (STREAM, [BUSY], {}),
    "a stream that stalls": (STREAM, [raw(b"", then="stall")], {"timeout": QUICK}),
    "a stream of an error": (STREAM, [answer(200, b'data: {"error": {"code": "internal_error"}}\n\n', kind=SSE)], {}),
}


class Diary(aurous.Hooks):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def on_start(self, call: aurous.CallDetails) -> None:
        self.lines.append(f"start {call.operation_id} {call.streams}")

    def on_attempt(self, call: aurous.CallDetails, attempt: aurous.Attempt) -> None:
        self.lines.append(f"attempt {attempt.number} {attempt.status_code} {attempt.code} {attempt.delay}")

    def on_end(self, call: aurous.CallDetails, result: object | None, error: BaseException | None) -> None:
        self.lines.append(f"end {type(result).__name__} {type(error).__name__}")


def plain(text: str) -> str:
    """Without what differs between two runs of anything: ports, keys of our own making, times."""
    text = re.sub(r"127\.0\.0\.1:\d+", "HOST", text)
    text = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "KEY", text)
    # The words of the HTTP library are its own, and not the same in both of its halves.
    text = re.sub(
        r"(no response in time|the connection broke|not HTTP): .*?(?= after \d| \[\d attempts|$)", r"\1", text
    )
    return re.sub(r"\d+\.\d\d s", "TIME", text)


def observe(kind: str, act: Act, script: list[Action], options: dict[str, Any], caplog: Any) -> dict[str, Any]:
    """All that can be observed of one run."""
    caplog.clear()
    time, diary = Time(), Diary()
    with run_raw_server() as wire:
        wire.plays(*script)
        caller = Caller(kind, time, wire.url, hooks=[diary], **options)
        outcome: Any
        attempts: Any = ()
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                result = act(caller)
                outcome = result if isinstance(result, str) else result.to_dict()
                if not isinstance(result, str):
                    attempts = aurous.response_info(result).attempts
            except Exception as error:
                outcome = (type(error), plain(str(error)), getattr(error, "__notes__", []))
                attempts = getattr(error, "attempts", ())
        lines = [plain(record.getMessage()) for record in caplog.records if record.name == "aurous"]
        caller.close()
        return {
            "outcome": outcome,
            "attempts": [
                (one.number, one.status_code, one.code, one.request_id, one.sent, one.delay) for one in attempts
            ],
            "slept": time.slept,
            "requests": [
                (request.line, {name.lower(): plain(value) for name, value in request.headers}, request.body)
                for request in wire.requests
            ],
            "connections": wire.connections,
            "ledger": caller.client.ledger.by_model,
            "unsettled": caller.client.ledger.unsettled,
            "diary": diary.lines,
            "log": lines,
            "warnings": [
                (warning.category, str(warning.message))
                for warning in caught
                if warning.category is not ResourceWarning
            ],
        }


@pytest.mark.parametrize("name", SCENARIOS)
def test_sync_and_async_client_behave_alike(name: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "aurous")
    act, script, options = SCENARIOS[name]
    one, *others = (observe(kind, act, script, options, caplog) for kind in KINDS)
    for other in others:
        for aspect in one:
            assert one[aspect] == other[aspect], aspect


@pytest.mark.parametrize("place", ["chat.completions", "models", "balance", ""])
def test_sync_and_async_client_have_the_same_methods(place: str) -> None:
    def methods(client: Any) -> dict[str, list[str]]:
        for step in filter(None, place.split(".")):
            client = getattr(client, step)
        warning = inspect.getmembers(client, inspect.ismethod)
        return {
            name: list(inspect.signature(method).parameters) for name, method in warning if not name.startswith("_")
        }

    one, other = methods(aurous.Aurous("al_live_key")), methods(aurous.AsyncAurous("al_live_key"))
    if not place:
        # What the generated methods call is named by how it is called.
        one |= {f"a{name}": one.pop(name) for name in ("call", "stream", "stream_events")}
        # Only coroutines have event loops, each with connections of its own.
        assert other.pop("close_connections") == []
    assert one == other
    assert one

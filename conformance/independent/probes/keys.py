"""Probes of idempotency keys."""

from __future__ import annotations

import json
import threading
from typing import Any

from .prober import PATH, Prober, body, probe

_BODY = body(temperature=1, metadata={"a": 1, "b": [1, 2]})


def _send_twice(prober: Prober, key: str, second: str | dict[str, Any], first: Any = None) -> Any:
    headers = {"Idempotency-Key": key, "Content-Type": "application/json"}
    texts = [first if first is not None else json.dumps(_BODY), second]
    contents = [text if isinstance(text, str) else json.dumps(text) for text in texts]
    with prober.spending() as changes:
        told = [prober.tell(prober.send("POST", PATH, content=content, headers=headers)) for content in contents]
    return [told, changes]


@probe
def keyed_once(prober: Prober) -> Any:
    return prober.tell(prober.create(headers={"Idempotency-Key": "once"}))


@probe
def replay(prober: Prober) -> Any:
    return _send_twice(prober, "replay", _BODY)


@probe
def replay_after_a_minute(prober: Prober) -> Any:
    headers = {"Idempotency-Key": "minute"}
    first = prober.create(headers=headers)
    prober.clock.advance(60)
    return [prober.tell(first), prober.tell(prober.create(headers=headers))]


@probe
def fresh_after_a_day(prober: Prober) -> Any:
    headers = {"Idempotency-Key": "day"}
    first = prober.create(headers=headers)
    prober.clock.advance(24 * 3600 + 1)
    return [prober.tell(first), prober.tell(prober.create(headers=headers))]


@probe
def conflict(prober: Prober) -> Any:
    return _send_twice(prober, "conflict", body("Something else"))


@probe
def conflict_by_parameter(prober: Prober) -> Any:
    return _send_twice(prober, "parameter", _BODY | {"temperature": 0.5})


@probe
def conflict_by_nested_member(prober: Prober) -> Any:
    return _send_twice(prober, "nested", _BODY | {"metadata": {"a": 1, "b": [2, 1]}})


@probe
def conflict_by_type(prober: Prober) -> Any:
    return _send_twice(prober, "type", body(metadata=True), json.dumps(body(metadata=1)))


@probe
def conflict_by_white_space(prober: Prober) -> Any:
    return _send_twice(prober, "spaces", body("Hello  there"), json.dumps(body("Hello there")))


@probe
def same_order(prober: Prober) -> Any:
    return _send_twice(prober, "order", dict(reversed(_BODY.items())))


@probe
def same_nested_order(prober: Prober) -> Any:
    return _send_twice(prober, "nested-order", _BODY | {"metadata": {"b": [1, 2], "a": 1}})


@probe
def same_white_space(prober: Prober) -> Any:
    return _send_twice(prober, "space", json.dumps(_BODY, indent=4))


@probe
def same_numbers(prober: Prober) -> Any:
    text = json.dumps(_BODY)
    return _send_twice(prober, "numbers", text.replace('"temperature": 1', '"temperature": 1.0'))


@probe
def same_exponents(prober: Prober) -> Any:
    text = json.dumps(_BODY)
    return _send_twice(prober, "exponents", text.replace('"temperature": 1', '"temperature": 1e0'))


@probe
def same_escapes(prober: Prober) -> Any:
    return _send_twice(prober, "escapes", json.dumps(_BODY).replace("Hello", "\\u0048ello"))


@probe
def keys_by_case(prober: Prober) -> Any:
    return [prober.tell(prober.create(headers={"Idempotency-Key": key})) for key in ("abc", "ABC")]


@probe
def long_keys(prober: Prober) -> Any:
    keys = ["k" * 63 + end for end in "ab"]
    return [prober.tell(prober.create(headers={"Idempotency-Key": key})) for key in keys]


@probe
def key_lengths(prober: Prober) -> Any:
    return [prober.tell(prober.create(headers={"Idempotency-Key": "k" * length})) for length in (1, 64)]


@probe
def longer_key(prober: Prober) -> Any:
    return prober.tell(prober.create(headers={"Idempotency-Key": "k" * 65}))


@probe
def keys_of_two_teams(prober: Prober) -> Any:
    first = prober.create(headers={"Idempotency-Key": "teams"})
    return [prober.tell(first), prober.tell(prober.create(headers={"Idempotency-Key": "teams"} | prober.other))]


@probe
def corrected_request(prober: Prober) -> Any:
    headers = {"Idempotency-Key": "corrected"}
    return [prober.tell(prober.create(document, headers=headers)) for document in (body(temperature=3), body())]


@probe
def stream_then_document(prober: Prober) -> Any:
    headers = {"Idempotency-Key": "stream-first"}
    return [prober.streamed(body(stream=True), headers=headers), prober.tell(prober.create(headers=headers))]


@probe
def document_then_stream(prober: Prober) -> Any:
    headers = {"Idempotency-Key": "document-first"}
    return [prober.tell(prober.create(headers=headers)), prober.streamed(body(stream=True), headers=headers)]


@probe
def two_keyed_streams(prober: Prober) -> Any:
    headers = {"Idempotency-Key": "two-streams"}
    with prober.spending() as changes:
        told = [prober.streamed(body(stream=True), headers=headers) for _ in range(2)]
    return [told, changes]


@probe
def in_flight(prober: Prober) -> Any:
    """A second request with the key of one that still runs: the first sleeps until the second was answered."""
    running, answered = threading.Event(), threading.Event()
    sleep = prober.clock.sleep

    def wait(seconds: float) -> None:
        running.set()
        answered.wait(20)

    prober.clock.sleep = wait  # type: ignore[method-assign]
    headers = {"Idempotency-Key": "flight"}
    first: list[Any] = []
    thread = threading.Thread(target=lambda: first.append(prober.create(headers=headers)))
    thread.start()
    running.wait(20)
    prober.clock.sleep = sleep  # type: ignore[method-assign]
    second = prober.create(headers=headers)
    answered.set()
    thread.join()
    return [prober.tell(first[0]), prober.tell(second)]


@probe
def aliases(prober: Prober) -> Any:
    names = ("Aurous-Idempotency-Key", "Aurous-Idempotent-Key")
    return [[prober.tell(prober.create(headers={name: "alias"})) for _ in range(2)] for name in names]

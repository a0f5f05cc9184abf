"""Bodies under one key: which of them are the same request, which conflict, and which are not kept."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from harness.client.api_client import Server, encode
from harness.rules import IDEMPOTENCY, rule
from harness.violations import require

from .idempotency_requests import REPLAYED, is_conflict, is_fresh, is_replay, keyed, replayed

TOOL = {"type": "function", "function": {"name": "get_rain", "parameters": {"type": "object"}}}

# One change for every member of a request; "the whole POST body counts".
CHANGES: dict[str, Any] = {
    "messages": [{"role": "user", "content": "Something else entirely."}],
    "max_tokens": 7,
    "temperature": 0.9,
    "top_p": 0.8,
    "seed": 8,
    "stop": ["never"],
    "presence_penalty": 0.2,
    "frequency_penalty": 0.2,
    "logprobs": True,
    "reasoning_effort": "low",
    "tools": [TOOL],
    "response_format": {"type": "text"},
}


@rule(
    "idempotency.canonical_json",
    page=IDEMPOTENCY,
    says="Bodies are compared as canonical JSON: order and space do not matter.",
)
@pytest.mark.parametrize("spelling", ["key order", "nested key order", "white space", "escapes", "indented"])
def test_canonical_json(server: Server, key: str, spelling: str) -> None:
    body = server.ask("Say: é.", temperature=0.5, response_format={"type": "text"})
    first = server.completed(body, headers=keyed(key))
    again = server.create(body, content=respelled(body, spelling), headers=keyed(key))
    is_replay(again, first)


@rule("idempotency.array_order_matters", page=IDEMPOTENCY, says="The order of messages is part of the body.")
def test_array_order_matters(server: Server, key: str) -> None:
    body = server.ask()
    body["messages"] = [{"role": "user", "content": "One."}, {"role": "user", "content": "Two."}]
    first = server.completed(body, headers=keyed(key))
    turned = {**body, "messages": body["messages"][::-1]}
    is_conflict(server.create(turned, headers=keyed(key)), first)


@rule("idempotency.conflict", page=IDEMPOTENCY, says="The same key with another body is 409 `idempotency_key_in_use`.")
@pytest.mark.parametrize("member", CHANGES)
def test_conflict(server: Server, key: str, member: str) -> None:
    body = server.ask(temperature=0.5)
    first = server.completed(body, headers=keyed(key))
    is_conflict(server.create({**body, member: CHANGES[member]}, headers=keyed(key), refused=True), first)


@rule("idempotency.conflict_on_less", page=IDEMPOTENCY, says="A body that lacks a member is another body.")
def test_conflict_on_less(server: Server, key: str) -> None:
    body = server.ask(temperature=0.5)
    first = server.completed(body, headers=keyed(key))
    less = {name: value for name, value in body.items() if name != "temperature"}
    is_conflict(server.create(less, headers=keyed(key), refused=True), first)


@rule("idempotency.conflict_in_depth", page=IDEMPOTENCY, says="The smallest change deep in a message is another body.")
def test_conflict_in_depth(server: Server, key: str) -> None:
    body = server.ask("Say: gold.")
    first = server.completed(body, headers=keyed(key))
    message = {**body["messages"][0], "content": body["messages"][0]["content"] + " "}
    is_conflict(server.create({**body, "messages": [message]}, headers=keyed(key), refused=True), first)


@rule("idempotency.conflict_keeps_first", page=IDEMPOTENCY, says="A conflict leaves the first answer in its place.")
def test_conflict_keeps_first(server: Server, key: str) -> None:
    body = server.ask()
    first = server.completed(body, headers=keyed(key))
    server.create(server.ask(), headers=keyed(key), refused=True)
    is_replay(server.create(body, headers=keyed(key)), first)


@rule("idempotency.conflict_tells_no_id", page=IDEMPOTENCY, says="A conflict does not tell the first answer's id.")
def test_conflict_tells_no_id(server: Server, key: str) -> None:
    first = server.completed(server.ask(), headers=keyed(key))
    refused = server.create(server.ask(), headers=keyed(key), refused=True)
    require(first.at("id").encode() not in refused.body, "the 409 tells the id", first, refused)


@rule("idempotency.no_caching_of_4xx", page=IDEMPOTENCY, says="An answer of type invalid_request is not kept.")
def test_no_caching_of_4xx(server: Server, key: str) -> None:
    body = server.ask(temperature=3)
    first = server.create(body, headers=keyed(key), refused=True).expect(400, 422)
    again = server.create(body, headers=keyed(key), refused=True).expect(400, 422)
    require(again.header(REPLAYED) is None, f"{REPLAYED} is {again.header(REPLAYED)!r}", first, again)
    fresh = again.at("error", "request_id") != first.at("error", "request_id")
    require(fresh, "the second answer repeats the first one's request_id", first, again)


@rule(
    "idempotency.repaired_request", page=IDEMPOTENCY, says="A refused request leaves its key free for the repaired one."
)
@pytest.mark.parametrize("fault", [{"temperature": 3}, {"messages": []}, {"tool_choice": "required"}], ids=str)
def test_repaired_request(server: Server, key: str, fault: dict[str, Any]) -> None:
    body = server.ask()
    server.create({**body, **fault}, headers=keyed(key), refused=True)
    repaired = server.create(body, headers=keyed(key))
    is_fresh(repaired)
    is_replay(server.create(body, headers=keyed(key)), repaired)


@rule(
    "idempotency.concurrent",
    page=IDEMPOTENCY,
    says="Of requests at once with one key, one is carried out; others replay or 409.",
)
def test_concurrent(server: Server, key: str) -> None:
    body = server.ask(max_tokens=64)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: server.create(body, headers=keyed(key)), range(8)))
    fresh = [exchange for exchange in answers if exchange.status == 200 and not replayed(exchange)]
    require(len(fresh) == 1, f"{len(fresh)} of 8 requests were carried out", *fresh)
    for exchange in answers:
        if exchange.status == 200:
            require(exchange.json == fresh[0].json, "two different answers came", fresh[0], exchange)
        else:
            is_conflict(exchange, fresh[0])
    is_replay(server.create(body, headers=keyed(key)), fresh[0])


def respelled(body: dict[str, Any], spelling: str) -> bytes:
    """The same JSON value in other bytes."""
    match spelling:
        case "key order":
            return encode(dict(reversed(body.items())))
        case "nested key order":
            return encode({**body, "messages": [dict(reversed(message.items())) for message in body["messages"]]})
        case "white space":
            return json.dumps(body, ensure_ascii=False, separators=(" , ", "\t:\n ")).encode()
        case "escapes":
            return json.dumps(body, ensure_ascii=True).encode()
        case _:
            return json.dumps(body, ensure_ascii=False, indent=4).encode()

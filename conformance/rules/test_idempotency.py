"""Keys that make a retry safe: replays, conflicts, and what is never kept."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest
from assay.breaches import observe, require
from assay.exchanges import Exchange
from assay.ruling import CHAT_IDEMPOTENCY, IDEMPOTENCY, rule
from assay.server import Server, encode

REPLAYED = "Aurous-Idempotent-Replayed"
STATUS = "Aurous-Idempotency-Status"

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


def keyed(key: str) -> dict[str, str]:
    return {"Idempotency-Key": key}


def replayed(exchange: Exchange) -> bool:
    return exchange.header(REPLAYED) == "true"


def is_replay(again: Exchange, first: Exchange) -> None:
    """Require that `again` is the answer `first`, given once more and marked so."""
    again.expect(200)
    require(again.json == first.json, f"another answer came ({again.get('id')} for {first.get('id')})", first, again)
    require(replayed(again), f"{REPLAYED} is {again.header(REPLAYED)!r}", first, again)


def is_fresh(exchange: Exchange, *others: Exchange) -> None:
    """Require that this answer is a first one, and no other's."""
    exchange.expect(200)
    require(exchange.header(REPLAYED) is None, f"{REPLAYED} is {exchange.header(REPLAYED)!r}", *others, exchange)
    for other in others:
        require(exchange.at("id") != other.at("id"), f"the result {other.at('id')} is shared", other, exchange)


def is_conflict(exchange: Exchange, first: Exchange) -> None:
    if exchange.status != 409:
        require(False, f"the answer is {exchange.outcome}; expected 409 idempotency_key_in_use", first, exchange)
    code, kind = exchange.at("error", "code"), exchange.at("error", "type")
    told = (code, kind) == ("idempotency_key_in_use", "invalid_request")
    require(told, f"the answer is {kind} {code}", first, exchange)


@rule("idempotency.first_call", page=CHAT_IDEMPOTENCY, says="A first call carries no replay header.")
def test_first_call(server: Server, key: str) -> None:
    is_fresh(server.completed(server.ask(), headers=keyed(key)))


@rule("idempotency.replay", page=CHAT_IDEMPOTENCY, says="The same key with the same body gets the same answer again.")
def test_replay(server: Server, key: str) -> None:
    body = server.ask()
    first = server.completed(body, headers=keyed(key))
    for _ in range(3):
        is_replay(server.create(body, headers=keyed(key)), first)


@rule("idempotency.replay_header", page=CHAT_IDEMPOTENCY, says="A replay carries `Aurous-Idempotent-Replayed: true`.")
def test_replay_header(successes: dict[str, Exchange]) -> None:
    told = successes["create, replayed"].header(REPLAYED)
    require(told == "true", f"{REPLAYED} is {told!r}", successes["create, replayed"])


@rule("idempotency.replay_stored_once", page=IDEMPOTENCY, says="A replay changes nothing: the record stays as it was.")
def test_replay_stored_once(server: Server, key: str) -> None:
    body = server.ask()
    first = server.completed(body, headers=keyed(key))
    server.create(body, headers=keyed(key))
    found = server.retrieve(first.at("id")).expect(200)
    require(found.at("usage") == first.at("usage"), "the record's usage changed", first, found)
    require(found.at("choices") == first.at("choices"), "the record's answer changed", first, found)


@rule("idempotency.no_key", page=IDEMPOTENCY, says="Without a key nothing is ever replayed.")
def test_no_key(server: Server) -> None:
    body = server.ask()
    first = server.completed(body)
    is_fresh(server.completed(body), first)


@rule(
    "idempotency.unkeyed_after_keyed", page=IDEMPOTENCY, says="A request without a key is not answered from another's."
)
def test_unkeyed_after_keyed(server: Server, key: str) -> None:
    body = server.ask()
    first = server.completed(body, headers=keyed(key))
    is_fresh(server.completed(body), first)


@rule("idempotency.two_keys", page=IDEMPOTENCY, says="Two keys never share a result, however alike they are.")
@pytest.mark.parametrize(
    ("one", "two"),
    [
        pytest.param("k-{}-a", "k-{}-A", id="case"),
        pytest.param("k-{}", "k-{}-", id="prefix"),
        pytest.param("{}" + "x" * 27 + "a", "{}" + "x" * 27 + "b", id="64th character"),
        pytest.param("a{}", "b{}", id="first character"),
        pytest.param("k_{}", "k-{}", id="punctuation"),
        pytest.param("k-{}", "k{}", id="dash"),
    ],
)
def test_two_keys(server: Server, one: str, two: str) -> None:
    body, unique = server.ask(), str(uuid4())
    first = server.completed(body, headers=keyed(one.format(unique)))
    is_fresh(server.create(body, headers=keyed(two.format(unique))), first)


@rule("idempotency.two_keys_keep", page=IDEMPOTENCY, says="Each key keeps its own answer.")
def test_two_keys_keep(server: Server) -> None:
    body = server.ask()
    keys = [str(uuid4()) for _ in range(3)]
    firsts = [server.completed(body, headers=keyed(key)) for key in keys]
    for key, first in zip(keys, firsts, strict=True):
        is_replay(server.create(body, headers=keyed(key)), first)


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


@rule("idempotency.key_lengths", page=CHAT_IDEMPOTENCY, says="Keys of 1 to 64 characters are accepted, and replay.")
@pytest.mark.parametrize("length", [1, 2, 32, 36, 37, 63, 64])
def test_key_lengths(server: Server, length: int) -> None:
    # A key of one character can only be fresh by luck, so a conflict with an older use of it counts as accepted.
    key = (uuid4().hex * 2)[:length]
    body = server.ask()
    first = server.create(body, headers=keyed(key))
    if length < 3 and first.status == 409:
        return
    is_replay(server.create(body, headers=keyed(key)), first.expect(200))


@rule("idempotency.printable_keys", page=CHAT_IDEMPOTENCY, says="A key may be any printable text.")
@pytest.mark.parametrize("form", ["{}", "order {}", "a/b?c={}", '"{}"', "{}~!@#$%^&*()", "=?{}"])
def test_printable_keys(server: Server, form: str) -> None:
    key, body = form.format(uuid4().hex), server.ask()
    first = server.completed(body, headers=keyed(key))
    is_replay(server.create(body, headers=keyed(key)), first)


@rule(
    "idempotency.long_keys",
    page=IDEMPOTENCY,
    says="What becomes of keys above 64 characters (pages disagree).",
    observed=True,
)
def test_long_keys(server: Server) -> None:
    told = {
        length: server.create(server.ask(), headers=keyed((uuid4().hex * 9)[:length])).outcome
        for length in (65, 256, 257)
    }
    observe(", ".join(f"{length} characters: {outcome}" for length, outcome in told.items()))


@rule("idempotency.empty_key", page=IDEMPOTENCY, says="What becomes of an empty key.", observed=True)
def test_empty_key(server: Server) -> None:
    observe(f"an empty key is answered {server.create(server.ask(), headers=keyed('')).outcome}")


@rule(
    "idempotency.alias_header",
    page=IDEMPOTENCY,
    says="Which other header carries a key (pages disagree).",
    observed=True,
)
def test_alias_header(server: Server) -> None:
    heard = []
    for name in ("Aurous-Idempotency-Key", "Aurous-Idempotent-Key"):
        body, headers = server.ask(), {name: str(uuid4())}
        server.create(body, headers=headers)
        if replayed(server.create(body, headers=headers)):
            heard.append(name)
    observe(f"replayed on {' and '.join(heard)}" if heard else "neither alias replays")


@rule(
    "idempotency.status_header",
    page=CHAT_IDEMPOTENCY,
    says="Whether non-streamed answers tell a status.",
    observed=True,
)
def test_status_header(successes: dict[str, Exchange]) -> None:
    keyed_call, plain = successes["create, first with a key"], successes["create"]
    observe(f"with a key {keyed_call.header(STATUS)!r}, without one {plain.header(STATUS)!r}")


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


@rule("idempotency.either_credential", page=IDEMPOTENCY, says="Keys belong to the team, whichever header names it.")
def test_either_credential(server: Server, key: str) -> None:
    body = server.ask()
    first = server.completed(body, headers=keyed(key))
    bearer = {"X-Api-Key": None, "Authorization": f"Bearer {server.api_key}"}
    is_replay(server.create(body, headers={**keyed(key), **bearer}), first)


@rule("idempotency.per_team", page=IDEMPOTENCY, says="Another team's key of the same name is another key.")
def test_per_team(server: Server, key: str) -> None:
    other, body = server.as_other_team(), server.ask()
    first = server.completed(body, headers=keyed(key))
    is_fresh(other.create(body, headers=keyed(key)), first)
    is_replay(server.create(body, headers=keyed(key)), first)


@rule("idempotency.streams_keep_nothing", page=CHAT_IDEMPOTENCY, says="A stream's key is ignored, and not kept.")
def test_streams_keep_nothing(server: Server, key: str) -> None:
    body = server.ask()
    first, second = (server.streamed(body, headers=keyed(key)) for _ in range(2))
    require(first.id != second.id, f"both streams are {first.id}", first.exchange, second.exchange)
    plain = server.create(body, headers=keyed(key)).expect(200)
    require(plain.header(REPLAYED) is None, f"after the streams, {REPLAYED} is {plain.header(REPLAYED)!r}", plain)
    require(plain.at("id") not in (first.id, second.id), "the stream's completion was replayed", plain)


@rule(
    "idempotency.streams_ignore_kept",
    page=CHAT_IDEMPOTENCY,
    says="A stream is not answered from a key's earlier result.",
)
def test_streams_ignore_kept(server: Server, key: str) -> None:
    body = server.ask()
    first = server.completed(body, headers=keyed(key))
    stream = server.streamed(body, headers=keyed(key))
    require(stream.id != first.at("id"), "the stream is the earlier completion", first, stream.exchange)
    require(stream.exchange.header(REPLAYED) is None, f"the stream carries {REPLAYED}", stream.exchange)


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


@rule(
    "idempotency.concurrent_keys",
    page=IDEMPOTENCY,
    says="Requests at once with different keys do not disturb each other.",
)
def test_concurrent_keys(server: Server) -> None:
    body = server.ask()
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: server.completed(body, headers=keyed(str(uuid4()))), range(6)))
    ids = {exchange.at("id") for exchange in answers}
    require(len(ids) == len(answers), f"{len(answers)} requests gave {len(ids)} completions", *answers)


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

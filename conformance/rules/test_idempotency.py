"""Keys that make a retry safe: what is replayed, and what never is."""

from __future__ import annotations

from harness.client.api_client import Server
from harness.client.exchange import Exchange
from harness.rules import CHAT_IDEMPOTENCY, IDEMPOTENCY, rule
from harness.violations import observe, require

from .idempotency_requests import REPLAYED, is_fresh, is_replay, keyed

STATUS = "Aurous-Idempotency-Status"


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


@rule(
    "idempotency.status_header",
    page=CHAT_IDEMPOTENCY,
    says="Whether non-streamed answers tell a status.",
    observed=True,
)
def test_status_header(successes: dict[str, Exchange]) -> None:
    keyed_call, plain = successes["create, first with a key"], successes["create"]
    observe(f"with a key {keyed_call.header(STATUS)!r}, without one {plain.header(STATUS)!r}")


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

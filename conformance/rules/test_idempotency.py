"""Rules on idempotency keys: which responses are replayed, and which never are."""

from __future__ import annotations

import pytest
from harness import contract
from harness.client.api_client import ApiClient
from harness.client.exchange import Exchange
from harness.rules import CHAT_IDEMPOTENCY, IDEMPOTENCY, first, rule
from harness.violations import inform, require

from .conftest import Kept
from .idempotency_requests import REPLAYED, require_fresh, require_replay, with_key
from .scenarios import DOCUMENTS, SCENARIOS, Scenarios

STATUS = "Aurous-Idempotency-Status"
KEYED = [kind for kind in DOCUMENTS if SCENARIOS[kind].keyed]
REPLAY_LATER = "A result is kept for 24 hours: it is replayed at once, and still at the end of a run."


@rule("idempotency.first_call", page=CHAT_IDEMPOTENCY, sentence="The response to a first request has no replay header.")
def test_first_call_with_a_key_is_not_a_replay(api: ApiClient, key: str) -> None:
    require_fresh(api.complete(api.chat_body(), headers=with_key(key)))


@rule(
    "idempotency.replay", page=CHAT_IDEMPOTENCY, sentence="The same key with the same body gets the same answer again."
)
def test_same_key_and_body_replay_the_completion(api: ApiClient, key: str) -> None:
    body = api.chat_body()
    first = api.complete(body, headers=with_key(key))
    for _ in range(3):
        require_replay(api.create(body, headers=with_key(key)), first)


@rule(
    "idempotency.replay", page=CHAT_IDEMPOTENCY, sentence="The same key with the same body gets the same answer again."
)
@pytest.mark.parametrize("kind", KEYED)
def test_keyed_completion_of_every_kind_is_replayed(api: ApiClient, scenarios: Scenarios, key: str, kind: str) -> None:
    body = scenarios.body(kind)
    first = api.complete(body, headers=with_key(key))
    require_replay(api.create(body, headers=with_key(key)), first)


@first
@rule("idempotency.replay_later", page=IDEMPOTENCY, sentence=REPLAY_LATER)
def test_result_is_replayed_at_once(api: ApiClient, kept: Kept) -> None:
    require_replay(api.create(kept.body, headers=with_key(kept.key)), kept.first)


@rule(
    "idempotency.replay_header", page=CHAT_IDEMPOTENCY, sentence="A replay carries `Aurous-Idempotent-Replayed: true`."
)
def test_replay_has_the_replayed_header(successes: dict[str, Exchange]) -> None:
    actual = successes["create, replayed"].header(REPLAYED)
    require(actual == "true", f"{REPLAYED} is {actual!r}", successes["create, replayed"])


@rule(
    "idempotency.replay_stored_once", page=IDEMPOTENCY, sentence="A replay changes nothing: the record stays as it was."
)
def test_replay_leaves_the_record_unchanged(api: ApiClient, key: str) -> None:
    body = api.chat_body()
    first = api.complete(body, headers=with_key(key))
    api.create(body, headers=with_key(key))
    record = api.retrieve(first.at("id")).expect(200)
    stored, created = (contract.documented("ChatCompletion", exchange.json) for exchange in (record, first))
    require(stored["usage"] == created["usage"], "the record's usage changed", first, record)
    require(stored["choices"] == created["choices"], "the record's answer changed", first, record)


@rule("idempotency.no_key", page=IDEMPOTENCY, sentence="Without a key nothing is ever replayed.")
def test_request_without_a_key_is_not_replayed(api: ApiClient) -> None:
    body = api.chat_body()
    first = api.complete(body)
    require_fresh(api.complete(body), first)


@rule(
    "idempotency.unkeyed_after_keyed",
    page=IDEMPOTENCY,
    sentence="A request without a key never gets the stored response of one with a key.",
)
def test_request_without_a_key_is_not_answered_from_a_keyed_one(api: ApiClient, key: str) -> None:
    body = api.chat_body()
    first = api.complete(body, headers=with_key(key))
    require_fresh(api.complete(body), first)


@rule(
    "idempotency.status_header",
    page=CHAT_IDEMPOTENCY,
    sentence="Whether non-streamed answers have a status.",
    informational=True,
)
def test_idempotency_status_header_without_stream(successes: dict[str, Exchange]) -> None:
    keyed_call, plain = successes["create, first with a key"], successes["create"]
    inform(f"with a key {keyed_call.header(STATUS)!r}, without one {plain.header(STATUS)!r}")


@rule("idempotency.streams_keep_nothing", page=CHAT_IDEMPOTENCY, sentence="A stream's key is ignored, and not kept.")
def test_stream_is_not_kept_under_its_key(api: ApiClient, key: str) -> None:
    body = api.chat_body()
    first, second = (api.stream(body, headers=with_key(key)) for _ in range(2))
    require(first.id != second.id, f"both streams are {first.id}", first.exchange, second.exchange)
    plain = api.create(body, headers=with_key(key)).expect(200)
    require(plain.header(REPLAYED) is None, f"after the streams, {REPLAYED} is {plain.header(REPLAYED)!r}", plain)
    require(plain.at("id") not in (first.id, second.id), "the stream's completion was replayed", plain)


@rule(
    "idempotency.streams_ignore_kept",
    page=CHAT_IDEMPOTENCY,
    sentence="A stream is not answered from a key's earlier result.",
)
def test_stream_is_not_answered_from_a_kept_completion(api: ApiClient, key: str) -> None:
    body = api.chat_body()
    first = api.complete(body, headers=with_key(key))
    stream = api.stream(body, headers=with_key(key))
    require(stream.id != first.at("id"), "the stream is the earlier completion", first, stream.exchange)
    require(stream.exchange.header(REPLAYED) is None, f"the stream carries {REPLAYED}", stream.exchange)

"""Rules on stored completions: equal to what was returned, and private to the team."""

from __future__ import annotations

import re
from typing import Any

import pytest
from harness import contract
from harness.client.api_client import ApiClient
from harness.client.completion_result import CompletionResult
from harness.client.exchange import Exchange
from harness.client.stream import Transcript
from harness.generation.request_normalizer import EFFORTS
from harness.rules import ERRORS, RETRIEVE, expensive, rule
from harness.violations import inform, require

from .conftest import UNKNOWN_ID
from .scenarios import DOCUMENTS, SCENARIOS, Scenarios, each_mode

# What proxies normalize or refuse on their own: encoded control characters, quotes, slashes and dot segments.
ODD_PATH = re.compile(r"%[01][0-9A-Fa-f]|%7[Ff]|%2[0257FEfe]|%[89A-Fa-f][0-9A-Fa-f]|/\.\.?(/|\Z)")
MEMBERS = tuple(contract.schema("ChatCompletion")["properties"])
ROOM = 24
WITH_USAGE = [kind for kind in SCENARIOS if not kind.startswith("bare")]


@rule("retrieval.same_as_created", page=RETRIEVE, sentence="A completion is retrieved as it was created.")
@pytest.mark.parametrize("kind", DOCUMENTS)
def test_retrieved_completion_equals_the_created_one(api: ApiClient, scenarios: Scenarios, kind: str) -> None:
    require_same(api, scenarios.document(kind))


@rule("retrieval.same_as_created", page=RETRIEVE, sentence="A completion is retrieved as it was created.")
def test_completion_in_any_script_is_retrieved_as_created(api: ApiClient) -> None:
    require_same(api, api.complete(api.chat_body("Répète : ünïcödé, 日本語, 🌧️", max_tokens=ROOM)))


@rule("retrieval.schema", page=RETRIEVE, sentence="The record has the documented members of a completion.")
def test_retrieved_completion_fits_the_schema(successes: dict[str, Exchange]) -> None:
    schema_errors = contract.schema_errors("ChatCompletion", successes["retrieve"].json)
    require(not schema_errors, "; ".join(schema_errors[:5]), successes["retrieve"])


@rule("retrieval.steady", page=RETRIEVE, sentence="A finished completion does not change.")
def test_finished_completion_does_not_change_between_reads(api: ApiClient, completion: Exchange) -> None:
    first, second = api.retrieve(completion.at("id")).expect(200), api.retrieve(completion.at("id")).expect(200)
    same = contract.documented("ChatCompletion", first.json) == contract.documented("ChatCompletion", second.json)
    require(same, "two readings differ", first, second)


@rule("retrieval.requested_id", page=RETRIEVE, sentence="An id retrieves its own completion, however many there are.")
def test_retrieve_returns_the_requested_completion(api: ApiClient) -> None:
    actual = [api.complete(api.chat_body(f"Say: {word}.", max_tokens=8)) for word in ("one", "two", "three")]
    for exchange in (*actual[1:], actual[0]):
        record = api.retrieve(exchange.at("id")).expect(200)
        require(record.at("id") == exchange.at("id"), f"the record has the id {record.at('id')}", exchange, record)
        stored, created = (contract.documented("ChatCompletion", each.json) for each in (record, exchange))
        require(
            stored["choices"] == created["choices"], "the record has the answer of another completion", exchange, record
        )


@rule("retrieval.stream", page=RETRIEVE, sentence="A streamed completion is retrieved as it was streamed.")
@pytest.mark.parametrize("kind", SCENARIOS)
def test_retrieved_completion_equals_the_streamed_one(api: ApiClient, scenarios: Scenarios, kind: str) -> None:
    require_record(api, scenarios.stream(kind))


@expensive
@rule("retrieval.stream", page=RETRIEVE, sentence="A streamed completion is retrieved as it was streamed.")
def test_retrieved_completion_equals_the_streamed_one_with_reasoning(api: ApiClient) -> None:
    body = api.chat_body("Is 91 a prime? Answer in 3 words.", reasoning_effort=EFFORTS[-1], max_tokens=64)
    require_record(api, api.stream(body))


@rule("retrieval.stream_receipt", page=RETRIEVE, sentence="The record's receipt is the one that was streamed.")
@pytest.mark.parametrize("kind", WITH_USAGE)
def test_retrieved_receipt_equals_the_streamed_one(api: ApiClient, scenarios: Scenarios, kind: str) -> None:
    stream = scenarios.stream(kind)
    streamed = CompletionResult.of_stream(stream).required_usage
    record = api.retrieve(stream.id).expect(200)
    stored, streamed = (contract.documented("Usage", usage) for usage in (record.at("usage"), streamed))
    require(stored == streamed, f"the record says {stored}, and {streamed} was streamed", stream.exchange, record)


@rule(
    "retrieval.stream_without_receipt",
    page=RETRIEVE,
    sentence="The record has a receipt even if the stream was requested without one.",
)
def test_retrieved_stream_has_a_receipt_though_none_was_streamed(api: ApiClient, bare_transcript: Transcript) -> None:
    record = api.retrieve(bare_transcript.id).expect(200)
    schema_errors = contract.schema_errors("Usage", record.at("usage"))
    require(not schema_errors, "; ".join(schema_errors), record)
    require(record.at("usage", "total_tokens") > 0, "the record counts no tokens", record)


@rule("retrieval.unknown", page=ERRORS, sentence="An unknown id is 404, type `not_found`.")
@pytest.mark.parametrize("unknown_id", [UNKNOWN_ID, "cmp_0", "cmp_" + "Z" * 26, "cmp_" + "a" * 200])
def test_retrieve_of_an_unknown_id_is_not_found(api: ApiClient, unknown_id: str) -> None:
    require_not_found(api.retrieve(unknown_id))


@rule("retrieval.near", page=RETRIEVE, sentence="Only the complete id retrieves a completion.")
def test_retrieve_of_an_almost_right_id_is_not_found(api: ApiClient, completion: Exchange) -> None:
    whole = completion.at("id")
    last = "0" if whole[-1] != "0" else "1"
    for near in (whole[:-1], whole + "0", whole[:-1] + last, whole.removeprefix("cmp_")):
        require_refused(api.retrieve(near))


@rule(
    "retrieval.other_team",
    page=ERRORS,
    sentence="Another team's completion looks like one that does not exist.",
)
@each_mode
def test_retrieve_by_another_team_is_not_found(
    api: ApiClient, completion: Exchange, transcript: Transcript, stream: bool
) -> None:
    other = api.as_other_team()
    foreign = other.retrieve(transcript.id if stream else completion.at("id"))
    unknown = other.retrieve(UNKNOWN_ID)
    require_not_found(foreign)
    same = foreign.status == unknown.status and without_ids(foreign) == without_ids(unknown)
    require(same, f"a foreign id is {foreign.outcome}, an unknown one {unknown.outcome}", foreign, unknown)


@rule("retrieval.malformed", page=RETRIEVE, sentence="A malformed id is refused.")
@pytest.mark.parametrize(
    "malformed_id",
    ["x", "req_01HXMQ7Z3K8Y2ABCDEFGHJKM", "cmp_%00", "cmp_\x00", "cmp_\n", "..", "cmp_' OR 1=1", "cmp_é"],
)
def test_retrieve_of_a_malformed_id_is_refused(api: ApiClient, malformed_id: str) -> None:
    require_refused(api.retrieve(malformed_id))


@rule(
    "retrieval.ignores_idempotency",
    page=RETRIEVE,
    sentence="How an idempotency key on GET is answered (not documented).",
    informational=True,
)
def test_retrieve_ignores_the_idempotency_key(api: ApiClient, completion: Exchange, key: str) -> None:
    record = api.retrieve(completion.at("id"), headers={"Idempotency-Key": key})
    inform(f"with an Idempotency-Key it is answered {record.outcome}")


def require_same(api: ApiClient, completion: Exchange) -> None:
    """Require that the record has every documented member of the completion as it was created."""
    record = api.retrieve(completion.at("id")).expect(200)
    created, stored = (contract.documented("ChatCompletion", exchange.json) for exchange in (completion, record))
    differing = [member for member in MEMBERS if created.get(member) != stored.get(member)]
    require(not differing, f"these members differ: {', '.join(differing)}", completion, record)


def require_record(api: ApiClient, stream: Transcript) -> None:
    """Require that the record of a stream that ended well has what the stream had."""
    record = api.retrieve(stream.id).expect(200)
    require(record.at("status") == "completed", f"`status` is {record.at('status')!r}", stream.exchange, record)
    require(record.at("object") == "chat.completion", f"`object` is {record.at('object')!r}", record)
    stored, first = CompletionResult.of_document(record), stream.chunks[0]
    pairs = [
        ("content", stored.content, stream.content),
        ("tool_calls", called(stored.tool_calls), called(stream.tool_calls)),
        ("finish_reason", [stored.finish_reason], stream.finish_reasons),
        ("created", record.at("created"), first.get("created")),
        ("model", record.at("model"), first.get("model")),
    ]
    for member, kept, streamed in pairs:
        require(
            kept == streamed,
            f"the record's {member} is {kept!r}, and {streamed!r} was streamed",
            stream.exchange,
            record,
        )


def called(calls: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    return [(call.get("id"), call["function"]["name"], call["function"]["arguments"]) for call in calls]


def require_refused(exchange: Exchange) -> None:
    """Require a refusal by the API itself: anything else at that address would answer 404 as well.

    A proxy may refuse an odd path before the API sees it, which ends the test as informational.
    """
    exchange.expect(400, 404, 422)
    if exchange.is_from_proxy and ODD_PATH.search(exchange.url):
        inform(
            f"something in front of the API does not route this path, and answers {exchange.outcome} "
            f"{exchange.media_type or 'without a type'}; the API was not asked"
        )
    schema_errors = contract.schema_errors("ErrorEnvelope", exchange.json)
    require(not schema_errors, f"the error's envelope: {'; '.join(schema_errors)}", exchange)


def require_not_found(exchange: Exchange) -> None:
    exchange.expect(404)
    kind = exchange.at("error", "type")
    require(kind == "not_found", f"the type is {kind!r}", exchange)


def without_ids(exchange: Exchange) -> dict[str, Any]:
    """An error without the ids of its request."""
    requested = exchange.url.rpartition("/")[2]
    error = {name: value for name, value in exchange.at("error").items() if name != "request_id"}
    return {name: value.replace(requested, "...") if isinstance(value, str) else value for name, value in error.items()}

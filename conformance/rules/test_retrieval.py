"""The stored completion: the same as was answered, and nobody else's."""

from __future__ import annotations

from typing import Any

import pytest
from harness import contract
from harness.client.api_client import Server
from harness.client.exchange import Exchange
from harness.client.stream import Transcript
from harness.rules import ERRORS, RETRIEVE, rule
from harness.violations import observe, require

from .conftest import UNKNOWN_ID

MEMBERS = tuple(contract.schema("ChatCompletion")["properties"])


@rule("retrieval.same_as_created", page=RETRIEVE, says="A completion is retrieved as it was created.")
@pytest.mark.parametrize("kind", ["text", "tools", "json", "unicode"])
def test_same_as_created(server: Server, kind: str) -> None:
    tool = {"type": "function", "function": {"name": "get_rain", "parameters": {"type": "object"}}}
    bodies: dict[str, dict[str, Any]] = {
        "text": server.ask("Name three rivers."),
        "tools": server.ask(
            "What is the rain in Oslo?", tools=[tool], tool_choice=tool | {"function": {"name": "get_rain"}}
        ),
        "json": server.ask("Invent a person, in JSON.", response_format={"type": "json_object"}, max_tokens=64),
        "unicode": server.ask("Répète : ünïcödé, 日本語, 🌧️"),
    }
    made = server.completed(bodies[kind])
    found = server.retrieve(made.at("id")).expect(200)
    differing = [member for member in MEMBERS if made.json.get(member) != found.json.get(member)]
    require(not differing, f"these members differ: {', '.join(differing)}", made, found)


@rule("retrieval.schema", page=RETRIEVE, says="The record has the documented members of a completion.")
def test_schema(successes: dict[str, Exchange]) -> None:
    misfits = contract.misfits("ChatCompletion", successes["retrieve"].json)
    require(not misfits, "; ".join(misfits[:5]), successes["retrieve"])


@rule("retrieval.steady", page=RETRIEVE, says="A finished completion does not change.")
def test_steady(server: Server, completion: Exchange) -> None:
    first, second = server.retrieve(completion.at("id")).expect(200), server.retrieve(completion.at("id")).expect(200)
    require(first.json == second.json, "two readings differ", first, second)


@rule("retrieval.the_one_asked_for", page=RETRIEVE, says="An id retrieves its own completion, however many there are.")
def test_the_one_asked_for(server: Server) -> None:
    made = [server.completed(server.ask(f"Say: {word}.")) for word in ("one", "two", "three")]
    for exchange in (*made[1:], made[0]):
        found = server.retrieve(exchange.at("id")).expect(200)
        require(found.at("id") == exchange.at("id"), f"id {found.at('id')} came back", exchange, found)
        same = found.at("choices") == exchange.at("choices")
        require(same, "another completion's answer came back", exchange, found)


@rule("retrieval.stream", page=RETRIEVE, says="A streamed completion is retrieved as it was streamed.")
def test_stream(server: Server, transcript: Transcript) -> None:
    found = server.retrieve(transcript.id).expect(200)
    require(found.at("status") == "completed", f"`status` is {found.at('status')!r}", transcript.exchange, found)
    require(found.at("object") == "chat.completion", f"`object` is {found.at('object')!r}", found)
    content = found.at("choices", 0, "message", "content")
    require(
        content == transcript.content, f"the record says {content!r}, the stream said {transcript.content!r}", found
    )
    reason = found.at("choices", 0, "finish_reason")
    require(
        [reason] == transcript.finish_reasons,
        f"finish_reason is {reason!r}, streamed {transcript.finish_reasons}",
        found,
    )
    first = transcript.chunks[0]
    for member in ("created", "model"):
        require(
            found.at(member) == first.get(member),
            f"`{member}` is {found.at(member)!r}, streamed {first.get(member)!r}",
            found,
        )


@rule("retrieval.stream_receipt", page=RETRIEVE, says="The record's receipt is the one that was streamed.")
def test_stream_receipt(server: Server, transcript: Transcript) -> None:
    found = server.retrieve(transcript.id).expect(200)
    require(found.at("usage") == transcript.usage, f"the record says {found.at('usage')}", transcript.exchange, found)


@rule(
    "retrieval.stream_without_receipt",
    page=RETRIEVE,
    says="The record has its receipt though the stream was to have none.",
)
def test_stream_without_receipt(server: Server, bare_transcript: Transcript) -> None:
    found = server.retrieve(bare_transcript.id).expect(200)
    misfits = contract.misfits("Usage", found.at("usage"))
    require(not misfits, "; ".join(misfits), found)
    require(found.at("usage", "total_tokens") > 0, "the record counts no tokens", found)


@rule("retrieval.unknown", page=ERRORS, says="An id that nobody has is 404, type `not_found`.")
@pytest.mark.parametrize("asked", [UNKNOWN_ID, "cmp_0", "cmp_" + "Z" * 26, "cmp_" + "a" * 200])
def test_unknown(server: Server, asked: str) -> None:
    absent(server.retrieve(asked))


@rule("retrieval.near", page=RETRIEVE, says="Only the whole id is the id.")
def test_near(server: Server, completion: Exchange) -> None:
    whole = completion.at("id")
    last = "0" if whole[-1] != "0" else "1"
    for near in (whole[:-1], whole + "0", whole[:-1] + last, whole.removeprefix("cmp_")):
        refuses(server.retrieve(near))


@rule(
    "retrieval.other_team", page=ERRORS, says="Another team's completion cannot be told from one that does not exist."
)
def test_other_team(server: Server, completion: Exchange) -> None:
    other = server.as_other_team()
    foreign, unknown = other.retrieve(completion.at("id")), other.retrieve(UNKNOWN_ID)
    absent(foreign)
    same = foreign.status == unknown.status and anonymous(foreign) == anonymous(unknown)
    require(same, f"a foreign id is {foreign.outcome}, an unknown one {unknown.outcome}", foreign, unknown)


@rule("retrieval.malformed", page=RETRIEVE, says="An id of another form is refused, whatever it holds.")
@pytest.mark.parametrize("asked", ["x", "req_01HXMQ7Z3K8Y2ABCDEFGHJKM", "cmp_%00", "..", "cmp_' OR 1=1", "cmp_é"])
def test_malformed(server: Server, asked: str) -> None:
    refuses(server.retrieve(asked))


@rule("retrieval.ignores_idempotency", page=RETRIEVE, says="Reading does not take a key.", observed=True)
def test_ignores_idempotency(server: Server, completion: Exchange, key: str) -> None:
    found = server.retrieve(completion.at("id"), headers={"Idempotency-Key": key})
    observe(f"with an Idempotency-Key it is answered {found.outcome}")


def refuses(exchange: Exchange) -> None:
    """Require a refusal by the API; whatever else listens at that address would answer 404 as well."""
    exchange.expect(400, 404, 422)
    misfits = contract.misfits("ErrorEnvelope", exchange.json)
    require(not misfits, f"the error's envelope: {'; '.join(misfits)}", exchange)


def absent(exchange: Exchange) -> None:
    exchange.expect(404)
    kind = exchange.at("error", "type")
    require(kind == "not_found", f"the type is {kind!r}", exchange)


def anonymous(exchange: Exchange) -> dict[str, Any]:
    """An error without what names the one request."""
    asked = exchange.url.rpartition("/")[2]
    error = {name: value for name, value in exchange.at("error").items() if name != "request_id"}
    return {name: value.replace(asked, "...") if isinstance(value, str) else value for name, value in error.items()}

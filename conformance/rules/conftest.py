"""Owns what many rules look at and no rule should pay for twice: a completion, some streams, answers."""

from __future__ import annotations

from uuid import uuid4

import pytest
from harness.client.api_client import COMPLETIONS, Server
from harness.client.exchange import Exchange
from harness.client.mock_controls import Levers, find
from harness.client.stream import Transcript

UNKNOWN_ID = "cmp_01HXMQ7Z3K8Y2ABCDEFGHJKM"
WRONG_KEY = "al_live_" + "f" * 64


@pytest.fixture
def key() -> str:
    """An idempotency key that nobody has used."""
    return str(uuid4())


@pytest.fixture(scope="session")
def completion(server: Server) -> Exchange:
    """A completion, just created."""
    return server.completed(server.ask("Name three uses of a paper clip."))


@pytest.fixture(scope="session")
def transcript(server: Server) -> Transcript:
    """A stream, read to its end."""
    return server.streamed(server.ask("Count to five."))


@pytest.fixture(scope="session")
def keyed_transcript(server: Server) -> Transcript:
    """A stream that was sent an idempotency key."""
    return server.streamed(server.ask("Count to five."), headers={"Idempotency-Key": str(uuid4())})


@pytest.fixture(scope="session")
def bare_transcript(server: Server) -> Transcript:
    """A stream without a receipt."""
    return server.streamed(server.ask("Count to five.", stream_options={"include_usage": False}))


@pytest.fixture(scope="session")
def successes(server: Server, completion: Exchange, transcript: Transcript) -> dict[str, Exchange]:
    """One answer of every kind that succeeds."""
    key = {"Idempotency-Key": str(uuid4())}
    body = server.ask()
    return {
        "create": completion,
        "create, first with a key": server.completed(body, headers=key),
        "create, replayed": server.completed(body, headers=key),
        "stream": transcript.exchange,
        "retrieve": server.retrieve(completion.at("id")).expect(200),
        "models": server.models().expect(200),
        "balance": server.balance().expect(200),
    }


@pytest.fixture(scope="session")
def failures(server: Server, completion: Exchange) -> dict[str, Exchange]:
    """One answer of every kind that fails by the caller's fault."""
    key = {"Idempotency-Key": str(uuid4())}
    server.completed(server.ask(), headers=key)
    wrong, none = {"X-Api-Key": WRONG_KEY}, {"X-Api-Key": None}
    return {
        "a missing member": server.create({"model": server.model}, refused=True),
        "a wrong type": server.create(server.ask(temperature="warm"), refused=True),
        "out of range": server.create(server.ask(temperature=3), refused=True),
        "a bad stream": server.create(server.ask(temperature=3, stream=True), refused=True),
        "an unknown model": server.create(server.ask(model="aurous-no-such-model"), refused=True),
        "broken JSON": server.create(None, content=b'{"model":', refused=True),
        "a reused key": server.create(server.ask(), headers=key, refused=True),
        "no key": server.create(server.ask(), headers=none, refused=True),
        "a wrong key": server.create(server.ask(), headers=wrong, refused=True),
        "a wrong key on GET": server.send("GET", "/v1/models", headers=wrong),
        "a malformed version": server.send("GET", "/v1/models", headers={"Aurous-Version": "latest"}),
        "an unknown id": server.retrieve(UNKNOWN_ID),
        "cancelling an unknown id": server.cancel(UNKNOWN_ID),
        "cancelling what has ended": server.cancel(completion.at("id")),
        "an unknown path": server.send("GET", f"{COMPLETIONS}/{UNKNOWN_ID}/no-such-thing"),
    }


@pytest.fixture(scope="session")
def levers(server: Server) -> Levers:
    """What this server lets a test do to it."""
    return find(server)


@pytest.fixture(scope="session")
def alone(pytestconfig: pytest.Config) -> bool:
    """Whether no other process talks to the same server in this run."""
    return not hasattr(pytestconfig, "workerinput")

"""Completions, streams and error responses that many rules check, each requested once."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest
from harness.client.api_client import COMPLETIONS, ApiClient, Headers
from harness.client.exchange import Exchange
from harness.client.mock_controls import MockControls, find_controls
from harness.client.stream import Transcript
from harness.violations import not_tested

from .in_flight import require_in_time, running_stream, wait_until_terminal, was_still_running
from .scenarios import Scenarios

UNKNOWN_ID = "cmp_01HXMQ7Z3K8Y2ABCDEFGHJKM"
WRONG_KEY = "al_live_" + "f" * 64
# Ends the names of the failures of requests for a stream.
STREAMED = ", streamed"
# The documented 5 s, and time for a round trip on a busy machine.
NOTICED_WITHIN = 7.0
# Seconds in which no long answer can be generated.
AT_ONCE = 0.5
# Of a long answer; at the documented rates its hold is less than a credit.
MOST_TOKENS = 2000


@dataclass(frozen=True)
class Cancelled:
    """A stream that was cancelled while it ran, with the response of the cancel, and the seconds until it ended."""

    response: Exchange
    transcript: Transcript
    record: Exchange
    seconds: float


@dataclass(frozen=True)
class Disconnected:
    """A stream whose client disconnected, the text read until then, and its record, `seconds` later.

    `most` is how many tokens the answer could have had.
    """

    stream: Exchange
    text: str
    most: int
    record: Exchange
    seconds: float


@dataclass(frozen=True)
class Running:
    """A stream that was observed while it ran, and read to its end.

    `record` and `balance` were read while it ran, `balance_before` before; `foreign_cancel` is another team's attempt.
    """

    transcript: Transcript
    balance_before: Exchange
    balance: Exchange
    record: Exchange
    foreign_cancel: Exchange | None


@pytest.fixture
def key() -> str:
    """An idempotency key that nobody has used."""
    return str(uuid4())


@pytest.fixture(scope="session")
def completion(api: ApiClient) -> Exchange:
    """A completion, just created."""
    return api.complete(api.chat_body("Name three uses of a paper clip.", max_tokens=16))


@pytest.fixture(scope="session")
def scenarios(api: ApiClient) -> Scenarios:
    """Requests of every kind, each made when it is first needed."""
    return Scenarios(api)


@pytest.fixture(scope="session")
def every_kind(scenarios: Scenarios) -> None:
    """Every kind of completion and stream has been seen."""
    scenarios.streams()
    scenarios.documents()


@pytest.fixture(scope="session")
def cancelled(api: ApiClient, mock_controls: MockControls) -> Cancelled:
    with running_stream(api, mock_controls, tokens=400, pace=40) as stream:
        response = api.cancel(stream.transcript.id)
        cancelled_at = time.monotonic()
        ran = was_still_running(stream)
        require_in_time(response, ran=ran)
        transcript = stream.transcript
    return Cancelled(response, transcript, api.retrieve(transcript.id), time.monotonic() - cancelled_at)


@pytest.fixture(scope="session")
def running(api: ApiClient, mock_controls: MockControls) -> Running:
    balance_before = api.balance()
    with running_stream(api, mock_controls) as stream:
        balance, record = api.balance(), api.retrieve(stream.transcript.id)
        has_other_team = api.settings.other_api_key is not None
        foreign_cancel = api.as_other_team().cancel(stream.transcript.id) if has_other_team else None
        ran = was_still_running(stream)
    has_ended_it = foreign_cancel is not None and foreign_cancel.status == 200
    if not ran and not has_ended_it:
        not_tested("the stream ended too soon to be looked at while it ran")
    return Running(stream.transcript, balance_before, balance, record, foreign_cancel)


@pytest.fixture(scope="session", params=[False, True], ids=["plain", "keyed"])
def disconnected(api: ApiClient, mock_controls: MockControls, request: pytest.FixtureRequest) -> Disconnected:
    """A stream whose client disconnected while it ran, with its record; once without a key, and once with one.

    A completion may end before its server can notice. Then a longer one is tried: one that would take longer than
    the server may take, at the pace of the first.
    """
    headers = {"Idempotency-Key": str(uuid4())} if request.param else {}
    first = disconnect(api, mock_controls, headers, 96)
    if first.record.at("status") != "completed":
        return first
    pace = first.record.at("usage", "completion_tokens") / max(first.seconds, 0.01)
    longer = disconnect(api, mock_controls, headers, int(min(max(pace * 2 * NOTICED_WITHIN, 800), MOST_TOKENS)))
    made = longer.record.at("usage", "completion_tokens")
    is_early = longer.record.at("status") == "completed" and longer.seconds < NOTICED_WITHIN
    # A short answer may end in time, but ten times as many tokens as were sent cannot be generated at once.
    if is_early and not (longer.seconds < AT_ONCE and made > 10 * len(longer.text.split()) + 200):
        not_tested(f"the completion ended {longer.seconds:.1f} s after its client left, before a server must notice")
    return longer


def disconnect(api: ApiClient, mock_controls: MockControls, headers: Headers, tokens: int) -> Disconnected:
    """Leave a stream after its first words, and wait for its record to end."""
    with running_stream(api, mock_controls, headers, tokens=tokens, pace=40) as stream:
        completion_id, text = stream.transcript.id, stream.transcript.content
    left = time.monotonic()
    record = wait_until_terminal(api, completion_id, NOTICED_WITHIN)
    return Disconnected(stream.exchange, text, tokens, record, time.monotonic() - left)


@pytest.fixture(scope="session")
def transcript(api: ApiClient) -> Transcript:
    """A stream, read to its end."""
    return api.stream(api.chat_body("Count to five.", max_tokens=16))


@pytest.fixture(scope="session")
def bare_transcript(api: ApiClient) -> Transcript:
    """A stream without a receipt."""
    return api.stream(api.chat_body("Count to five.", stream_options={"include_usage": False}, max_tokens=8))


@pytest.fixture(scope="session")
def successes(api: ApiClient, completion: Exchange, transcript: Transcript) -> dict[str, Exchange]:
    """A response of every kind that succeeds."""
    key = {"Idempotency-Key": str(uuid4())}
    body = api.chat_body()
    return {
        "create": completion,
        "create, first with a key": api.complete(body, headers=key),
        "create, replayed": api.complete(body, headers=key),
        "stream": transcript.exchange,
        "retrieve": api.retrieve(completion.at("id")).expect(200),
        "models": api.models().expect(200),
        "balance": api.balance().expect(200),
    }


@pytest.fixture(scope="session")
def failures(api: ApiClient, completion: Exchange) -> dict[str, Exchange]:
    """A response of every kind that fails because of the request."""
    key = {"Idempotency-Key": str(uuid4())}
    api.complete(api.chat_body(), headers=key)
    wrong, none = {"X-Api-Key": WRONG_KEY}, {"X-Api-Key": None}
    malformed = {"Aurous-Version": "latest"}
    refused: dict[str, tuple[dict[str, Any], Headers]] = {
        "a missing member": ({"model": api.model}, {}),
        "a wrong type": (api.chat_body(temperature="warm"), {}),
        "out of range": (api.chat_body(temperature=3), {}),
        "an unknown model": (api.chat_body(model="aurous-no-such-model"), {}),
        "no key": (api.chat_body(), none),
        "a wrong key": (api.chat_body(), wrong),
        "a malformed version on create": (api.chat_body(), malformed),
    }
    responses = {
        f"{name}{suffix}": api.create({**body, **option}, headers=headers, expect_error=True)
        for name, (body, headers) in refused.items()
        for suffix, option in (("", {}), (STREAMED, {"stream": True}))
    }
    return {
        **responses,
        "broken JSON": api.create(None, content=b'{"model":', expect_error=True),
        "a reused key": api.create(api.chat_body(), headers=key, expect_error=True),
        "a wrong key on GET": api.send("GET", "/v1/models", headers=wrong),
        "a malformed version": api.send("GET", "/v1/models", headers=malformed),
        "an unknown id": api.retrieve(UNKNOWN_ID),
        "cancelling an unknown id": api.cancel(UNKNOWN_ID),
        "cancelling what has ended": api.cancel(completion.at("id")),
        "an unknown path": api.send("GET", f"{COMPLETIONS}/{UNKNOWN_ID}/no-such-thing"),
    }


@dataclass(frozen=True)
class Kept:
    """A completion that was created with a key early in the run."""

    body: dict[str, Any]
    key: str
    first: Exchange
    created: float


@pytest.fixture(scope="session")
def kept(api: ApiClient) -> Kept:
    key, body = str(uuid4()), api.chat_body()
    return Kept(body, key, api.complete(body, headers={"Idempotency-Key": key}), time.monotonic())


@pytest.fixture(scope="session")
def mock_controls(api: ApiClient) -> MockControls:
    """The controls of the server, if it has any."""
    return find_controls(api)


@pytest.fixture(scope="session")
def alone(pytestconfig: pytest.Config) -> bool:
    """Whether no other process talks to the same server in this run."""
    return not hasattr(pytestconfig, "workerinput")

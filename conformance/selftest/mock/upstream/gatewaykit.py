"""A gateway in front of a raw server that sends what a test says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import httpx
from aurous_mock.server.launcher import Mock, running
from mockkit import CREATE, chat, connect, frames
from testkit.raw_server import Action, RawServer, raw, run_raw_server
from testkit.responses import answer, chunked

MODELS: Final = answer(200, {"object": "list", "data": [{"id": "llama"}]})
UPSTREAM_KEY: Final = "sk-upstream-0123456789"
ADMIN_KEY: Final = "an-admin-key"
USAGE: Final = {"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11}


@dataclass
class Gateway:
    """The gateway, a client of it, and the server behind it."""

    mock: Mock
    client: httpx.Client
    server: RawServer

    def plays(self, *actions: Action) -> None:
        """Have the server take these actions, and forget what it was asked before."""
        self.server.plays(*actions)
        self.server.requests.clear()

    def call(self, *actions: Action, **fields: Any) -> httpx.Response:
        """The response to a call, which the server answers so."""
        self.plays(*actions)
        return self.client.post(CREATE, json=chat(**fields))

    def stream(self, *actions: Action, **fields: Any) -> list[dict[str, Any]]:
        """The frames of a stream, which the server answers so."""
        response = self.call(*actions, stream=True, **fields)
        assert response.status_code == 200, response.text
        return frames(response.text)

    @property
    def asked(self) -> list[dict[str, Any]]:
        """The bodies that were forwarded."""
        return [json.loads(request.body) for request in self.server.requests]

    def metrics(self) -> str:
        """The metrics in the form of Prometheus."""
        return self.client.get("/metrics", headers={"Aurous-Mock-Key": ADMIN_KEY}).text

    def holds_nothing(self) -> bool:
        """Whether no credits are held, and no completion runs."""
        held = self.client.get("/v1/balance").json()["held_credits"]
        return bool(held == 0)


@contextmanager
def run_gateway(**options: Any) -> Iterator[Gateway]:
    """A gateway whose models are all the server's `llama`."""
    known = {"upstream_model": "llama", "upstream_key": UPSTREAM_KEY, "admin_key": ADMIN_KEY, **options}
    with (
        run_raw_server(MODELS) as server,
        running(upstream=server.url + "/v1", **known) as mock,
        connect(mock) as client,
    ):
        yield Gateway(mock, client, server)


def completion(message: Any, finish_reason: Any = "stop", usage: Any = USAGE, **members: Any) -> dict[str, Any]:
    """A completion of OpenAI's."""
    choice = {"index": 0, "message": message, "finish_reason": finish_reason}
    return {"id": "chatcmpl-1", "object": "chat.completion", "choices": [choice], "usage": usage, **members}


def chunk(delta: Any, finish_reason: Any = None, **members: Any) -> dict[str, Any]:
    """A chunk of OpenAI's."""
    choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
    return {"id": "chatcmpl-1", "object": "chat.completion.chunk", "choices": [choice], **members}


STOP: Final = chunk({}, "stop")
COUNTS: Final = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "choices": [], "usage": USAGE}
HEAD: Final = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"


def event(document: Any) -> bytes:
    """One event: bytes as they are, a string as its data, anything else as JSON."""
    if isinstance(document, bytes):
        return document
    return f"data: {document if isinstance(document, str) else json.dumps(document)}\n\n".encode()


def sends(*documents: Any, done: bool = True) -> Action:
    """A stream of these events, with `[DONE]` unless it is to break off."""
    events = [*documents, "[DONE]"] if done else documents
    return raw(HEAD + chunked(*map(event, events)), then="keep")


def breaks_off(*documents: Any) -> Action:
    """A stream of these events whose connection is closed before its end."""
    return raw(HEAD + chunked(*map(event, documents), ends=False))


def stalls(*documents: Any) -> Action:
    """A stream of these events, after which nothing follows for as long as the gateway waits."""
    return raw(HEAD + chunked(*map(event, documents), ends=False), then="stall")

"""Attacks on the client's retries, and through them on a server that is down."""

from __future__ import annotations

import json
import socket
from typing import Final

from aurous import RetryPolicy
from aurous_mock.server.settings import DEFAULT_KEY

from attacks.client_kinds import KINDS, Client
from attacks.hostile_server import hostile_server, response
from attacks.registry import Observations, attack

CALLS: Final = 300
# Retries that a client's quota of 500 tokens allows while no call succeeds, however many calls are made.
MAX_RETRIES: Final = 100


@attack("retry-storm", target="client")
def retry_storm(observed: Observations) -> None:
    """Answers every request with a 503 and `Retry-After: 0`; the retry quota bounds the load on the server."""
    error = {"type": "server_error", "code": "chat_provider_unavailable", "message": "Down."}
    down = response(
        json.dumps({"error": error}).encode(),
        b"Content-Type: application/json",
        b"Retry-After: 0",
        status=b"503 Service Unavailable",
    )

    def respond(connection: socket.socket, _: bytes) -> None:
        connection.sendall(down)

    for kind in KINDS:
        with (
            hostile_server(respond) as server,
            Client(kind, DEFAULT_KEY, server.url, retry=RetryPolicy(initial_delay=0.001)) as client,
        ):
            seconds = sum(client.create().seconds for _ in range(CALLS))
        observed.figures[kind] = f"{CALLS} calls, {server.requests} requests in {seconds:.1f} s"
        observed.check(
            f"{kind}: at most {MAX_RETRIES} retries of {CALLS} calls",
            server.requests <= CALLS + MAX_RETRIES,
            f"{server.requests} requests for {CALLS} calls",
        )

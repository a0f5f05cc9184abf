"""A gateway as the target of attacks: its requests, balances and ledger, and the server behind it."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from typing import Any, Final

from testkit.raw_server import Action, RawServer, run_raw_server
from testkit.responses import answer

from attacks.target_server import CREATE, KEY, OTHER_KEY, TargetServer, running_server

ADMIN_KEY: Final = "an-admin-key"
CREDITS: Final = 1000
# Seconds that the gateway waits for the server behind it.
UPSTREAM_TIMEOUT: Final = 2
MAX_TOKENS: Final = 10
_MODELS: Final = answer(200, {"object": "list", "data": [{"id": "llama"}]})


def says(message: Any, usage: Any = None, **members: Any) -> Action:
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    return answer(200, {"object": "chat.completion", "choices": [choice], "usage": usage, **members})


@contextmanager
def gateway(*flags: str) -> Iterator[tuple[TargetServer, RawServer]]:
    """A gateway with two teams, and the server behind it."""
    with run_raw_server(_MODELS) as upstream:
        known = (
            *("--upstream", f"{upstream.url}/v1", "--upstream-model", "llama"),
            *("--upstream-timeout", str(UPSTREAM_TIMEOUT), "--credits", str(CREDITS)),
            *("--team-key", f"other={OTHER_KEY}"),
        )
        with running_server(*known, *flags) as server:
            yield server, upstream


def ask(
    server: TargetServer, *, stream: bool = False, headers: Mapping[str, str] | None = None
) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of a create."""
    body = {
        "model": "aurous-grow-2.0-pro",
        "messages": [{"role": "user", "content": "Hello."}],
        "max_tokens": MAX_TOKENS,
        "stream": stream,
    }
    known = {"X-Api-Key": KEY, "Content-Type": "application/json", **(headers or {})}
    return request(server, "POST", CREATE, known, json.dumps(body).encode())


def request(
    server: TargetServer, method: str, path: str, headers: Mapping[str, str], body: bytes | None = None
) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of a request; status 0 if the connection broke."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    try:
        connection.request(method, path, body if body is not None or method == "GET" else b"{}", dict(headers))
        reply = connection.getresponse()
        return reply.status, {name.lower(): value for name, value in reply.getheaders()}, reply.read()
    except OSError as error:
        return 0, {}, repr(error).encode()
    finally:
        connection.close()


def balance(server: TargetServer, key: str = KEY) -> tuple[Decimal, Decimal]:
    """What a team has, and what is held of it."""
    members = json.loads(server.request("GET", "/v1/balance", key=key)[1], parse_float=Decimal)
    return Decimal(members["credits"]), Decimal(members["held_credits"])


def charges(server: TargetServer) -> list[Decimal]:
    """What each answer was charged, as the ledger says."""
    _, _, body = request(server, "GET", "/_mock/ledger", {"Aurous-Mock-Key": ADMIN_KEY})
    charges = json.loads(body, parse_float=Decimal)["charges"]
    return [Decimal(charge["credits_charged"]) for charge in charges]

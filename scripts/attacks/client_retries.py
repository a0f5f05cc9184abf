"""Attacks on the client's retries, and through them on a server that is down."""

from __future__ import annotations

from typing import Final

from aurous import RetryPolicy
from client_kinds import KINDS
from testkit.raw_server import run_raw_server
from testkit.responses import answer, envelope

from attacks.registry import Observations, attack
from attacks.timed_client import TimedClient

CALLS: Final = 300
# Retries that a client's quota of 500 tokens allows while no call succeeds, however many calls are made.
MAX_RETRIES: Final = 100


@attack("retry-storm", target="client")
def retry_storm(observed: Observations) -> None:
    """Answers every request with a 503 and `Retry-After: 0`; the retry quota bounds the load on the server."""
    down = answer(503, envelope("chat_provider_unavailable", "server_error"), headers={"Retry-After": "0"})
    for kind in KINDS:
        with (
            run_raw_server(down) as server,
            TimedClient(kind, base_url=server.url, retry=RetryPolicy(initial_delay=0.001)) as client,
        ):
            seconds = sum(client.create().seconds for _ in range(CALLS))
        observed.figures[kind] = f"{CALLS} calls, {len(server.requests)} requests in {seconds:.1f} s"
        observed.check(
            f"{kind}: at most {MAX_RETRIES} retries of {CALLS} calls",
            len(server.requests) <= CALLS + MAX_RETRIES,
            f"{len(server.requests)} requests for {CALLS} calls",
        )

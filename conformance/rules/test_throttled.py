"""What can be said only after everything else: of answers that came unasked."""

from __future__ import annotations

from harness import contract
from harness.client.api_client import Server
from harness.rules import RATE_LIMITS, rule
from harness.violations import require, unseen


@rule(
    "limits.every_429", page=RATE_LIMITS, says="Every 429 that came has type rate_limit, the envelope and Retry-After."
)
def test_every_429(server: Server) -> None:
    throttled = server.recorder.throttled
    if not throttled:
        unseen("no request of this run was throttled")
    for exchange in throttled:
        wait = exchange.header("Retry-After")
        require(wait is not None and wait.isdigit(), f"Retry-After is {wait!r}", exchange)
        misfits = contract.misfits("ErrorEnvelope", exchange.json)
        require(not misfits, f"the error's envelope: {'; '.join(misfits)}", exchange)
        kind = exchange.at("error", "type")
        require(kind == "rate_limit", f"the type is {kind!r}", exchange)

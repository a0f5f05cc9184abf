"""Owns what a mock lets its tests do to it: slow an answer, order a fault, move the clock; knows no rule.

Only servers on this machine are asked whether they have levers; every other server is taken as it is.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass

from harness.client.api_client import Server
from harness.client.exchange import Exchange
from harness.violations import unseen

FAULT = "Aurous-Mock-Fault"
NO_LEVERS = "needs a server whose {} a test can control; the mock has such levers"


@dataclass(frozen=True)
class Levers:
    """The levers of a server, if it has any."""

    server: Server
    present: bool

    def fault(self, text: str) -> dict[str, str]:
        """The header that orders a fault; leaves the rule unseen where none can be ordered."""
        if not self.present:
            unseen(NO_LEVERS.format("faults"))
        return {FAULT: text}

    def pace(self, tokens_per_second: int) -> dict[str, str]:
        """The header that slows an answer; none where the server cannot be slowed."""
        return {FAULT: f"pace={tokens_per_second}"} if self.present else {}

    def advance(self, seconds: float) -> None:
        """Move the server's clock forward."""
        if not self.present:
            unseen(NO_LEVERS.format("clock"))
        _move(self.server, seconds).expect(200)

    def time(self) -> float:
        """The time that the server goes by, in Unix seconds."""
        return float(_move(self.server, 0).at("now")) if self.present else time.time()


def find(server: Server) -> Levers:
    if server.settings.metered:
        return Levers(server, present=False)
    return Levers(server, present=_move(server, 0).status == 200)


def _move(server: Server, seconds: float) -> Exchange:
    body = json.dumps({"advance": seconds}).encode()
    return server.send("POST", "/_mock/clock", headers={"Content-Type": "application/json"}, content=body)

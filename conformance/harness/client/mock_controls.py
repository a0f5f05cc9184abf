"""The controls that a mock server has for tests: slow a response, inject a fault, move the clock.

Only servers on this machine are checked for such controls.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass

from harness.client.api_client import FAULT_HEADER, ApiClient
from harness.client.exchange import Exchange
from harness.violations import not_tested

NO_CONTROLS = "needs a server whose {} a test can control, as the mock has"


@dataclass
class MockControls:
    """The controls of a server, if it has any. `advanced` is by how many seconds its clock was moved."""

    api: ApiClient
    available: bool
    advanced: float = 0.0

    def fault(self, text: str) -> dict[str, str]:
        """The header that injects a fault; ends the test as not tested where none can be injected."""
        if not self.available:
            not_tested(NO_CONTROLS.format("faults"))
        return {FAULT_HEADER: text}

    def pace(self, tokens_per_second: int) -> dict[str, str]:
        """The header that slows a response; none where the server cannot be slowed."""
        return {FAULT_HEADER: f"pace={tokens_per_second}"} if self.available else {}

    def advance(self, seconds: float) -> None:
        """Move the server's clock forward."""
        if not self.available:
            not_tested(NO_CONTROLS.format("clock"))
        _set_clock(self.api, seconds).expect(200)
        self.advanced += seconds

    def time(self) -> float:
        """The time on the server's clock, in Unix seconds."""
        return float(_set_clock(self.api, 0).at("now")) if self.available else time.time()


def find_controls(api: ApiClient) -> MockControls:
    if api.settings.metered:
        return MockControls(api, available=False)
    return MockControls(api, available=_set_clock(api, 0).status == 200)


def _set_clock(api: ApiClient, seconds: float) -> Exchange:
    body = json.dumps({"advance": seconds}).encode()
    return api.send("POST", "/_mock/clock", headers={"Content-Type": "application/json"}, content=body)

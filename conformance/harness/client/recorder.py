"""The exchanges of the test that is running, and what is remembered of all exchanges before it."""

from __future__ import annotations

from dataclasses import dataclass, field

from harness.client.exchange import Exchange
from harness.client.response_headers import HeaderChecks


@dataclass
class Recorder:
    """Records every exchange of a run, in one process."""

    exchanges: list[Exchange] = field(default_factory=list)
    throttled: list[Exchange] = field(default_factory=list)
    header_checks: HeaderChecks = field(default_factory=HeaderChecks)

    def begin(self) -> None:
        """Start a test; of the exchanges before it, only 429 responses and faulty headers are kept."""
        self.inspect()
        self.exchanges = []

    def add(self, exchange: Exchange) -> None:
        self.exchanges.append(exchange)

    def inspect(self) -> None:
        """Check the headers of the exchanges since the last call."""
        for exchange in self.exchanges:
            if not exchange.inspected:
                exchange.inspected = True
                self.throttled += [exchange] if exchange.status == 429 else []
                self.header_checks.inspect(exchange)

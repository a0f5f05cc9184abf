"""The exchanges of the test that is running, and what is kept of all exchanges before it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from harness.client.exchange import Exchange


@dataclass
class Recorder:
    """Records every exchange of a run, in one process, and has each inspected once it is over."""

    inspector: Callable[[Exchange], None] | None = None
    exchanges: list[Exchange] = field(default_factory=list)
    throttled: list[Exchange] = field(default_factory=list)

    def begin(self) -> None:
        """Start a test; of the exchanges before it, only 429 responses and what inspection found are kept."""
        self.inspect()
        self.exchanges = []

    def add(self, exchange: Exchange) -> None:
        self.exchanges.append(exchange)

    def mark_cancelled(self, completion_id: str) -> None:
        """Mark the stream of this completion as cancelled on request."""
        for exchange in self.exchanges:
            if completion_id.encode() in exchange.body and exchange.media_type == "text/event-stream":
                exchange.cancelled = True

    def inspect(self) -> None:
        """Inspect the exchanges since the last call."""
        for exchange in self.exchanges:
            if not exchange.inspected:
                exchange.inspected = True
                self.throttled += [exchange] if exchange.status == 429 else []
                if self.inspector is not None:
                    self.inspector(exchange)

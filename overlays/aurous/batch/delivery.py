"""Stores results in the checkpoint and hands them on: as they arrive, or in the order of their requests."""

from __future__ import annotations

from .checkpoint import Checkpoint
from .results import BatchResult


class Delivery:
    """Puts each result into its place. A place without a result, since its request was not answered, is None."""

    def __init__(self, checkpoint: Checkpoint | None, *, ordered: bool) -> None:
        self.error: OSError | None = None
        """Why a result could not be stored."""
        self._checkpoint = checkpoint
        self._ordered = ordered
        self._reserved = 0
        self._delivered = 0
        self._held: dict[int, BatchResult | None] = {}

    def reserve(self) -> int:
        """The next place."""
        self._reserved += 1
        return self._reserved

    @property
    def backlog(self) -> int:
        """How many places are reserved and have not been delivered, where order matters."""
        return self._reserved - self._delivered if self._ordered else 0

    def put(self, place: int, result: BatchResult | None) -> list[BatchResult]:
        """Store what may be delivered now. Returns it, except for what could not be stored: see `error`."""
        if not self._ordered:
            return [result] if result is not None and self._store(result) else []
        self._held[place] = result
        ready: list[BatchResult] = []
        while self._delivered + 1 in self._held:
            self._delivered += 1
            held = self._held.pop(self._delivered)
            if held is not None and self._store(held):
                ready.append(held)
        return ready

    def flush(self) -> None:
        """Store the results that wait for one before them, which will not come."""
        for held in self._held.values():
            if held is not None:
                self._store(held)
        self._held.clear()

    def _store(self, result: BatchResult) -> bool:
        if self._checkpoint is None:
            return True
        try:
            self._checkpoint.write(result.to_json())
        except OSError as error:
            self.error = self.error or error
            return False
        return True

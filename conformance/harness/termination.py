"""Ends a run that is asked to terminate as Ctrl-C does: with its reports, and without leaving a process behind."""

from __future__ import annotations

import signal
import threading
from typing import Any

# SIGHUP is missing on Windows.
SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]


class Termination:
    """Turns the first of these signals into KeyboardInterrupt; those after it do not disturb the clearing up."""

    def __init__(self) -> None:
        self.received: int | None = None
        self._replaced: dict[int, Any] = {}

    def install(self) -> None:
        """Take the signals that nobody else handles or ignores."""
        if threading.current_thread() is not threading.main_thread():
            return
        for number in SIGNALS:
            if signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler):
                self._replaced[number] = signal.signal(number, self._interrupt)

    def remove(self) -> None:
        while self._replaced:
            signal.signal(*self._replaced.popitem())

    @property
    def exit_code(self) -> int | None:
        """As shells state the end by a signal; None if there was none, and for Ctrl-C, which has the code of pytest."""
        return None if self.received in (None, signal.SIGINT) else 128 + self.received

    def _interrupt(self, number: int, frame: Any) -> None:
        if self.received is None:
            self.received = number
            raise KeyboardInterrupt(signal.Signals(number).name)

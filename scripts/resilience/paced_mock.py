"""The mock server of long runs: with its state in a file, and paced, so that a kill interrupts something."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from testkit.mock_process import MockProcess

_FLAGS: Final = ("--first-token", "0.02", "--tokens-per-second", "200", "--no-access-log")


def paced_mock(folder: Path) -> MockProcess:
    """A mock server with its state in that folder, not yet started."""
    return MockProcess("--state", str(folder / "state.sqlite"), *_FLAGS)

"""What the tests of the command line share: a run of it within this process, and what is left of any run."""

from __future__ import annotations

import io
import socket
import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import pytest
from aurous import Aurous
from aurous.cli import main
from aurous.testing import AurousMock
from testkit.conditions import PATIENCE

QUESTION = "Name three uses of a paper clip."
CHAT = "/v1/chat/completions"


class Ended:
    """A run that has ended: its status, and what it wrote."""

    def __init__(self, status: int, out: str, err: str) -> None:
        self.status, self.out, self.err = status, out, err
        assert "Traceback" not in err
        assert "Exception ignored" not in err

    @property
    def lines(self) -> list[str]:
        """The lines on standard error, each of which says who speaks."""
        lines = self.err.splitlines()
        assert all(line.startswith("aurous: ") for line in lines)
        return [line.removeprefix("aurous: ") for line in lines]

    @property
    def line(self) -> str:
        """The one line on standard error."""
        (line,) = self.lines
        return line


def run(*arguments: str, given: bytes = b"", env: Mapping[str, str] | None = None) -> Ended:
    """A run without a process of its own, whose start takes longer than all the rest. given: what it can read"""
    streams = [io.TextIOWrapper(io.BytesIO(data), "utf-8") for data in (given, b"", b"")]
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        # Python's usual, which hides what pytest shows.
        warnings.simplefilter("ignore", ResourceWarning)
        warnings.simplefilter("ignore", DeprecationWarning)
        for name, stream in zip(("stdin", "stdout", "stderr"), streams, strict=True):
            patch.setattr(sys, name, stream)
        for name, value in (env or {}).items():
            patch.setenv(name, value)
        try:
            status = main(arguments)
        except SystemExit as end:
            status = end.code if isinstance(end.code, int) else 0
        for stream in streams[1:]:
            stream.flush()
    out, err = (stream.buffer.getvalue().decode() for stream in streams[1:])  # type: ignore[attr-defined]
    return Ended(status, out, err)


def charged(mock: AurousMock) -> str:
    """The credits of the only charge, as a receipt has them."""
    (charge,) = mock.ledger()
    return f"{Decimal(str(charge['credits_charged'])):f} credits"


def record(completion_id: str) -> Any:
    with Aurous() as client:
        return client.chat.completions.retrieve(completion_id)


def only_id(mock: AurousMock) -> str:
    (charge,) = mock.ledger()
    return str(charge["completion_id"])


@contextmanager
def listener() -> Iterator[socket.socket]:
    """A server that takes connections, and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(PATIENCE)
        yield server


def address(server: socket.socket) -> str:
    return "http://{}:{}".format(*server.getsockname())

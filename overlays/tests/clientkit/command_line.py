"""What the tests of the command line share: a run of it, in this process or another, and what is left of any run."""

from __future__ import annotations

import io
import os
import socket
import subprocess
import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from aurous import Aurous
from aurous.cli import main
from aurous.testing import AurousMock
from testkit.conditions import PATIENCE

QUESTION = "Name three uses of a paper clip."
CHAT = "/v1/chat/completions"
# Where click is installed, httpx loads a command line of its own, which takes half as long as a short run of ours.
WITHOUT_CLICK = Path(__file__).with_name("without_click")


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


def start(*arguments: object, env: Mapping[str, str] | None = None, **pipes: Any) -> subprocess.Popen[bytes]:
    """A run in a process of its own, without click, as most installations are."""
    settings: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    command = [sys.executable, "-m", "aurous", *map(str, arguments)]
    return subprocess.Popen(command, env={**environment(), **(env or {})}, **{**settings, **pipes})


def environment() -> dict[str, str]:
    """The variables of such a process."""
    paths = [str(WITHOUT_CLICK), *filter(None, [os.environ.get("PYTHONPATH")])]
    # Python's usual buffering, whatever this machine is set to.
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "PYTHONUNBUFFERED": ""}


def ended(process: subprocess.Popen[bytes], given: bytes | None = None) -> Ended:
    """What is left of a process, once it has ended. given: what it can read"""
    out, err = process.communicate(given, timeout=3 * PATIENCE)
    return Ended(process.returncode, out.decode(), err.decode())


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

"""Nodes of a Ray cluster on this machine, each a tree of processes that can be killed."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import psutil  # type: ignore[import-untyped]

_CPUS: Final = 2
_OBJECT_STORE_BYTES: Final = 200_000_000
# Seconds to start within, and between looks.
_START_TIMEOUT, _POLL = 120.0, 0.2
_READY: Final = "--block"


class NodeError(RuntimeError):
    """A node did not start; the message is the end of its log."""


class RayNode:
    """A node: the head, which begins a cluster, or one that joins it.

    folder:      for its log and, of the head, for Ray's files; a short path, since it holds sockets
    environment: that of the node, which its workers inherit
    address:     of the cluster to join; None makes a head
    """

    def __init__(self, folder: Path, environment: Mapping[str, str], address: str | None = None) -> None:
        flags = [f"--num-cpus={_CPUS}", f"--object-store-memory={_OBJECT_STORE_BYTES}", "--disable-usage-stats"]
        if address is None:
            port = _free_port()
            self.address = f"127.0.0.1:{port}"
            flags += ["--head", f"--port={port}", f"--temp-dir={folder}", "--include-dashboard=false"]
        else:
            self.address = address
            flags.append(f"--address={address}")
        self._log = folder / f"{'head' if address is None else 'node'}.log"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [str(Path(sys.executable).with_name("ray")), "start", *flags, "--block"],
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def wait_until_started(self) -> None:
        """Raises NodeError if it does not start."""
        deadline = time.monotonic() + _START_TIMEOUT
        while _READY not in self._text():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise NodeError(f"a node of Ray did not start: {self._text()[-2000:]}")
            time.sleep(_POLL)

    def kill(self) -> int:
        """Kill all of its processes (-9), its workers too. Returns their number."""
        try:
            root = psutil.Process(self._process.pid)
            processes = [root, *root.children(recursive=True)]
        except psutil.NoSuchProcess:
            processes = []
        for process in processes:
            try:
                process.kill()
            except psutil.NoSuchProcess:
                continue
        psutil.wait_procs(processes, timeout=_START_TIMEOUT)
        self._process.wait()
        return len(processes)

    def _text(self) -> str:
        return self._log.read_text(errors="replace")


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port

"""Keeps several processes serving one socket, and ends them together; serves nothing itself."""

import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing import connection, get_context, parent_process
from multiprocessing.context import SpawnProcess
from types import FrameType

from aurous_mock.server.settings import Settings
from aurous_mock.server.uvicorn_server import run

_LOOK_EVERY = 0.5


@dataclass(frozen=True, slots=True)
class Worker:
    """A process, and the pipe on which it says that it is ready."""

    process: SpawnProcess
    told: "connection.Connection[None, bool]"


class Supervisor:
    """Starts workers, replaces those that die, and passes a signal on to all of them."""

    def __init__(self, settings: Settings, listener: socket.socket) -> None:
        self._settings = settings
        self._listener = listener
        self._workers: list[Worker] = []
        self._ending = False

    def run(self, ready: Callable[[], None]) -> None:
        """Until a signal comes; calls `ready` when every worker is."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._end)
        for _ in range(self._settings.workers):
            self._workers.append(self._start())
        if all(_is_ready(worker) for worker in self._workers):
            ready()
            self._watch()
        elif not self._ending:
            self._end(signal.SIGTERM, None)
            sys.exit(1)
        for worker in self._workers:
            worker.process.join()

    def _start(self) -> Worker:
        spawn = get_context("spawn")
        told, tells = spawn.Pipe(duplex=False)
        process = spawn.Process(target=_work, args=(self._settings, self._listener, tells))
        process.start()
        tells.close()
        return Worker(process, told)

    def _watch(self) -> None:
        while not self._ending:
            connection.wait([worker.process.sentinel for worker in self._workers], timeout=_LOOK_EVERY)
            for place, worker in enumerate(self._workers):
                if not self._ending and not worker.process.is_alive():
                    self._workers[place] = self._start()

    def _end(self, number: int, frame: FrameType | None) -> None:
        self._ending = True
        for worker in self._workers:
            if worker.process.is_alive():
                worker.process.terminate()


def _is_ready(worker: Worker) -> bool:
    try:
        return bool(worker.told.recv())
    except EOFError:
        return False


def _work(settings: Settings, listener: socket.socket, tells: "connection.Connection[bool, None]") -> None:
    threading.Thread(target=_end_with_parent, daemon=True).start()
    run(settings, listener, lambda: tells.send(True))


def _end_with_parent() -> None:
    """A supervisor that was killed cannot pass anything on: its workers end when it is gone."""
    parent = parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os.kill(os.getpid(), signal.SIGTERM)

"""Several worker processes that serve one socket: started, replaced and stopped together."""

import os
import signal
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing import connection, get_context, parent_process
from multiprocessing.context import SpawnProcess
from types import FrameType

from aurous_mock import log
from aurous_mock.metrics import MULTIPROCESS
from aurous_mock.server.uvicorn_server import run
from aurous_mock.settings import Settings

_POLL_INTERVAL = 0.5
# A worker that dies sooner than this after its start has failed, and its successor waits.
_STABLE_SECONDS = 30.0
_FIRST_DELAY = 0.5
_LONGEST_DELAY = 30.0


@dataclass(frozen=True, slots=True)
class Worker:
    """A process, and the pipe on which it reports that it is ready."""

    process: SpawnProcess
    ready_receiver: "connection.Connection[None, bool]"


class RespawnBackoff:
    """Delays the replacement of a worker, longer each time that one dies soon after its start."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._delay = 0.0
        self._due = self._started = clock()

    def start(self) -> None:
        """A worker was started."""
        self._started = self._clock()

    def fail(self) -> float:
        """A worker died. Returns the seconds until it may be replaced."""
        if self._clock() - self._started >= _STABLE_SECONDS:
            self._delay = 0.0
        delay, self._delay = self._delay, min(max(2 * self._delay, _FIRST_DELAY), _LONGEST_DELAY)
        self._due = self._clock() + delay
        return delay

    @property
    def is_due(self) -> bool:
        """Whether the replacement may be started."""
        return self._clock() >= self._due


class Supervisor:
    """Starts workers, replaces those that die, and forwards signals to them."""

    def __init__(self, settings: Settings, listener: socket.socket) -> None:
        self._settings = settings
        self._listener = listener
        self._workers: list[Worker] = []
        self._is_shutting_down = False

    def run(self, ready: Callable[[], None]) -> None:
        """Run until a signal ends it. ready: called when every worker accepts requests"""
        with tempfile.TemporaryDirectory(prefix="aurous-mock-metrics-") as folder:
            # Inherited by the workers, which sum up their metrics there.
            os.environ[MULTIPROCESS] = folder
            self._run(ready)

    def _run(self, ready: Callable[[], None]) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._shut_down)
        for _ in range(self._settings.workers):
            self._workers.append(self._start())
        if all(_wait_until_ready(worker) for worker in self._workers):
            ready()
            self._supervise()
        elif not self._is_shutting_down:
            self._shut_down(signal.SIGTERM, None)
            sys.exit(1)
        for worker in self._workers:
            worker.process.join()

    def _start(self) -> Worker:
        spawn = get_context("spawn")
        ready_receiver, ready_sender = spawn.Pipe(duplex=False)
        process = spawn.Process(target=_run_worker, args=(self._settings, self._listener, ready_sender))
        process.start()
        ready_sender.close()
        return Worker(process, ready_receiver)

    def _supervise(self) -> None:
        backoffs = [RespawnBackoff() for _ in self._workers]
        dead: set[int] = set()
        while not self._is_shutting_down:
            alive = [worker.process.sentinel for place, worker in enumerate(self._workers) if place not in dead]
            if alive:
                connection.wait(alive, timeout=_POLL_INTERVAL)
            else:
                time.sleep(_POLL_INTERVAL)
            for place, worker in enumerate(self._workers):
                if place not in dead and not worker.process.is_alive() and not self._is_shutting_down:
                    dead.add(place)
                    delay, code = backoffs[place].fail(), worker.process.exitcode
                    worker.ready_receiver.close()
                    _forget_metrics(worker.process.pid)
                    log.write_line(f"aurous-mock: a worker ended ({code}); replaced in {delay:g} s")
                if place in dead and backoffs[place].is_due and not self._is_shutting_down:
                    dead.discard(place)
                    self._workers[place] = self._start()
                    backoffs[place].start()

    def _shut_down(self, number: int, frame: FrameType | None) -> None:
        self._is_shutting_down = True
        for worker in self._workers:
            if worker.process.is_alive():
                worker.process.terminate()


def _forget_metrics(pid: int | None) -> None:
    """Drop the gauges of a worker that is gone."""
    from prometheus_client.multiprocess import mark_process_dead

    mark_process_dead(pid)  # type: ignore[no-untyped-call]


def _wait_until_ready(worker: Worker) -> bool:
    try:
        return bool(worker.ready_receiver.recv())
    except EOFError:
        return False


def _run_worker(settings: Settings, listener: socket.socket, ready_sender: "connection.Connection[bool, None]") -> None:
    threading.Thread(target=_exit_with_parent, daemon=True).start()
    run(settings, listener, lambda: ready_sender.send(True))


def _exit_with_parent() -> None:
    """Exit when the supervisor is gone: if it was killed, it could not stop its workers."""
    parent = parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os.kill(os.getpid(), signal.SIGTERM)

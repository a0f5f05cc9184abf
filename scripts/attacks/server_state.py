"""Attacks on what the server holds for its callers: credits, keys, memory, locks and connections."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import http.client
import json
import os
import signal
import sqlite3
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from attacks.memory import PeakMemory
from attacks.registry import Observations, attack
from attacks.target_server import CREATE, KEY, OTHER_KEY, TargetServer, running_server

# Seconds that a team may wait because of another, and that a refusal may take.
MAX_WAIT: Final = 1.0
# Seconds of grace, and what is allowed for the rest of a shutdown.
MAX_SHUTDOWN: Final = 10.0
# MiB by which a server may grow once it keeps no more calls.
MAX_CREEP: Final = 16.0
# Seconds in which every stream has started.
MAX_START: Final = 30.0
_LOCK_SECONDS: Final = 12.0
_PAUSE_SECONDS: Final = 6.0


def _chat(**fields: Any) -> bytes:
    body = {"model": "aurous-grow-2.0-pro", "messages": [{"role": "user", "content": "Hello."}], **fields}
    return json.dumps(body).encode()


def _post(
    server: TargetServer, headers: dict[str, str], on_head: Callable[[], object] = lambda: None, **fields: Any
) -> tuple[int, float, bytes]:
    """Status, seconds and body of a create. on_head: called between its head and its body"""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    began = time.monotonic()
    try:
        headers = {"Content-Type": "application/json", "X-Api-Key": KEY, **headers}
        connection.request("POST", CREATE, _chat(**fields), headers)
        response = connection.getresponse()
        seconds = time.monotonic() - began
        on_head()
        return response.status, seconds, response.read()
    finally:
        connection.close()


def _held(server: TargetServer) -> float:
    return float(json.loads(server.request("GET", "/v1/balance")[1])["held_credits"])


def _charges(server: TargetServer) -> list[dict[str, Any]]:
    charges: list[dict[str, Any]] = json.loads(server.request("GET", "/_mock/ledger", key=None)[1])["charges"]
    return charges


@contextlib.contextmanager
def _state() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="aurous-attack-") as folder:
        yield Path(folder, "state.db")


@attack("locked-state", target="server", slow=True)
def locked_state(observed: Observations) -> None:
    """Holds the write lock of the state while calls end; reads go on, and no key or credit stays held."""
    with _state() as state, running_server("--state", str(state)) as server:
        lock = sqlite3.connect(state, isolation_level=None, timeout=30)
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            slow = {"Aurous-Mock-Fault": "pace=40"}
            calls = [
                pool.submit(_post, server, {**slow, "Idempotency-Key": f"key-{number}"}, max_tokens=20)
                for number in range(8)
            ]
            while _held(server) == 0:
                time.sleep(0.01)
            lock.execute("BEGIN IMMEDIATE")
            waits = []
            deadline = time.monotonic() + _LOCK_SECONDS
            while time.monotonic() < deadline:
                began = time.monotonic()
                server.request("GET", "/v1/models")
                waits.append(time.monotonic() - began)
                time.sleep(0.1)
            lock.execute("ROLLBACK")
            lock.close()
            statuses = [call.result()[0] for call in calls]
        deadline = time.monotonic() + 15
        while _held(server) and time.monotonic() < deadline:
            time.sleep(0.05)
        repeated = [_post(server, {"Idempotency-Key": f"key-{number}"}, max_tokens=20)[0] for number in range(8)]
        observed.figures |= {
            "lock held": f"{_LOCK_SECONDS:g} s",
            "longest GET /v1/models meanwhile": f"{max(waits) * 1000:.0f} ms",
            "statuses of the calls": sorted(statuses),
        }
        observed.check_timing("GET /v1/models is answered within 1 s", max(waits) <= MAX_WAIT, f"{max(waits):.2f} s")
        observed.check("no credits stay held", _held(server) == 0, str(_held(server)))
        observed.check("every key is answered again", set(repeated) == {200}, str(repeated))
        observed.check("each key is charged once", len(_charges(server)) == 8, str(len(_charges(server))))


@attack("paused-workers", target="server", slow=True)
def paused_workers(observed: Observations) -> None:
    """Stops all workers for longer than their leases last while they stream; what clients received stays true."""
    _pause_workers(observed, number=2)


@attack("paused-worker", target="server", slow=True)
def paused_worker(observed: Observations) -> None:
    """Stops one of two workers for longer than its leases last; the other one does not fail its streams."""
    _pause_workers(observed, number=1)


def _pause_workers(observed: Observations, number: int) -> None:
    with _state() as state, running_server("--workers", "2", "--state", str(state)) as server:
        with concurrent.futures.ThreadPoolExecutor(12) as pool:
            slow = {"Aurous-Mock-Fault": "pace=20"}
            started = threading.Semaphore(0)
            calls = [pool.submit(_post, server, slow, started.release, stream=True, max_tokens=60) for _ in range(12)]
            # A worker that is paused in a commit keeps the lock of SQLite: one that is to start would be refused.
            for _ in calls:
                started.acquire(timeout=MAX_START)
            workers = server.children()[:number]
            for pid in workers:
                os.kill(pid, signal.SIGSTOP)
            time.sleep(_PAUSE_SECONDS)
            for pid in workers:
                os.kill(pid, signal.SIGCONT)
            bodies = [call.result()[2] for call in calls]
        statuses = {}
        for body in bodies:
            frames = [json.loads(line[6:]) for line in body.split(b"\n") if line.startswith(b"data: {")]
            statuses[str(frames[0]["id"])] = "failed" if "error" in frames[-1] else "completed"
        stored = {name: json.loads(server.request("GET", f"{CREATE}/{name}")[1])["status"] for name in statuses}
        charged = {charge["completion_id"] for charge in _charges(server)}
        completed = {name for name, status in statuses.items() if status == "completed"}
        observed.figures |= {
            "workers paused": f"{number} of 2",
            "pause": f"{_PAUSE_SECONDS:g} s",
            "streams": len(bodies),
            "completed": len(completed),
        }
        observed.check("every stream completes", len(completed) == len(bodies), str(sorted(statuses.values())))
        observed.check("the records agree with what the clients received", stored == statuses, str(stored))
        observed.check("what completed is charged, and nothing else", charged == completed)


@attack("greedy-team", target="server")
def greedy_team(observed: Observations) -> None:
    """One team opens 60 endless streams on a server that allows it 20; the other team does not wait."""
    with running_server("--team-key", f"other={OTHER_KEY}", "--max-concurrent", "20") as server:
        results: list[tuple[int, float]] = []

        def flood() -> None:
            # Ends when the server does.
            with contextlib.suppress(OSError, http.client.HTTPException):
                status, seconds, _ = _post(server, {"Aurous-Mock-Fault": "pace=0.01"}, stream=True)
                results.append((status, seconds))

        for _ in range(60):
            threading.Thread(target=flood, daemon=True).start()
        deadline = time.monotonic() + 20
        while len(results) < 40 and time.monotonic() < deadline:
            time.sleep(0.02)
        status, seconds, _ = _post(server, {"X-Api-Key": OTHER_KEY})
        refused = [seconds for status, seconds in results if status == 429]
        observed.figures |= {
            "refused with 429": len(refused),
            "slowest refusal": f"{max(refused, default=0):.2f} s",
            "the other team's call": f"{seconds * 1000:.0f} ms",
        }
        observed.check("what exceeds the limit is refused", len(refused) == 40, str(len(refused)))
        observed.check("the other team is answered", status == 200, str(status))
        observed.check_timing("the other team is answered within 1 s", seconds < MAX_WAIT, f"{seconds:.2f}")


@attack("spent-faults", target="server")
def spent_faults(observed: Observations) -> None:
    """Plants and spends 500 faults; a request afterwards takes as long as before."""
    with running_server() as server:

        def typical() -> float:
            waits = []
            for _ in range(50):
                began = time.monotonic()
                server.request("GET", "/v1/balance")
                waits.append(time.monotonic() - began)
            return sorted(waits)[len(waits) // 2]

        before = typical()
        for _ in range(500):
            server.request("POST", "/_mock/faults", b'{"fault": "status=503"}', key=None)
            server.request("GET", "/v1/balance")
        after = typical()
        observed.figures["median before and after"] = f"{before * 1000:.1f} ms, {after * 1000:.1f} ms"
        observed.check_timing("spent faults cost nothing", after <= 3 * before + 0.005, f"{after * 1000:.1f} ms")


@attack("shutdown-under-call", target="server", slow=True)
def shutdown_under_call(observed: Observations) -> None:
    """Ends the server while a call would take for ever; the call is answered with the envelope, and not charged."""
    with _state() as state:
        with running_server("--state", str(state)) as server, concurrent.futures.ThreadPoolExecutor(1) as pool:
            call = pool.submit(_post, server, {"Aurous-Mock-Fault": "pace=0.001"})
            while _held(server) == 0:
                time.sleep(0.01)
            server.terminate()
            began = time.monotonic()
            status, _, body = call.result()
            seconds = time.monotonic() - began
        with running_server("--state", str(state)) as server:
            held, charges = _held(server), _charges(server)
    observed.figures |= {"status": status, "seconds until it was answered": round(seconds, 1)}
    observed.check("the answer is the envelope", status == 503 and b'"request_id"' in body, body.decode()[:200])
    observed.check_timing(f"it takes at most {MAX_SHUTDOWN:g} s", seconds <= MAX_SHUTDOWN, f"{seconds:.1f} s")
    observed.check("nothing is held or charged", held == 0 and not charges, f"{held} held, {len(charges)} charges")


@attack("odd-requests", target="server")
def odd_requests(observed: Observations) -> None:
    """Asks for ids with NUL, and moves the clock to the end of time; each is refused with a 4xx."""
    with _state() as state, running_server("--state", str(state)) as server:
        statuses = [server.request("GET", f"{CREATE}/{name}")[0] for name in ("cmp_%00", "%ED%A0%80", "%FF%00")]
        observed.check("odd ids are not found", set(statuses) == {404}, str(statuses))
        for seconds in (b"1e308", b"1e10", b"-1"):
            status = server.request("POST", "/_mock/clock", b'{"advance": %b}' % seconds, key=None)[0]
            observed.check(f"advance {seconds.decode()} is refused", status == 400, str(status))
        observed.check("the server still runs", server.is_running)


@attack("endless-calls", target="server", slow=True)
def endless_calls(observed: Observations) -> None:
    """Makes 60,000 keyed calls, three times what memory keeps; the server's memory is level from the 30,000th on."""
    sizes = asyncio.run(memory_over_calls(60_000, 30_000))
    observed.figures["MiB after each 30,000 calls"] = ", ".join(f"{size:.0f}" for size in sizes)
    creep = sizes[1] - sizes[0]
    observed.check(f"memory grows by at most {MAX_CREEP:g} MiB", creep <= MAX_CREEP, f"{creep:.1f} MiB")


async def memory_over_calls(total: int, step: int) -> list[float]:
    """MiB that a server in this process has after each `step` of `total` calls, each with a key of its own."""
    from aurous_mock.server.application import Application
    from aurous_mock.settings import Settings

    application = Application(Settings(access_log=False))
    memory = PeakMemory(os.getpid())
    sizes: list[float] = []
    body = _chat(max_tokens=8)

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start" and message["status"] != 200:
            raise RuntimeError(f"a call was answered with {message['status']}")

    for number in range(1, total + 1):
        headers = [
            (b"x-api-key", KEY.encode()),
            (b"content-type", b"application/json"),
            (b"idempotency-key", b"key-%d" % number),
        ]
        scope = {"type": "http", "method": "POST", "path": CREATE, "query_string": b"", "headers": headers}
        await application.asgi(scope, receive, send)
        if number % step == 0:
            sizes.append(memory.current())
    return sizes

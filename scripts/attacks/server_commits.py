"""An attack on the one lock of SQLite: many callers who all commit at once."""

from __future__ import annotations

import concurrent.futures
import http.client
import json
import tempfile
import time
from pathlib import Path
from typing import Final

from attacks.registry import Observations, attack
from attacks.target_server import CREATE, KEY, TargetServer, running_server

CALLERS: Final = 16
CALLS: Final = 100
# Seconds. A quiet machine needs a tenth of it, which the figures show; a busy one is not to fail.
MAX_WAIT: Final = 1.0


def _post_many(server: TargetServer, caller: int, calls: int) -> list[tuple[int, float]]:
    """Status and seconds of each of the calls of one caller, on one connection, each with a key of its own."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    body = json.dumps(
        {"model": "aurous-grow-2.0-pro", "messages": [{"role": "user", "content": "Hello."}], "max_tokens": 16}
    )
    results = []
    try:
        for number in range(calls):
            headers = {"Content-Type": "application/json", "X-Api-Key": KEY, "Idempotency-Key": f"{caller}-{number}"}
            began = time.perf_counter()
            connection.request("POST", CREATE, body, headers)
            response = connection.getresponse()
            response.read()
            results.append((response.status, time.perf_counter() - began))
    finally:
        connection.close()
    return results


def _measure(observed: Observations, durability: str) -> None:
    with (
        tempfile.TemporaryDirectory(prefix="aurous-attack-") as folder,
        running_server("--state", str(Path(folder, "state.db")), "--durability", durability) as server,
        concurrent.futures.ThreadPoolExecutor(CALLERS) as pool,
    ):
        _post_many(server, CALLERS, 1)
        began = time.perf_counter()
        runs = list(pool.map(lambda caller: _post_many(server, caller, CALLS), range(CALLERS)))
        seconds = time.perf_counter() - began
        ledger = json.loads(server.request("GET", "/_mock/ledger", key=None)[1])
    waits = sorted(wait for run in runs for _, wait in run)
    statuses = {status for run in runs for status, _ in run}
    p99 = waits[len(waits) * 99 // 100]
    observed.figures[f"{durability}: calls a second, median, p99"] = (
        f"{len(waits) / seconds:.0f}, {waits[len(waits) // 2] * 1000:.0f} ms, {p99 * 1000:.0f} ms"
    )
    observed.check(f"{durability}: every call is answered", statuses == {200}, str(statuses))
    observed.check_timing(f"{durability}: 99 of 100 within {MAX_WAIT:g} s", p99 <= MAX_WAIT, f"{p99:.2f} s")
    charges = {charge["completion_id"] for charge in ledger["charges"]}
    expected = CALLERS * CALLS + 1
    observed.check(f"{durability}: each is charged once", len(ledger["charges"]) == len(charges) == expected)


@attack("concurrent-commits", target="server")
def concurrent_commits(observed: Observations) -> None:
    """Lets 16 callers commit to SQLite at once, in both durabilities; each is charged once, and none waits long."""
    for durability in ("full", "fast"):
        _measure(observed, durability)

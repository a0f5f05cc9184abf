"""Attacks on the server by the content of requests."""

from __future__ import annotations

import json
import time
from typing import Any, Final

from attacks.memory import MIB
from attacks.registry import Observations, attack
from attacks.target_server import CREATE, TargetServer, running_server

# Seconds that other callers may wait longer than on an idle server.
MAX_WAIT: Final = 0.05
# MiB that the server may need beyond 8 times the size of a body.
MAX_GROWTH: Final = 50.0


def _bombs() -> dict[str, bytes]:
    """Small bodies that are expensive to validate."""
    model: dict[str, Any] = {"model": "aurous-grow-2.0-pro"}
    valid = {**model, "messages": [{"role": "user", "content": "Hello."}]}
    return {
        "10,000 empty messages": json.dumps({**model, "messages": [{}] * 10_000}).encode(),
        "100,000 empty messages": json.dumps({**model, "messages": [{}] * 100_000}).encode(),
        "1,000 invalid tools": json.dumps({**valid, "tools": [{"type": 1}] * 1_000}).encode(),
        "100,000 nested lists": json.dumps(valid).encode()[:-1] + b',"stop":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        "a 4 MB string": json.dumps({**valid, "user": "x" * 4_000_000}).encode(),
    }


@attack("validation-bomb", target="server")
def validation_bomb(observed: Observations) -> None:
    """Posts small bodies with many errors; other callers wait as before, and memory stays bounded."""
    with running_server() as server:
        idle = server.typical_wait(lambda: server.request("GET", "/v1/models"))
        observed.figures["longest wait of another caller, idle"] = f"{idle * 1000:.0f} ms"
        for name, body in _bombs().items():
            _post_bomb(observed, server, name, body, idle)
        observed.check("the server still runs", server.is_running)


def _post_bomb(observed: Observations, server: TargetServer, name: str, body: bytes, idle: float) -> None:
    statuses: list[int] = []
    server.memory.reset()
    began = time.monotonic()
    wait = server.typical_wait(lambda: statuses.append(server.request("POST", CREATE, body)[0]), times=3)
    seconds = (time.monotonic() - began) / len(statuses)
    growth, limit = server.memory.growth(), MAX_GROWTH + 8 * len(body) / MIB
    observed.figures[name] = (
        f"{len(body):,} bytes, status {statuses[0]} after {seconds * 1000:.0f} ms, "
        f"others waited {wait * 1000:.0f} ms, memory +{growth:.0f} MiB"
    )
    observed.check(f"{name}: refused or accepted, not a 5xx", all(status < 500 for status in statuses), str(statuses))
    observed.check_timing(
        f"{name}: others wait at most {MAX_WAIT * 1000:.0f} ms longer",
        wait <= idle + MAX_WAIT,
        f"{wait * 1000:.0f} ms, idle {idle * 1000:.0f} ms",
    )
    observed.check(f"{name}: memory grows by at most {limit:.0f} MiB", growth <= limit, f"{growth:.0f} MiB")

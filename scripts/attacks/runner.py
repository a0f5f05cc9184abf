"""Runs an attack in a process of its own, bounded in time and memory, so that a successful one harms nobody.

    python -m attacks.runner NAME

prints the report as one line of JSON.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import msgspec
from resilience.report import Check, RunReport
from testkit import processes

from attacks.registry import Attack, all_attacks

TIMEOUT: Final = 180.0
"""Seconds after which an attack has succeeded: something hangs."""
MAX_MEMORY: Final = 3 * 2**30
"""Bytes of address space of an attacked process, so that a memory bomb ends it instead of the machine."""
COMMAND: tuple[str, ...] = (sys.executable, "-m", "attacks.runner")
_SCRIPTS: Final = Path(__file__).resolve().parents[1]


def run(attack: Attack, *, timeout: float = TIMEOUT) -> RunReport:
    """The report of an attack; a crash, a hang or a missing report is a failed check."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(_SCRIPTS), os.environ.get("PYTHONPATH", "")])}
    process = subprocess.Popen(
        [*COMMAND, attack.name],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        out, error = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        return _failed(attack, f"not finished within {timeout:g} s")
    finally:
        processes.stop(process)
    lines = out.splitlines()
    if process.returncode != 0 or not lines:
        last = error.decode(errors="replace").strip().splitlines() or [f"exit code {process.returncode}"]
        return _failed(attack, last[-1])
    return msgspec.json.decode(lines[-1], type=RunReport)


def _failed(attack: Attack, why: str) -> RunReport:
    return RunReport(
        f"{attack.name}: {attack.summary}", {}, [Check("the attack ran to its end", passed=False, detail=why)]
    )


def limit_memory(process_id: int) -> None:
    """Limit the address space of a process, where the system can."""
    if sys.platform == "linux":
        import resource

        resource.prlimit(process_id, resource.RLIMIT_AS, (MAX_MEMORY, MAX_MEMORY))


def main() -> None:
    import signal

    # Unwinds the context managers that stop the servers.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    limit_memory(os.getpid())
    sys.stdout.buffer.write(msgspec.json.encode(all_attacks()[sys.argv[1]].report()) + b"\n")


if __name__ == "__main__":
    main()

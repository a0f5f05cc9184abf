"""Many rows on a cluster of Ray with two nodes, one of which is killed halfway: each is answered and charged once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Final
from urllib.request import Request, urlopen

from aurous_mock.settings import DEFAULT_KEY
from testkit import processes
from testkit.mock_process import MockProcess

from resilience.cluster.driver import ACTORS
from resilience.cluster.ray_nodes import RayNode
from resilience.report import Check, RunReport, summarize

_POLL: Final = 0.1
_TIMEOUT: Final = 60.0
_SOURCE_ROOTS: Final = ("overlays", "generated", "conformance", "scripts")
_ROOT: Final = Path(__file__).resolve().parents[3]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a run left. rows: as the driver wrote them; charges: the ledger; spent: what the balance was lowered by"""

    rows: list[dict[str, Any]]
    charges: list[dict[str, Any]]
    spent: Decimal
    seconds: float
    killed: int
    """Processes of the node that was killed; 0 if none was."""
    log: str
    """Of a driver that failed; else empty."""


def run(count: int, on_progress: Callable[[str], None] = lambda _: None) -> RunReport:
    """Carry out a run; all its processes have ended when this returns or raises.

    Raises NodeError and NotStartedError for what does not start.
    """
    with ExitStack() as stack:
        # Ray keeps sockets in it, whose paths must be short.
        place = tempfile.TemporaryDirectory(prefix="ray-", dir="/tmp", ignore_cleanup_errors=True)
        folder = Path(stack.enter_context(place))
        # By default it forgets all but the last 20,000 charges.
        mock = stack.enter_context(MockProcess("--no-access-log", "--retain", str(10 * count)))
        paths = [*(str(_ROOT / name) for name in _SOURCE_ROOTS), *filter(None, [os.environ.get("PYTHONPATH")])]
        environment = {
            **os.environ,
            "AUROUS_API_KEY": DEFAULT_KEY,
            "AUROUS_BASE_URL": mock.url,
            "PYTHONPATH": os.pathsep.join(paths),
            "RAY_DATA_DISABLE_PROGRESS_BARS": "1",
        }
        head = RayNode(folder, environment)
        stack.callback(head.kill)
        head.wait_until_started()
        node = RayNode(folder, environment, head.address)
        stack.callback(node.kill)
        node.wait_until_started()
        on_progress("two nodes have started")
        before = _balance(mock)
        outcome = _send(count, folder, environment, node, head.address, mock, before, on_progress)
    return evaluate(count, outcome)


def _send(
    count: int,
    folder: Path,
    environment: dict[str, str],
    node: RayNode,
    address: str,
    mock: MockProcess,
    before: Decimal,
    on_progress: Callable[[str], None],
) -> Outcome:
    output, killed, began = folder / "rows.jsonl", 0, time.monotonic()
    command = [sys.executable, "-m", "resilience.cluster.driver", address, str(count), str(output)]
    with (folder / "driver.log").open("w+b") as log:
        driver = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            while driver.poll() is None:
                ready = output.read_bytes().count(b"\n") if not killed and output.exists() else 0
                if ready >= count // 2:
                    killed = node.kill()
                    on_progress(f"{ready:,} of {count:,} rows; one node killed (-9), with {killed} processes")
                time.sleep(_POLL)
        finally:
            processes.stop(driver)
        log.seek(0)
        text = log.read().decode(errors="replace")
    return Outcome(
        rows=[json.loads(line) for line in output.read_text().splitlines()] if output.exists() else [],
        charges=mock.ledger(),
        spent=before - _balance(mock),
        seconds=time.monotonic() - began,
        killed=killed,
        log=text[-3000:] if driver.returncode else "",
    )


def evaluate(count: int, outcome: Outcome) -> RunReport:
    """Compare the rows with the ledger and the balance of the server."""
    answered = [row for row in outcome.rows if row["aurous_error_code"] is None]
    ids = {row["custom_id"] for row in answered}
    keys = {row["aurous_idempotency_key"] for row in answered}
    charged = Counter(charge["idempotency_key"] for charge in outcome.charges)
    repeated = [key for key, times in charged.items() if times > 1]
    receipts = sum((Decimal(row["aurous_credits"]) for row in answered), Decimal(0))
    total = sum((Decimal(str(charge["credits_charged"])) for charge in outcome.charges), Decimal(0))
    figures = {
        "seconds": round(outcome.seconds, 1),
        "rows": count,
        "actors": ACTORS,
        "processes of the killed node": outcome.killed,
        "rows sent again, uncharged": sum(row["aurous_replayed"] for row in answered),
        "charges": len(outcome.charges),
        "credits": str(total),
    }
    errors = Counter(row["aurous_error_code"] for row in outcome.rows if row["aurous_error_code"] is not None)
    return RunReport(
        f"{count:,} rows on a Ray cluster of two nodes",
        figures,
        [
            Check("the job ended without an error", not outcome.log, outcome.log),
            Check("one of the nodes was killed (-9) halfway", outcome.killed > 0),
            Check(
                "every row has one answer",
                len(outcome.rows) == len(ids) == count,
                f"{len(ids):,} answers in {len(outcome.rows):,} rows" + (f"; {dict(errors)}" if errors else ""),
            ),
            Check("no row was charged twice", not repeated, summarize(repeated)),
            Check(
                "each row was charged, and nothing else",
                keys == set(charged) and len(outcome.charges) == count,
                f"{len(outcome.charges):,} charges",
            ),
            Check("the receipts add up to the server's ledger", receipts == total, f"{receipts} of {total}"),
            Check("the balance was lowered by as much", outcome.spent == total, f"{outcome.spent} of {total}"),
        ],
    )


def _balance(mock: MockProcess) -> Decimal:
    request = Request(f"{mock.url}/v1/balance", headers={"Authorization": f"Bearer {DEFAULT_KEY}"})  # noqa: S310
    with urlopen(request, timeout=_TIMEOUT) as response:  # noqa: S310 - our own URL
        credits: Decimal = json.loads(response.read(), parse_float=Decimal)["credits"]
        return credits

"""What plain schemathesis, with its default settings, reports of a server."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from mutants.suite_runner import ROOT
from mutants.variant_server import KEY

_TIMEOUT = 600


class SchemathesisBaseline:
    """Plain `schemathesis run`. It complains of a correct server too: what it says of that one does not count."""

    def __init__(self, correct: str) -> None:
        self._false_alarms = failures_of(correct)

    def reports_failures(self, url: str) -> bool:
        """Whether it holds something against this server that it does not hold against the correct one."""
        return bool(failures_of(url) - self._false_alarms)


def failures_of(url: str) -> frozenset[str]:
    """What it says: titles of failures and the operations they were seen on."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.json")
        command = [str(Path(sys.executable).with_name("schemathesis")), "run", str(ROOT / "openapi.yaml"), "--url", url]
        command += ["--header", f"X-Api-Key: {KEY}", "--seed", "1", "--report", "json", "--no-color"]
        command += ["--report-json-path", str(report)]
        subprocess.run(command, cwd=folder, capture_output=True, timeout=_TIMEOUT, check=False)  # noqa: S603
        failures = json.loads(report.read_text())["failures"]
    return frozenset(f"{failure['title']}: {operation}" for failure in failures for operation in failure["operations"])

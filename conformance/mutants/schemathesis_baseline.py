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
    """Plain `schemathesis run`. It reports failures of a correct server too, which do not count."""

    def __init__(self, correct: str) -> None:
        self._false_alarms = failures_of(correct)

    def reports_failures(self, url: str) -> bool:
        """Whether it reports failures of this server that it does not report of the correct one."""
        return bool(failures_of(url) - self._false_alarms)


def failures_of(url: str) -> frozenset[str]:
    """Its failures, as titles with the operations on which they occurred."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.json")
        command = [str(Path(sys.executable).with_name("schemathesis")), "run", str(ROOT / "openapi.yaml"), "--url", url]
        command += ["--header", f"X-Api-Key: {KEY}", "--seed", "1", "--report", "json", "--no-color"]
        command += ["--report-json-path", str(report)]
        subprocess.run(command, cwd=folder, capture_output=True, timeout=_TIMEOUT, check=False)  # noqa: S603
        failures = json.loads(report.read_text())["failures"]
    return frozenset(f"{failure['title']}: {operation}" for failure in failures for operation in failure["operations"])

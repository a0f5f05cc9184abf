"""A version with realistic changes: the spec is changed, as from changed pages, and `bump.py` does the rest."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import httpx
import new_operations
import next_version
import rehearsal
from next_version import ADDITIONS, ApiChange
from rehearsal import NEXT
from ruamel.yaml import YAML

HEADERS = {"X-Api-Key": "al_live_" + "0" * 64}
# What holds the client to the spec; of the changes' other tests, most are about servers.
FOLDERS = ["overlays/tests", "scripts/tests/generator"]
PROGRAM = str(Path(__file__).parent / "programs" / "call_new_operations.py")
OPERATIONS = [
    f"{method} {path}" for path, item in new_operations.PATHS.items() for method in item if method != "parameters"
] + ["GET /v1/imaginary_drawings/latest", "POST /v1/imaginary_drawings"]


def bump(tree: Path) -> subprocess.CompletedProcess[str]:
    """Bump a tree, with the tests that the changes affect."""
    command = [sys.executable, "scripts/bump.py", NEXT, "--day", rehearsal.DAY, "--affected", *FOLDERS]
    return subprocess.run(
        command, cwd=tree, env=rehearsal.environment(tree), capture_output=True, text=True, check=False
    )


def change_spec(tree: Path, changes: Sequence[ApiChange]) -> None:
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 4096
    spec = tree / "openapi.yaml"
    document = yaml.load(spec.read_bytes())
    next_version.apply(document, changes)
    with spec.open("wb") as file:
        yaml.dump(document, file)


class RealisticVersion:
    """The tests of one version. `tree`, `bumped` and `mock` are fixtures in conftest.py."""

    changes: ClassVar[Sequence[ApiChange]]
    edits: ClassVar[Sequence[tuple[str, str, str]]] = ()
    """Lines edited by hand: file, old text, new text."""

    def test_every_change_is_reported_with_its_effect(self, tree: Path) -> None:
        completed = rehearsal.run(tree, "scripts/spec_diff.py", "git:HEAD~1", "openapi.yaml", "--json")
        reported = {(change["kind"], change["effect"]) for change in json.loads(completed.stdout)["changes"]}
        assert reported >= set().union(*(change.kinds for change in self.changes))
        assert any(effect == "breaking" for _, effect in reported) is (self.changes is not ADDITIONS)

    def test_bump_of_realistic_changes_leaves_a_clean_gate(self, bumped: Path) -> None:
        assert rehearsal.run(bumped, "scripts/regenerate.py", "--check").returncode == 0
        gate = rehearsal.run(bumped, "scripts/spec_gate.py")
        assert gate.returncode == 0, gate.stderr

    def test_mock_answers_new_operations_by_the_spec_alone(self, mock: str) -> None:
        with httpx.Client(base_url=mock, headers=HEADERS) as client:
            latest = client.get("/v1/imaginary_drawings/latest")
            assert (latest.status_code, latest.json()) == (200, next_version.DRAWING)
            created = client.post("/v1/imaginary_drawings", json={"title": "Ada"})
            assert (created.status_code, created.json()) == (200, next_version.DRAWING)
            assert client.post("/v1/imaginary_drawings", json={"title": "x" * 41}).status_code == 400
            assert client.post("/v1/imaginary_drawings", json={}).json()["error"]["code"] == "missing_field"

    def test_whole_suite_passes_on_the_mock_of_the_rehearsed_version(self, bumped: Path, mock: str) -> None:
        # Generated requests for all operations are what takes the time; those for new ones have a test of their own.
        rules = ["conformance/rules", "--deselect", "conformance/rules/test_properties.py"]
        options = ["-q", "-p", "no:cacheprovider", "--base-url", mock, "--api-version", NEXT]
        completed = rehearsal.run(bumped, "-m", "pytest", *rules, *options)
        assert completed.returncode == 0, completed.stdout[-3000:]
        assert " 0 failed" in completed.stdout

    def test_requests_generated_for_new_operations_get_documented_responses(self, bumped: Path, mock: str) -> None:
        options = ["-q", "-p", "no:cacheprovider", "-k", "imaginary", "--base-url", mock, "--api-version", NEXT]
        completed = rehearsal.run(bumped, "-m", "pytest", "conformance/rules/test_properties.py", *options)
        assert completed.returncode == 0, completed.stdout[-3000:]
        assert f"{len(OPERATIONS)} passed" in completed.stdout

    def test_client_calls_new_operations_on_the_mock(self, bumped: Path, mock: str) -> None:
        completed = rehearsal.run(bumped, PROGRAM, mock)
        assert (completed.returncode, completed.stdout) == (0, "all is well\n"), completed.stderr

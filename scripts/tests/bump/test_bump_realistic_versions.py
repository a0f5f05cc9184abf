"""A version that only adds is released without an edit by hand, one with 25 realistic changes with a few lines.

The changes are made to the spec, as from changed pages; `bump.py` does everything but the edits counted here.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import new_operations
import next_version
import pytest
import rehearsal
from next_version import ADDITIONS, BREAKING, ApiChange
from rehearsal import NEXT
from ruamel.yaml import YAML

pytestmark = pytest.mark.slow

VERSIONS = {"only additions": ADDITIONS, "all changes": [*ADDITIONS, *BREAKING]}
HEADERS = {"X-Api-Key": "al_live_" + "0" * 64}
# What holds the client to the spec; of the changes' other tests, most are about servers.
FOLDERS = ["overlays/tests", "scripts/tests/generator"]
# Lines edited by hand, since the client uses a member that was renamed or removed: file, old text, new text.
EDITS = [
    ("overlays/aurous/cli/chat.py", "max_tokens=flags.max_tokens", "max_output_tokens=flags.max_tokens"),
    ("overlays/aurous/cli/commands.py", '", never charged" if current.billing_mode == "exempt" else ""', '""'),
    ("overlays/aurous/cli/commands.py", "current.available_credits", "current.spendable_credits"),
    ("overlays/aurous/telemetry.py", '"max_tokens": ', '"max_output_tokens": '),
    ("overlays/aurous/tools/structured_output.py", "strict=strict,", "is_strict=strict,"),
]
MAX_EDITS = 5
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


def change_spec(tree: Path, changes: list[ApiChange]) -> None:
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 4096
    spec = tree / "openapi.yaml"
    document = yaml.load(spec.read_bytes())
    next_version.apply(document, changes)
    with spec.open("wb") as file:
        yaml.dump(document, file)


@pytest.fixture(scope="module", params=VERSIONS)
def changes(request: pytest.FixtureRequest) -> list[ApiChange]:
    return VERSIONS[str(request.param)]


@pytest.fixture(scope="module")
def tree(changes: list[ApiChange], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tree with the changed spec and the edits by hand, committed."""
    tree = rehearsal.tree(tmp_path_factory.mktemp("tree"))
    change_spec(tree, changes)
    for name, old, new in EDITS if changes is not ADDITIONS else ():
        path = tree / name
        text = path.read_text(encoding="utf-8")
        assert text.count(old) == 1, f"{name} no longer has one {old!r}"
        path.write_text(text.replace(old, new), encoding="utf-8")
    rehearsal.commit(tree, "Follow the pages of the next version")
    return tree


@pytest.fixture(scope="module")
def bumped(tree: Path) -> Path:
    """The tree after the bump, which has run the tests; nothing else was edited."""
    completed = bump(tree)
    assert completed.returncode == 0, completed.stdout[-3000:] + completed.stderr
    return tree


@pytest.fixture(scope="module")
def mock(bumped: Path) -> Iterator[str]:
    with rehearsal.mock(bumped) as url:
        yield url


def test_rehearsed_version_has_twenty_changes_and_few_edits_by_hand() -> None:
    assert len(VERSIONS["all changes"]) >= 20
    assert len(EDITS) <= MAX_EDITS


def test_bump_fails_for_a_rename_that_was_missed_and_names_its_lines(tmp_path: Path) -> None:
    tree = rehearsal.tree(tmp_path)
    change_spec(tree, [change for change in BREAKING if change.name == "member of a request renamed"])
    rehearsal.commit(tree, "Follow the pages, and forget the client")
    completed = bump(tree)
    assert completed.returncode == 1, completed.stdout[-3000:] + completed.stderr
    assert "tests that the changes affect" in completed.stdout
    # The run stops at the first of the tests that send the member, whichever that is.
    assert "FAILED overlays/tests/" in completed.stdout
    assert rehearsal.git(tree, "status", "--porcelain") == ""
    preview = rehearsal.run(tree, "scripts/bump.py", NEXT, "--day", rehearsal.DAY, "--dry-run", "--no-tests")
    listed = next(line for line in preview.stdout.splitlines() if line.startswith("- `strict`"))
    assert "overlays/aurous/tools/structured_output.py:" in listed


def test_every_change_is_reported_with_its_effect(tree: Path, changes: list[ApiChange]) -> None:
    completed = rehearsal.run(tree, "scripts/spec_diff.py", "git:HEAD~1", "openapi.yaml", "--json")
    reported = {(change["kind"], change["effect"]) for change in json.loads(completed.stdout)["changes"]}
    assert reported >= set().union(*(change.kinds for change in changes))
    assert any(effect == "breaking" for _, effect in reported) is (changes is not ADDITIONS)


def test_bump_of_realistic_changes_leaves_a_clean_gate(bumped: Path) -> None:
    assert rehearsal.run(bumped, "scripts/regenerate.py", "--check").returncode == 0
    gate = rehearsal.run(bumped, "scripts/spec_gate.py")
    assert gate.returncode == 0, gate.stderr


def test_mock_answers_new_operations_by_the_spec_alone(mock: str) -> None:
    with httpx.Client(base_url=mock, headers=HEADERS) as client:
        latest = client.get("/v1/imaginary_drawings/latest")
        assert (latest.status_code, latest.json()) == (200, next_version.DRAWING)
        created = client.post("/v1/imaginary_drawings", json={"title": "Ada"})
        assert (created.status_code, created.json()) == (200, next_version.DRAWING)
        assert client.post("/v1/imaginary_drawings", json={"title": "x" * 41}).status_code == 400
        assert client.post("/v1/imaginary_drawings", json={}).json()["error"]["code"] == "missing_field"


def test_whole_suite_passes_on_the_mock_of_the_rehearsed_version(bumped: Path, mock: str) -> None:
    # Generated requests for all operations are what takes the time; those for new ones have a test of their own.
    rules = ["conformance/rules", "--deselect", "conformance/rules/test_properties.py"]
    options = ["-q", "-p", "no:cacheprovider", "--base-url", mock, "--api-version", NEXT]
    completed = rehearsal.run(bumped, "-m", "pytest", *rules, *options)
    assert completed.returncode == 0, completed.stdout[-3000:]
    assert " 0 failed" in completed.stdout


def test_requests_generated_for_new_operations_get_documented_responses(bumped: Path, mock: str) -> None:
    options = ["-q", "-p", "no:cacheprovider", "-k", "imaginary", "--base-url", mock, "--api-version", NEXT]
    completed = rehearsal.run(bumped, "-m", "pytest", "conformance/rules/test_properties.py", *options)
    assert completed.returncode == 0, completed.stdout[-3000:]
    assert f"{len(OPERATIONS)} passed" in completed.stdout


def test_client_calls_new_operations_on_the_mock(bumped: Path, mock: str) -> None:
    completed = rehearsal.run(bumped, PROGRAM, mock)
    assert (completed.returncode, completed.stdout) == (0, "all is well\n"), completed.stderr

"""A made-up next version is released, and clients and mocks of both versions interoperate as the diff says."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import rehearsal
from generator.yaml_loader import load
from rehearsal import NEXT, ROOT
from release import archive, changelog, versions

pytestmark = pytest.mark.slow

NOW = str(load(ROOT / "openapi.yaml")["info"]["version"])
PROGRAM = str(Path(__file__).parent / "programs" / "call_across_versions.py")
# Beside the changes of the contract itself since its release.
EXPECTED_KINDS = {
    "model-added": "compatible",
    "operation-added": "compatible",
    "request-bound-tightened": "breaking",
    "request-enum-value-added": "compatible",
    "request-member-added-optional": "compatible",
    "response-member-removed": "breaking",
    "tags-described": "documentation",
    "version-changed": "documentation",
}
PLAY = rehearsal.play()
ANSWER = {"finish_reason": "length"}


@pytest.fixture(scope="module")
def bumped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tree after `bump.py`, not yet committed."""
    tree = rehearsal.tree(tmp_path_factory.mktemp("tree"))
    rehearsal.edit(tree / "openapi.yaml")
    rehearsal.commit(tree, "What the pages of the next version say")
    gate = rehearsal.run(tree, "scripts/spec_gate.py")
    assert gate.returncode == 1, gate.stderr
    assert "2 breaking change(s)" in gate.stderr
    completed = rehearsal.run(
        tree, "scripts/bump.py", NEXT, "--day", rehearsal.DAY, "--tests", "scripts/tests/generator/test_pins.py"
    )
    assert completed.returncode == 0, completed.stdout + completed.stderr
    (tree.parent / f"{tree.name}.out").write_text(completed.stdout)
    return tree


@pytest.fixture(scope="module")
def old_mock() -> Iterator[str]:
    with rehearsal.mock(ROOT) as url:
        yield url


@pytest.fixture(scope="module")
def new_mock(bumped: Path) -> Iterator[str]:
    with rehearsal.mock(bumped) as url:
        yield url


def call(tree: Path, url: str, *version: str) -> dict[str, Any]:
    """The outcomes of the calls of a tree's client."""
    completed = rehearsal.run(tree, PROGRAM, url, str(PLAY.warm), PLAY.model, PLAY.member, *version)
    assert completed.returncode == 0, completed.stderr
    outcome: dict[str, Any] = json.loads(completed.stdout)
    return outcome


def test_bump_changes_every_file_of_a_release(bumped: Path) -> None:
    before = versions.read(ROOT)
    after = versions.read(bumped)
    assert after == before.after("major")
    assert load(bumped / "openapi.yaml")["info"]["version"] == NEXT
    assert f'API_VERSION: Final = "{NEXT}"' in (bumped / "generated/aurous_client/__init__.py").read_text()
    log = (bumped / changelog.FILE).read_text()
    assert (
        f"## {after} - {rehearsal.DAY}\n\nSpeaks Aurous-Version {NEXT}.\n\n### Aurous-Version {NOW} -> {NEXT}\n" in log
    )
    assert rehearsal.run(bumped, "scripts/regenerate.py", "--check").returncode == 0
    assert rehearsal.run(bumped, "scripts/spec_gate.py").returncode == 0


def test_bump_lists_what_is_left_for_a_person(bumped: Path) -> None:
    outcome = (bumped.parent / f"{bumped.name}.out").read_text()
    assert "Left for a person:" in outcome
    assert any(
        line.startswith("- The mock answers by the spec's examples alone") and " GET /v1/crew" in line
        for line in outcome.splitlines()
    )
    assert re.search(rf"\n- (`{PLAY.member}` \(|Look for uses of ){PLAY.model}\.{PLAY.member}\b", outcome)


def test_diff_of_the_rehearsed_version_has_the_expected_kinds(bumped: Path) -> None:
    def kinds(tree: Path, new: str, code: int) -> dict[str, str]:
        old = f"conformance/aurous_mock/specs/{NOW}.yaml"
        completed = rehearsal.run(tree, "scripts/spec_diff.py", old, new, "--json", "--fail-on", "breaking")
        assert completed.returncode == code, completed.stderr
        return {change["kind"]: change["effect"] for change in json.loads(completed.stdout)["changes"]}

    kinds_of_next = kinds(bumped, f"conformance/aurous_mock/specs/{NEXT}.yaml", 1)
    assert kinds_of_next == kinds(ROOT, "openapi.yaml", 0) | EXPECTED_KINDS


def test_old_client_sees_no_change_on_a_new_mock(old_mock: str, new_mock: str) -> None:
    assert call(ROOT, new_mock) == call(ROOT, old_mock)


def test_old_client_on_the_new_version_fails_only_where_it_is_breaking(new_mock: str) -> None:
    outcome = call(ROOT, new_mock, NEXT)
    assert outcome["speaks"] == NOW
    assert outcome["plain"] == outcome["most"] == ANSWER
    assert outcome["warm"]["code"] == "value_out_of_range"
    assert outcome["member"] == {"sent": False, "typed": True}
    assert outcome["crew"] == "no method"


def test_new_client_on_a_new_mock_has_every_change(bumped: Path, new_mock: str) -> None:
    outcome = call(bumped, new_mock)
    assert outcome["speaks"] == NEXT
    assert outcome["plain"] == outcome["most"] == outcome["mood"] == ANSWER
    assert outcome["warm"]["code"] == "value_out_of_range"
    assert outcome["member"] == {"sent": False, "typed": False}
    assert outcome["crew"] == {"id": "crew_1", "name": "Ada"}


def test_new_operation_refuses_other_methods(new_mock: str) -> None:
    headers = {"X-Api-Key": "al_live_" + "0" * 64}
    refused = httpx.post(f"{new_mock}/v1/crew", headers=headers)
    assert (refused.status_code, refused.headers["Allow"]) == (405, "GET")
    assert refused.json()["error"]["code"] == "method_not_allowed"
    absent = httpx.post(f"{new_mock}/v1/crew", headers={**headers, "Aurous-Version": NOW})
    assert absent.status_code == 404


def test_new_client_on_an_old_mock_gets_unknown_version(bumped: Path, old_mock: str) -> None:
    outcome = call(bumped, old_mock)
    codes = {name: answer["code"] for name, answer in outcome.items() if isinstance(answer, dict)}
    assert set(codes.values()) == {"unknown_version"}


def test_new_client_pinned_to_the_old_version_works_on_both_mocks(bumped: Path, old_mock: str, new_mock: str) -> None:
    for url in (old_mock, new_mock):
        outcome = call(bumped, url, NOW)
        # What the old version does not know is ignored where it is a member, and refused where it is a value.
        assert outcome["plain"] == outcome["warm"] == outcome["mood"] == ANSWER
        assert outcome["most"]["code"] == "invalid_format"
        assert outcome["member"]["sent"]
        assert outcome["crew"]["code"] == "resource_not_found"


@pytest.mark.parametrize("version", [NOW, NEXT])
def test_suite_checks_the_mock_by_the_requested_version(bumped: Path, new_mock: str, version: str) -> None:
    rules = ["conformance/rules/test_versions.py", "conformance/rules/test_completion.py"]
    options = ["-q", "-p", "no:cacheprovider", "--base-url", new_mock, "--api-version", version]
    completed = rehearsal.run(bumped, "-m", "pytest", *rules, *options)
    assert completed.returncode == 0, completed.stdout
    assert " 0 failed" in completed.stdout


def test_suite_refuses_a_version_without_a_spec(bumped: Path) -> None:
    rules = "conformance/rules/test_versions.py"
    completed = rehearsal.run(bumped, "-m", "pytest", rules, "-p", "no:cacheprovider", "--api-version", "2000-01-01")
    assert completed.returncode != 0
    known = ", ".join(spec.api_version for spec in archive.released(bumped))
    assert f"there is no spec of the version '2000-01-01'; known: {known}" in completed.stderr

"""A made-up next version goes the whole way, and clients and mocks of both versions get on as the diff promised."""

from __future__ import annotations

import json
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
PROMISED = {
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
    done = rehearsal.run(
        tree, "scripts/bump.py", NEXT, "--day", rehearsal.DAY, "--tests", "scripts/tests/generator/test_pins.py"
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (tree.parent / f"{tree.name}.out").write_text(done.stdout)
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
    """What became of the calls of a tree's client."""
    done = rehearsal.run(tree, PROGRAM, url, str(PLAY.warm), PLAY.model, PLAY.member, *version)
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def test_the_bump_changes_all_that_belongs_to_a_release(bumped: Path) -> None:
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


def test_the_bump_tells_what_is_left(bumped: Path) -> None:
    told = (bumped.parent / f"{bumped.name}.out").read_text()
    assert "Left for a person:" in told
    assert "- The mock answers GET /v1/crew with the spec's example" in told
    assert f"- Look for uses of {PLAY.model}.{PLAY.member}" in told


def test_the_diff_promises(bumped: Path) -> None:
    specs = [f"conformance/aurous_mock/specs/{version}.yaml" for version in (NOW, NEXT)]
    done = rehearsal.run(bumped, "scripts/spec_diff.py", *specs, "--json", "--fail-on", "breaking")
    assert done.returncode == 1
    assert {change["rule"]: change["effect"] for change in json.loads(done.stdout)["changes"]} == PROMISED


def test_an_old_client_sees_no_change_on_a_new_mock(old_mock: str, new_mock: str) -> None:
    assert call(ROOT, new_mock) == call(ROOT, old_mock)


def test_an_old_client_on_the_new_version_meets_what_is_breaking_and_nothing_else(new_mock: str) -> None:
    told = call(ROOT, new_mock, NEXT)
    assert told["speaks"] == NOW
    assert told["plain"] == told["most"] == ANSWER
    assert told["warm"]["code"] == "value_out_of_range"
    assert told["member"] == {"sent": False, "typed": True}
    assert told["crew"] == "no method"


def test_a_new_client_on_a_new_mock_has_all_of_it(bumped: Path, new_mock: str) -> None:
    told = call(bumped, new_mock)
    assert told["speaks"] == NEXT
    assert told["plain"] == told["most"] == told["mood"] == ANSWER
    assert told["warm"]["code"] == "value_out_of_range"
    assert told["member"] == {"sent": False, "typed": False}
    assert told["crew"] == {"id": "crew_1", "name": "Ada"}


def test_an_operation_that_is_answered_by_example_takes_no_other_method(new_mock: str) -> None:
    headers = {"X-Api-Key": "al_live_" + "0" * 64}
    refused = httpx.post(f"{new_mock}/v1/crew", headers=headers)
    assert (refused.status_code, refused.headers["Allow"]) == (405, "GET")
    assert refused.json()["error"]["code"] == "method_not_allowed"
    absent = httpx.post(f"{new_mock}/v1/crew", headers={**headers, "Aurous-Version": NOW})
    assert absent.status_code == 404


def test_a_new_client_on_an_old_mock_is_told_that_its_version_is_unknown(bumped: Path, old_mock: str) -> None:
    told = call(bumped, old_mock)
    codes = {name: answer["code"] for name, answer in told.items() if isinstance(answer, dict)}
    assert set(codes.values()) == {"unknown_version"}


def test_a_new_client_pinned_to_the_old_version_works_on_both_mocks(bumped: Path, old_mock: str, new_mock: str) -> None:
    for url in (old_mock, new_mock):
        told = call(bumped, url, NOW)
        # What the old version does not know is ignored where it is a member, and refused where it is a value.
        assert told["plain"] == told["warm"] == told["mood"] == ANSWER
        assert told["most"]["code"] == "invalid_format"
        assert told["member"]["sent"]
        assert told["crew"]["code"] == "resource_not_found"


@pytest.mark.parametrize("version", [NOW, NEXT])
def test_the_suite_holds_the_new_mock_to_the_version_it_is_asked_for(bumped: Path, new_mock: str, version: str) -> None:
    rules = ["conformance/rules/test_versions.py", "conformance/rules/test_completion.py"]
    options = ["-q", "-p", "no:cacheprovider", "--base-url", new_mock, "--api-version", version]
    done = rehearsal.run(bumped, "-m", "pytest", *rules, *options)
    assert done.returncode == 0, done.stdout
    assert " 0 broken" in done.stdout


def test_the_suite_refuses_a_version_that_it_has_no_spec_of(bumped: Path) -> None:
    rules = "conformance/rules/test_versions.py"
    done = rehearsal.run(bumped, "-m", "pytest", rules, "-p", "no:cacheprovider", "--api-version", "2000-01-01")
    assert done.returncode != 0
    known = ", ".join(spec.api_version for spec in archive.released(bumped))
    assert f"there is no spec of the version '2000-01-01'; known: {known}" in done.stderr

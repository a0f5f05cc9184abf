"""Natural OpenAPI 3.1 becomes typed methods: every media type, inline objects, allOf, typed headers, several successes.

A copy of openapi.yaml gets the operations of natural_spec.yaml; its package is generated, type-checked, and called over
a socket by the generated client and by `Aurous`.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import fastapi_app
import program_runs
import pytest
import regenerate
import small_specs
from generator.yaml_loader import load
from testkit.mock_process import MockProcess

ROOT = Path(__file__).parents[3]
HERE = Path(__file__).parent
PROGRAMS = ("use_natural_phrasing.py", "use_natural_mock.py")


def merge(document: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
    """The document with the members of another in its objects."""
    for name, value in more.items():
        is_object = isinstance(value, dict) and isinstance(document.get(name), dict)
        document[name] = merge(document[name], value) if is_object else value
    return document


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    generated = tmp_path_factory.mktemp("natural")
    document = merge(load(ROOT / "openapi.yaml"), load(HERE / "natural_spec.yaml"))
    assert regenerate.generate(small_specs.write(generated / "natural.yaml", document), generated / "aurous_client")
    for name in PROGRAMS:
        shutil.copy(HERE / "programs" / name, generated)
    return generated


@pytest.mark.slow
def test_package_of_natural_spec_is_strictly_typed(folder: Path) -> None:
    program_runs.check_types(folder, "aurous_client", *PROGRAMS)


@pytest.mark.slow
def test_operations_of_natural_spec_work_over_a_socket(folder: Path) -> None:
    program_runs.check_program(folder, "-W", "error", PROGRAMS[0])


@pytest.mark.slow
def test_mock_answers_operations_of_natural_spec_through_the_client(folder: Path) -> None:
    with MockProcess("--spec", str(folder / "natural.yaml"), cwd=folder) as mock:
        program_runs.check_program(folder, "-W", "error", PROGRAMS[1], mock.url)


@pytest.mark.slow
def test_document_written_by_fastapi_becomes_a_strictly_typed_package(tmp_path: Path) -> None:
    spec = small_specs.write(tmp_path / "fastapi.yaml", fastapi_app.app.openapi())
    assert regenerate.generate(spec, tmp_path / "aurous_client")
    program_runs.check_types(tmp_path, "aurous_client")


@pytest.mark.slow
def test_null_that_stands_for_a_member_left_out_changes_nothing(tmp_path: Path) -> None:
    def generate(name: str, **members: Any) -> dict[str, str]:
        place = "components schemas ThingRequest properties"
        document = small_specs.document(at={f"{place} {member}": schema for member, schema in members.items()})
        out = tmp_path / name
        assert regenerate.generate(small_specs.write(tmp_path / f"{name}.yaml", document), out)
        return {str(path.relative_to(out)): path.read_text("utf-8") for path in sorted(out.rglob("*.py"))}

    null = {"type": "null"}
    plain = generate("plain", note={"type": "string"}, mood=small_specs.ref("Mood"), size={"enum": ["s", "m"]})
    assert plain == generate(
        "nullable",
        note={"type": ["string", "null"], "default": None},
        mood={"anyOf": [small_specs.ref("Mood"), null], "default": None},
        size={"enum": ["s", "m", None], "default": None},
    )

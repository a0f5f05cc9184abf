"""Plain `st run openapi.yaml` passes against the mock, and fails against a faulty server."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from aurous_mock.contract.yaml_reader import read_yaml
from mutants.catalogue import VARIANTS
from mutants.variant_server import KEY, running

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[4]
SETTINGS = ROOT / "schemathesis.toml"
SPEC = ROOT / "openapi.yaml"
PHASES = ["examples", "coverage", "fuzzing", "stateful"]
# One each of a good answer, another one, a refusal and a key.
FAULTS = ["body.no_id", "models.no_id", "envelope.html", "auth.no_key_accepted"]


def stranger(variant: str, folder: Path, *options: str) -> dict[str, Any]:
    """What plain schemathesis reports of a server, with every check on; `exit_code` is what a shell would see."""
    report = folder / "report.json"
    program = str(Path(sys.executable).with_name("st"))
    # From a folder of its own, because it leaves a cache where it is run; the settings are the checkout's all the same.
    command = [program, "--config-file", str(SETTINGS), "run", str(SPEC), "--header", f"X-Api-Key: {KEY}"]
    command += ["--checks", "all", "--seed", "7", "--max-examples", "5", "--no-color"]
    command += ["--report", "json", "--report-json-path", str(report)]
    with running(VARIANTS[variant]) as url:
        done = subprocess.run(  # noqa: S603
            [*command, *options, "--url", url], cwd=folder, capture_output=True, text=True, timeout=1800, check=False
        )
    assert report.exists(), done.stdout + done.stderr
    actual: dict[str, Any] = json.loads(report.read_text())
    assert actual["exit_code"] == done.returncode
    return actual


@pytest.fixture(scope="module")
def correct(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return stranger("plain", tmp_path_factory.mktemp("plain"))


def test_plain_schemathesis_passes_against_the_mock(correct: dict[str, Any]) -> None:
    assert correct["failures"] == []
    assert correct["errors"] == []
    assert correct["exit_code"] == 0
    assert correct["complete"]


def test_plain_schemathesis_covers_every_operation(correct: dict[str, Any]) -> None:
    operations = [operation for path in read_yaml(SPEC)["paths"].values() for operation in path]
    assert correct["operations"]["tested"] == correct["operations"]["total"] == len(operations)
    assert {name: correct["phases"][name]["status"] for name in PHASES} == dict.fromkeys(PHASES, "success")
    rates = correct["valid_rates"]
    examples = rates["POST /v1/chat/completions"]["examples"]
    # Each documented request is answered, and not refused for a reason that has nothing to do with it.
    assert examples["accepted"] >= 8
    assert examples["conflicts"] == examples["rejected"] == examples["unreachable"] == 0
    # What is created here has ended by the time that it could be cancelled.
    for operation in set(rates) - {"POST /v1/chat/completions/{id}/cancel"}:
        assert any(phase["accepted"] for phase in rates[operation].values()), operation


@pytest.mark.parametrize("fault", FAULTS)
def test_plain_schemathesis_fails_on_a_faulty_server(fault: str, tmp_path: Path) -> None:
    actual = stranger(fault, tmp_path, "--max-failures", "1")
    assert actual["exit_code"] == 1
    assert actual["failures"]


def test_schemathesis_settings_disable_no_check() -> None:
    settings = tomllib.loads(SETTINGS.read_text())
    assert set(settings) == {"generation", "parameters", "operations"}
    assert settings["generation"] == {"allow-extra-parameters": False}
    assert settings["parameters"] == {"header.Aurous-Version": read_yaml(SPEC)["info"]["version"]}
    (create,) = settings["operations"]
    assert create["include-operation-id"] == "createChatCompletion"
    assert set(create["checks"]) == {"positive_data_acceptance"}
    assert set(create["checks"]["positive_data_acceptance"]) == {"expected-statuses"}

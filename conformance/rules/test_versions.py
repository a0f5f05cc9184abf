"""The dated version of the contract: pinned, echoed, and refused when it is none."""

from __future__ import annotations

import pytest
from harness import contract
from harness.client.api_client import Server
from harness.contract import Operation
from harness.rules import CHANGELOG, rule
from harness.violations import observe, require

from .test_authentication import call, each_operation

MALFORMED = ["latest", "2026-5-15", "20260515", "2026-05-15T00:00:00Z", "2026-05-15x", "v2026-05-15", "26-05-15"]


@rule("version.pinned", page=CHANGELOG, says="The pinned version is applied, and echoed.")
@each_operation
def test_pinned(server: Server, operation: Operation) -> None:
    pinned = server.settings.api_version
    told = call(server, operation, {"Aurous-Version": pinned})
    require(told.header("Aurous-Version") == pinned, f"the echo is {told.header('Aurous-Version')!r}", told)


@rule("version.default", page=CHANGELOG, says="Without a pin the team's default applies, and is echoed.")
@each_operation
def test_default(server: Server, operation: Operation) -> None:
    told = call(server, operation, {"Aurous-Version": None})
    require(told.status < 400 or told.status == 404, f"a request without a pin is answered {told.outcome}", told)
    require(told.header("Aurous-Version"), "no Aurous-Version came back", told)


@rule("version.malformed", page=CHANGELOG, says="What is not a date is refused with 400 or 422.")
@each_operation
@pytest.mark.parametrize("value", MALFORMED)
def test_malformed(server: Server, operation: Operation, value: str) -> None:
    refused = call(server, operation, {"Aurous-Version": value}).expect(400, 422)
    misfits = contract.misfits("ErrorEnvelope", refused.json)
    require(not misfits, "; ".join(misfits), refused)
    require(refused.at("error", "type") == "invalid_request", f"type {refused.at('error', 'type')!r}", refused)


@rule(
    "version.unknown",
    page=CHANGELOG,
    says="What becomes of a date that names no version (pages disagree).",
    observed=True,
)
@pytest.mark.parametrize("value", ["2020-01-01", "2099-12-31"])
def test_unknown(server: Server, value: str) -> None:
    told = server.send("GET", "/v1/models", headers={"Aurous-Version": value})
    observe(f"{value} is answered {told.outcome}, echoing {told.header('Aurous-Version')}")

"""The dated version of the contract: pinned, echoed, and refused when it is none."""

from __future__ import annotations

import pytest
from harness import contract
from harness.client.api_client import ApiClient
from harness.contract import Operation
from harness.rules import CHANGELOG, rule
from harness.violations import inform, require

from .test_authentication import call, each_operation

MALFORMED = ["latest", "2026-5-15", "20260515", "2026-05-15T00:00:00Z", "2026-05-15x", "v2026-05-15", "26-05-15"]


@rule("version.pinned", page=CHANGELOG, sentence="The pinned version is applied, and echoed.")
@each_operation
def test_pinned_version_is_echoed(api: ApiClient, operation: Operation) -> None:
    pinned = api.settings.api_version
    actual = call(api, operation, {"Aurous-Version": pinned})
    require(actual.header("Aurous-Version") == pinned, f"the echo is {actual.header('Aurous-Version')!r}", actual)


@rule("version.default", page=CHANGELOG, sentence="Without a pin the team's default applies, and is echoed.")
@each_operation
def test_default_version_is_echoed(api: ApiClient, operation: Operation) -> None:
    actual = call(api, operation, {"Aurous-Version": None})
    require(
        actual.status < 400 or actual.status == 404, f"a request without a pin is answered {actual.outcome}", actual
    )
    require(actual.header("Aurous-Version"), "the response has no Aurous-Version", actual)


@rule("version.malformed", page=CHANGELOG, sentence="What is not a date is refused with 400 or 422.")
@each_operation
@pytest.mark.parametrize("value", MALFORMED)
def test_malformed_version_is_refused(api: ApiClient, operation: Operation, value: str) -> None:
    response = call(api, operation, {"Aurous-Version": value}).expect(400, 422)
    schema_errors = contract.schema_errors("ErrorEnvelope", response.json)
    require(not schema_errors, "; ".join(schema_errors), response)
    require(response.at("error", "type") == "invalid_request", f"type {response.at('error', 'type')!r}", response)


@rule(
    "version.unknown",
    page=CHANGELOG,
    sentence="What becomes of a date that names no version (pages disagree).",
    informational=True,
)
@pytest.mark.parametrize("value", ["2020-01-01", "2099-12-31"])
def test_unknown_version_date(api: ApiClient, value: str) -> None:
    response = api.send("GET", "/v1/models", headers={"Aurous-Version": value})
    inform(f"{value} is answered {response.outcome}, echoing {response.header('Aurous-Version')}")

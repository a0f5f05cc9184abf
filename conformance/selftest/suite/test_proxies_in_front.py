"""Runs of some rules against the mock behind proxies: legal ones fail nothing, and the reports say what they do."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from harness.client.embedded_server import EmbeddedServer
from harness.settings import embedded_keys
from suite_runs import failed, run_report
from tampering_proxy import Answered, Asked, Tamper, proxying

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def upstream() -> Iterator[str]:
    server = EmbeddedServer(*embedded_keys(0))
    yield server.url
    server.stop()


def run_behind(upstream: str, tamper: Tamper, folder: Path, *rules: str) -> dict[str, Any]:
    options = [option for pattern in rules for option in ("--rule", pattern)]
    with proxying(upstream, tamper) as url:
        return run_report(url, folder / "report.json", *options)


def outcomes(report: dict[str, Any]) -> dict[str, str]:
    return {name: rule["outcome"] for name, rule in report["rules"].items()}


def test_buffering_proxy_leaves_cancelling_not_tested_and_says_what_buffers(upstream: str, tmp_path: Path) -> None:
    report = run_behind(upstream, Tamper(buffers=True), tmp_path, "cancel.*", "disconnect.*", "stream.*")
    assert failed(report) == {}
    cancel = report["rules"]["cancel.answer"]
    assert cancel["outcome"] == "not_tested"
    assert "arrived in one piece" in cancel["actual"]
    assert "proxy_buffering off" in cancel["actual"]
    assert report["rules"]["stream.done"]["outcome"] == "passed"
    assert report["rules"]["cancel.unknown"]["outcome"] == "passed"


def add_member_on_create(asked: Asked, answered: Answered, body: bytes) -> bytes:
    value = json.loads(body)
    if asked.method == "POST" and answered.header("Aurous-Idempotent-Replayed") is None and "usage" in value:
        value["usage"]["proxy_latency_ms"] = 7
    return json.dumps(value).encode()


def refuse_what_is_odd(asked: Asked) -> tuple[int, str, bytes] | None:
    """Refuse encoded paths, large bodies, other media types and NULs, as routers and firewalls do."""
    if "%" in asked.path:
        return 404, "text/html", b"<html><title>404 Not Found</title></html>"
    if len(asked.body) > 1024 * 1024:
        return 413, "text/html", b"<html><title>413 Request Entity Too Large</title></html>"
    is_json = "json" in asked.headers.get("content-type", "json")
    return None if is_json and b"u0000" not in asked.body else (403, "text/plain", b"Forbidden")


@pytest.fixture(scope="module")
def behind_gateway(upstream: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The report of a run behind a proxy that adds a member and refuses what is odd."""
    tamper = Tamper(document=add_member_on_create, refusal=refuse_what_is_odd)
    patterns = ["idempotency.*", "retrieval.*", "hostile.huge", "hostile.nul", "hostile.media_type", "hostile.paths"]
    return run_behind(upstream, tamper, tmp_path_factory.mktemp("gateway"), *patterns)


def test_gateway_fails_no_rule(behind_gateway: dict[str, Any]) -> None:
    assert failed(behind_gateway) == {}


@pytest.mark.parametrize("name", ["idempotency.replay", "idempotency.concurrent", "retrieval.same_as_created"])
def test_member_added_on_create_fails_no_comparison(behind_gateway: dict[str, Any], name: str) -> None:
    assert behind_gateway["rules"][name]["outcome"] == "passed"


def test_path_that_a_proxy_does_not_route_is_informational(behind_gateway: dict[str, Any]) -> None:
    malformed = behind_gateway["rules"]["retrieval.malformed"]
    assert malformed["outcome"] == "informational"
    assert "in front of the API does not route this path" in malformed["actual"]


@pytest.mark.parametrize("name", ["hostile.huge", "hostile.nul", "hostile.media_type"])
def test_hostile_body_that_a_proxy_refuses_is_informational(behind_gateway: dict[str, Any], name: str) -> None:
    assert behind_gateway["rules"][name]["outcome"] == "informational"
    assert "something in front of the API" in behind_gateway["rules"][name]["actual"]


def test_absent_operation_passes_no_rule(upstream: str, tmp_path: Path) -> None:
    envelope = {"type": "not_found", "code": "resource_not_found", "message": "No.", "request_id": "req_1"}
    body = json.dumps({"error": {**envelope, "doc_url": "https://docs.aurous-labs.com/errors"}}).encode()
    tamper = Tamper(refusal=lambda asked: (404, "application/json", body) if asked.method == "POST" else None)
    report = run_behind(upstream, tamper, tmp_path, "hostile.*", "cancel.unknown", "models.schema")
    # Odd paths are asked for with GET.
    assert {name for name, outcome in outcomes(report).items() if outcome == "passed"} == {
        "hostile.paths",
        "models.schema",
    }
    members = report["rules"]["hostile.unknown_members"]
    assert members["outcome"] == "not_tested"
    assert "POST /v1/chat/completions is answered 404 resource_not_found" in members["actual"]

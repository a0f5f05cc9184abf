"""Runs of some rules against the mock behind proxies: legal ones fail nothing, and the reports say what they do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from mutants.messages import Bytes, Frame, Request, Response, refusal
from mutants.registry import Behaviour, Frames, Kind, MockVariant
from mutants.variant_server import running
from starlette.datastructures import MutableHeaders
from suite_runs import failed, run_report

pytestmark = pytest.mark.slow


def run_behind(proxy: type[Behaviour], folder: Path, *rules: str) -> dict[str, Any]:
    """The report of a run of these rules against the mock behind a proxy."""
    options = [option for pattern in rules for option in ("--rule", pattern)]
    with running(MockVariant(proxy.__name__, Kind.VARIATION, "A proxy in front.", "", proxy)) as url:
        return run_report(url, folder / "report.json", *options)


def outcomes(report: dict[str, Any]) -> dict[str, str]:
    return {name: rule["outcome"] for name, rule in report["rules"].items()}


class Buffering(Behaviour):
    """Passes a stream on only when it has ended."""

    def frame(self, request: Request, frame: Frame) -> Frames:
        buffer = frame.stream.setdefault("buffer", bytearray())
        buffer += frame.encode()
        return (Frame.raw(bytes(buffer)),) if frame.is_done else ()


def test_buffering_proxy_leaves_cancelling_not_tested_and_says_what_buffers(tmp_path: Path) -> None:
    report = run_behind(Buffering, tmp_path, "cancel.*", "disconnect.*", "stream.*")
    assert failed(report) == {}
    cancel = report["rules"]["cancel.answer"]
    assert cancel["outcome"] == "not_tested"
    assert "arrived in one piece" in cancel["actual"]
    assert "proxy_buffering off" in cancel["actual"]
    assert report["rules"]["stream.done"]["outcome"] == "passed"
    assert report["rules"]["cancel.unknown"]["outcome"] == "passed"


class Gateway(Behaviour):
    """Adds a member to what is created, and refuses what is odd."""

    def request(self, request: Request) -> Response | None:
        """Refuse encoded paths, large bodies, other media types and NULs, as routers and firewalls do."""
        if "%" in request.raw_path:
            return page(404, b"<html><title>404 Not Found</title></html>")
        if len(request.content.raw) > 1024 * 1024:
            return page(413, b"<html><title>413 Request Entity Too Large</title></html>")
        is_json = "json" in request.headers.get("content-type", "json")
        return None if is_json and b"u0000" not in request.content.raw else page(403, b"Forbidden", "text/plain")

    def response(self, request: Request, response: Response) -> None:
        if request.method == "POST" and not response.replayed and response.completion is not None:
            response.completion["usage"]["proxy_latency_ms"] = 7


def page(status: int, content: bytes, media_type: str = "text/html") -> Response:
    return Response(status, MutableHeaders({"content-type": media_type}), Bytes(content))


@pytest.fixture(scope="module")
def behind_gateway(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The report of a run behind a proxy that adds a member and refuses what is odd."""
    patterns = ["idempotency.*", "retrieval.*", "hostile.huge", "hostile.nul", "hostile.media_type", "hostile.paths"]
    return run_behind(Gateway, tmp_path_factory.mktemp("gateway"), *patterns)


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


class WithoutCreate(Behaviour):
    """Lacks the operations that are asked for with POST."""

    def request(self, request: Request) -> Response | None:
        return refusal(404, "not_found", "resource_not_found", "No.") if request.method == "POST" else None


def test_absent_operation_passes_no_rule(tmp_path: Path) -> None:
    report = run_behind(WithoutCreate, tmp_path, "hostile.*", "cancel.unknown", "models.schema")
    # Odd paths are asked for with GET.
    assert {name for name, outcome in outcomes(report).items() if outcome == "passed"} == {
        "hostile.paths",
        "models.schema",
    }
    members = report["rules"]["hostile.unknown_members"]
    assert members["outcome"] == "not_tested"
    assert "POST /v1/chat/completions is answered 404 resource_not_found" in members["actual"]

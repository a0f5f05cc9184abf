"""A rule of an operation needs one success of it: refusals of an operation that is not there show nothing."""

from __future__ import annotations

import json
from collections.abc import Iterable

import pytest
from answering_server import Answer, AnsweringServer, answering, response
from harness import served_operations
from harness.client.api_client import ApiClient
from harness.client.exchange import Exchange
from harness.client.recorder import Recorder
from harness.client.spend_limit import SpendLimit
from harness.results import CheckResult, Outcome, RunResults
from harness.rules import Rule
from harness.settings import Settings

CREATE, CANCEL = "createChatCompletion", "cancelChatCompletion"
NOT_FOUND = json.dumps({"error": {"code": "resource_not_found", "type": "not_found"}}).encode()
MODELS = json.dumps({"data": [{"id": "m", "kind": "chat"}]}).encode()
COMPLETION = json.dumps({"id": "cmp_1", "usage": {"credits_charged": 0}}).encode()


@pytest.mark.parametrize(
    ("method", "path", "operation"),
    [
        ("POST", "/v1/chat/completions", CREATE),
        ("POST", "/v1/chat/completions?x=1", CREATE),
        ("GET", "/v1/chat/completions/cmp_%0A", "retrieveChatCompletion"),
        ("POST", "/v1/chat/completions/cmp_1/cancel", CANCEL),
        ("GET", "/v1/models", "listModels"),
    ],
)
def test_request_is_assigned_to_its_operation(method: str, path: str, operation: str) -> None:
    assert served_operations.called([Exchange(method, f"http://x{path}")]) == (operation,)


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/v1/no-such-thing"), ("PUT", "/v1/chat/completions"), ("GET", "/v1/chat/completions/a/b"), ("GET", "/")],
)
def test_other_requests_call_no_operation(method: str, path: str) -> None:
    assert served_operations.called([Exchange(method, f"http://x{path}")]) == ()


@pytest.mark.parametrize(
    ("method", "path", "status", "is_served"),
    [
        ("POST", "/v1/chat/completions", 200, True),
        ("POST", "/v1/chat/completions", 409, False),
        ("POST", "/v1/chat/completions", 404, False),
        ("POST", "/v1/chat/completions/cmp_1/cancel", 409, True),
        ("POST", "/v1/chat/completions/cmp_1/cancel", 404, False),
    ],
)
def test_success_shows_that_an_operation_is_served(method: str, path: str, status: int, is_served: bool) -> None:
    exchange = Exchange(method, f"http://x{path}", status=status)
    assert bool(served_operations.served([exchange])) is is_served


def check(name: str, outcome: Outcome, called: tuple[str, ...], served: tuple[str, ...] = ()) -> CheckResult:
    return CheckResult(Rule(name, "errors", "It holds."), "test_x", outcome, called=called, served=served)


def results_of(*checks: CheckResult) -> RunResults:
    results = RunResults()
    for each in checks:
        results.add(each)
    return results


def require_served(results: RunResults, answer: Answer) -> list[str]:
    """What is asked of a server at the end of a run with these results."""
    with answering(answer) as server:
        api = ApiClient(Settings(server.url, "k", None, "2026-05-15"), Recorder(), SpendLimit())
        served_operations.require_served(results, api)
        api.close()
        return [head.partition(" HTTP")[0] for head in server.heads]


def without_posts(server: AnsweringServer, head: str) -> Iterable[bytes]:
    return [response(404, NOT_FOUND) if head.startswith("POST") else response(200, MODELS)]


def complete(server: AnsweringServer, head: str) -> Iterable[bytes]:
    if "/cancel" in head:
        return [response(409, NOT_FOUND)]
    return [response(200, COMPLETION if head.startswith("POST") else MODELS)]


def test_passed_rule_of_an_absent_operation_is_not_tested() -> None:
    results = results_of(
        check("a", Outcome.PASSED, (CREATE,)),
        check("b", Outcome.FAILED, (CREATE,)),
        check("c", Outcome.PASSED, ("listModels",), ("listModels",)),
    )
    assert require_served(results, without_posts) == ["GET /v1/models", "POST /v1/chat/completions"]
    outcomes = {result.rule.id: result.outcome for result in results}
    assert outcomes == {"a": Outcome.NOT_TESTED, "b": Outcome.FAILED, "c": Outcome.PASSED}
    reason = results.by_rule["a"].actual
    assert "no request for createChatCompletion succeeded" in reason
    assert "POST /v1/chat/completions is answered 404 resource_not_found" in reason


@pytest.mark.parametrize("operation", [CREATE, CANCEL, "retrieveChatCompletion", "listModels", "retrieveBalance"])
def test_operation_that_only_refused_is_asked_once_and_found(operation: str) -> None:
    results = results_of(check("a", Outcome.PASSED, (operation,)))
    assert require_served(results, complete)
    assert results.by_rule["a"].outcome is Outcome.PASSED


def test_nothing_is_asked_if_every_operation_succeeded() -> None:
    results = results_of(
        check("a", Outcome.PASSED, (CREATE,)),
        check("b", Outcome.PASSED, (CREATE,), (CREATE,)),
    )
    assert require_served(results, complete) == []
    assert results.by_rule["a"].outcome is Outcome.PASSED


def test_interrupted_run_asks_nothing() -> None:
    results = results_of(check("a", Outcome.PASSED, (CREATE,)), check("b", Outcome.PASSED, (CANCEL,), (CANCEL,)))
    served_operations.leave_unserved(results)
    assert results.by_rule["a"].outcome is Outcome.NOT_TESTED
    assert "interrupted before a request for createChatCompletion succeeded" in results.by_rule["a"].actual
    assert results.by_rule["b"].outcome is Outcome.PASSED


def test_rule_of_which_other_tests_passed_stays_passed() -> None:
    results = results_of(
        check("a", Outcome.PASSED, (CREATE,)),
        check("a", Outcome.PASSED, ("listModels",), ("listModels",)),
    )
    require_served(results, without_posts)
    assert results.by_rule["a"].outcome is Outcome.PASSED
    assert [each.outcome for each in results.by_rule["a"].checks] == [Outcome.NOT_TESTED, Outcome.PASSED]

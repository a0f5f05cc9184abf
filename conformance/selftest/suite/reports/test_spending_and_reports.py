"""Spend limits, merged results, redaction, curl commands and the HTML report."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from html.parser import HTMLParser

import pytest
from harness.classification import classify
from harness.client.charges import charged_credits
from harness.client.exchange import KEY_VARIABLE, Exchange, curl
from harness.client.spend_limit import Rates, SpendLimit
from harness.reports import html_report, json_report, terminal
from harness.results import CheckResult, ExchangeView, Outcome, RunResults
from harness.rules import Level, Rule
from harness.settings import Settings, is_loopback, needs_certificates
from harness.violations import Informational, NotTested, RuleViolation

RULE = Rule("stream.done", "api-reference/chat/streaming", "A stream ends with `data: [DONE]`, <once>.")


def check_result(outcome: Outcome, actual: str = "") -> CheckResult:
    exchange_views = (ExchangeView("curl -sS 'https://x/<y>'", "HTTP 200\n<b>"),) if actual else ()
    return CheckResult(RULE, "rules/test_x.py::test_y", outcome, actual, "", exchange_views, 2, 0.5, 0.1)


@pytest.mark.parametrize(
    ("outcomes", "merged"),
    [
        ([Outcome.PASSED, Outcome.PASSED], Outcome.PASSED),
        ([Outcome.PASSED, Outcome.FAILED], Outcome.FAILED),
        ([Outcome.NOT_TESTED, Outcome.FAILED], Outcome.FAILED),
        ([Outcome.PASSED, Outcome.NOT_TESTED], Outcome.PASSED),
        ([Outcome.NOT_TESTED, Outcome.NOT_TESTED], Outcome.NOT_TESTED),
        ([Outcome.INFORMATIONAL, Outcome.INFORMATIONAL], Outcome.INFORMATIONAL),
        ([Outcome.NOT_TESTED, Outcome.INFORMATIONAL, Outcome.PASSED], Outcome.INFORMATIONAL),
        ([*reversed(Outcome)], next(iter(Outcome))),
    ],
)
def test_checks_merge_into_one_rule_result(outcomes: list[Outcome], merged: Outcome) -> None:
    results = RunResults()
    for outcome in outcomes:
        results.add(check_result(outcome))
    assert [rule_result.outcome for rule_result in results] == [merged]


@pytest.mark.parametrize(
    ("outcome", "colour"), [(Outcome.PASSED, "green"), (Outcome.FAILED, "red"), (Outcome.NOT_TESTED, "yellow")]
)
def test_reports_do_not_show_a_run_that_tested_nothing_as_a_success(outcome: Outcome, colour: str) -> None:
    results = RunResults()
    results.add(check_result(outcome))
    assert terminal.score(results)[1][colour]
    settings = Settings("https://x", "k", None, "2026-05-15")
    written = html_report.render(json_report.collect(results, settings, seconds=1.0, started="now"))
    assert f'<h1 class="{outcome}">' in written


def test_check_result_round_trips_as_plain_values() -> None:
    sent = check_result(Outcome.FAILED, "twice")
    assert CheckResult.from_dict(sent.to_dict()) == sent


@pytest.mark.parametrize(
    ("error", "level", "failed_before", "outcome"),
    [
        (None, Level.REQUIRED, False, Outcome.PASSED),
        (RuleViolation("no"), Level.REQUIRED, False, Outcome.FAILED),
        (RuleViolation("no"), Level.INFORMATIONAL, False, Outcome.INFORMATIONAL),
        (RuleViolation("no"), Level.REQUIRED, True, Outcome.NOT_TESTED),
        (Informational("so"), Level.INFORMATIONAL, False, Outcome.INFORMATIONAL),
        (NotTested("why"), Level.REQUIRED, False, Outcome.NOT_TESTED),
        (KeyError("usage"), Level.REQUIRED, False, Outcome.FAILED),
        (KeyError("usage"), Level.REQUIRED, True, Outcome.FAILED),
        (ExceptionGroup("several", [ValueError("x"), RuleViolation("no")]), Level.REQUIRED, False, Outcome.FAILED),
    ],
)
def test_test_ending_is_classified_as_outcome(
    error: BaseException | None, level: Level, failed_before: bool, outcome: Outcome
) -> None:
    assert classify(error, level, setup_failed_before=failed_before).outcome is outcome


def test_spend_limit_reserves_the_ceiling_of_running_calls() -> None:
    spend_limit = SpendLimit(limit=1.0)
    with spend_limit.reserve(0.6) as charge:
        with pytest.raises(NotTested, match="budget"), spend_limit.reserve(0.6):
            pass
        charge.credits = 0.1
    assert spend_limit.spent == pytest.approx(0.1)
    with spend_limit.reserve(0.6):
        pass


def test_spend_limit_holds_across_threads() -> None:
    spend_limit = SpendLimit(limit=1.0)

    def spend(_: int) -> None:
        try:
            with spend_limit.reserve(0.1) as charge:
                charge.credits = 0.1
        except NotTested:
            return

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(spend, range(100)))
    assert spend_limit.spent <= 1.0 + 1e-9


def test_free_calls_are_not_limited() -> None:
    with SpendLimit(limit=0.0).reserve(None):
        pass


def test_ceiling_counts_prompt_and_output() -> None:
    assert Rates(75, 450).ceiling({"max_tokens": 1000}) > 0.45
    assert Rates(75, 450).ceiling({}) > 1.8
    assert Rates(75, 450).ceiling({"max_tokens": None}) > 1.8
    assert Rates(75, 450).ceiling({"max_tokens": "many"}) < 0.001
    assert Rates(75, 450).ceiling({"max_tokens": 1_000_000}) == pytest.approx(4096 * 450 / 1e6, rel=0.01)
    assert Rates(75, 450).ceiling({"messages": ["x" * 4_000_000]}) > 75


@pytest.mark.parametrize(
    ("exchange", "charged"),
    [
        (
            Exchange("POST", "http://u/v1/chat/completions", status=200, body=b'{"usage": {"credits_charged": 0.5}}'),
            0.5,
        ),
        (
            Exchange(
                "GET", "http://u/v1/chat/completions/cmp_1", status=200, body=b'{"usage": {"credits_charged": 0.5}}'
            ),
            0,
        ),
        (Exchange("POST", "http://u/v1/chat/completions", status=400, body=b'{"error": {}}'), 0),
        (
            Exchange(
                "POST",
                "http://u/v1/chat/completions",
                status=200,
                headers={"aurous-idempotent-replayed": "true"},
                body=b'{"usage": {"credits_charged": 0.5}}',
            ),
            0,
        ),
        (
            Exchange(
                "POST",
                "http://u/v1/chat/completions",
                status=200,
                headers={"content-type": "text/event-stream; charset=utf-8"},
                body=b'data:{"usage": {"credits_charged": 0.25}}\r\n\r\ndata: [DONE]\r\n\r\n',
            ),
            0.25,
        ),
    ],
)
def test_charge_is_read_from_receipt(exchange: Exchange, charged: float) -> None:
    assert charged_credits(exchange) == charged


def test_curl_command_can_be_pasted_and_hides_the_key() -> None:
    headers = {"X-Api-Key": KEY_VARIABLE, "Content-Type": "application/json", "User-Agent": "x", "Idempotency-Key": ""}
    line = curl(Exchange("POST", "http://127.0.0.1/v1", headers, b'{"content":"it\'s"}'))
    assert '-H "X-Api-Key: $AUROUS_API_KEY"' in line
    assert "-H 'Idempotency-Key;'" in line
    assert "User-Agent" not in line
    assert curl(Exchange("POST", "http://h/", {}, b"\x00\xff'")).endswith(r"--data-binary $'\x00\xff\x27'")


@pytest.mark.parametrize(
    ("url", "local"),
    [
        ("http://127.0.0.1:1", True),
        ("http://localhost", True),
        ("http://[::1]:8080", True),
        ("https://api.aurous-labs.com", False),
        ("http://10.0.0.1", False),
    ],
)
def test_only_loopback_addresses_are_unmetered(url: str, local: bool) -> None:
    assert is_loopback(url) is local


@pytest.mark.parametrize(
    ("url", "expected"),
    [("http://127.0.0.1:1", False), ("HTTP://h", False), ("https://h", True), ("HTTPS://h", True), ("h", True)],
)
def test_certificates_are_loaded_for_all_but_http(url: str, expected: bool) -> None:
    assert needs_certificates(url) is expected


def test_html_report_is_self_contained_and_escapes_server_text() -> None:
    results = RunResults()
    results.add(check_result(Outcome.FAILED, "<script>alert(1)</script>"))
    settings = Settings("https://x", "k", None, "2026-05-15")
    written = html_report.render(json_report.collect(results, settings, seconds=1.0, started="now"))
    assert "<script>alert(1)" not in written
    assert "1 rule: 0 passed, 1 failed, 0 not tested" in written
    parser = Outside()
    parser.feed(written)
    assert parser.fetched == []


@pytest.mark.parametrize(
    ("url", "limit", "budget"),
    [
        ("https://api.example.com", 2.0, "at most 2 credits"),
        ("https://api.example.com", None, "without a limit"),
        ("http://127.0.0.1:1", None, "on this machine, nothing is charged"),
    ],
)
def test_html_report_says_whether_the_server_charges(url: str, limit: float | None, budget: str) -> None:
    results = RunResults()
    results.add(check_result(Outcome.PASSED))
    settings = Settings(url, "k", None, "2026-05-15", max_credits=limit)
    page = html_report.render(json_report.collect(results, settings, seconds=1.0, started="now"))
    assert f"<dt>Budget</dt><dd>{budget}</dd>" in page
    assert f"<dt>Server</dt><dd>{url}</dd>" in page


def test_subjects_and_rules_that_failed_come_first() -> None:
    results = RunResults()
    for name, outcome in [("a.one", Outcome.PASSED), ("b.one", Outcome.PASSED), ("b.two", Outcome.FAILED)]:
        rule = Rule(name, "errors", "It holds.")
        results.add(CheckResult(rule, "rules/test_x.py::test_y", outcome))
    settings = Settings("https://x", "k", None, "2026-05-15")
    collected = json_report.collect(results, settings, seconds=1.0, started="now")
    assert list(collected["rules"]) == ["b.two", "b.one", "a.one"]
    summary = [line.split()[1] for line, _ in terminal.lines(results, brief=False, width=None) if line.startswith("  ")]
    assert summary == ["b.two", "b.one", "a.one"]


class Outside(HTMLParser):
    """Collects whatever a page would fetch when it is opened."""

    def __init__(self) -> None:
        super().__init__()
        self.fetched: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.fetched += [value or "" for name, value in attrs if name == "src" or (tag == "link" and name == "href")]

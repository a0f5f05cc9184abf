"""Text of a server is shown without control characters, and never with a key."""

from __future__ import annotations

import unicodedata

import pytest
from harness.classification import classify, describe_failure, exchange_views
from harness.client.exchange import KEY_VARIABLE, Exchange, curl, format_response, printable
from harness.reports import json_report, last_run, terminal
from harness.results import CheckResult, Outcome, RunResults
from harness.rules import Level, Rule
from harness.settings import Settings
from harness.violations import RuleViolation

RULE = Rule("stream.done", "api-reference/chat/streaming", "A stream ends with `data: [DONE]`.")
KEY = "al_live_" + "7" * 64
SETTINGS = Settings("https://user:secret@x", KEY, None, "2026-05-15")
HOSTILE = ["\x1b[2J", "\x07", "\x00", "\x08\x7f", "\x9b31m", "\u202e", "\u2066", "\u200b", "\ufeff", "\ud800", "\r"]


def is_harmless(text: str) -> bool:
    return not any(unicodedata.category(character).startswith("C") and character not in "\n\t" for character in text)


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_control_and_formatting_characters_are_escaped(text: str) -> None:
    shown = printable(f"a{text}b")
    assert is_harmless(shown)
    assert shown.startswith("a\\")
    assert shown.endswith("b")


def test_ordinary_text_is_shown_as_it_is() -> None:
    text = "ünïcödé, 日本語, 🌧 and\n\ttabs"
    assert printable(text) == text


@pytest.fixture
def hostile() -> Exchange:
    """A response that carries everything hostile, and the key, wherever a server can put text."""
    text = "".join(HOSTILE) + KEY
    return Exchange(
        "GET",
        f"https://user:secret@x/v1/models?{KEY}",
        {"X-Api-Key": KEY_VARIABLE},
        status=200,
        headers={"Server": text, "X-Echo": KEY},
        body=text.encode("utf-8", errors="surrogatepass"),
        transport_error=text,
    )


def check_of(exchange: Exchange) -> CheckResult:
    """The result of a test that fails with this exchange, as the plugin makes it."""
    violation = RuleViolation(f"`id` is {exchange.body.decode(errors='replace')}", exchange)
    result = classify(violation, Level.REQUIRED, setup_failed_before=False)
    return CheckResult(
        RULE,
        "rules/test_x.py::test_y",
        result.outcome,
        actual=printable(SETTINGS.redact(result.actual)),
        exchanges=exchange_views(result.exchanges, [], SETTINGS.redact),
    )


def reports_of(check: CheckResult) -> dict[str, str]:
    results = RunResults()
    results.add(check)
    collected = json_report.collect(results, SETTINGS, seconds=1.0, started="now")
    return {
        "failure": describe_failure(check),
        "summary": "\n".join(line for line, _ in terminal.lines(results, brief=False, width=None)),
        "why": "\n".join(last_run.lines(collected, "stream.*")),
    }


@pytest.mark.parametrize("report", ["failure", "summary", "why"])
def test_report_in_a_terminal_has_no_raw_server_text(hostile: Exchange, report: str) -> None:
    shown = reports_of(check_of(hostile))[report]
    assert is_harmless(shown)
    assert "\\x1b[2J" in shown


@pytest.mark.parametrize("report", ["failure", "summary", "why"])
def test_report_in_a_terminal_shows_no_key_and_no_password(hostile: Exchange, report: str) -> None:
    shown = reports_of(check_of(hostile))[report]
    assert KEY not in shown
    assert "secret" not in shown


def test_json_report_shows_no_key_and_no_password(hostile: Exchange) -> None:
    results = RunResults()
    results.add(check_of(hostile))
    shown = str(json_report.collect(results, SETTINGS, seconds=1.0, started="now"))
    assert KEY not in shown
    assert "secret" not in shown


def test_response_without_a_body_is_shown_with_its_reason_escaped() -> None:
    failed = Exchange("GET", "http://x", transport_error="\x1b[2J")
    assert is_harmless(format_response(failed))
    assert is_harmless(curl(failed))


def test_outcome_of_a_hostile_error_code_is_escaped_in_the_result() -> None:
    body = b'{"error": {"code": "\\u001b[2J"}}'
    exchange = Exchange("GET", "http://x", status=400, headers={"Content-Type": "application/json"}, body=body)
    with pytest.raises(RuleViolation) as ending:
        exchange.expect(200)
    result = classify(ending.value, Level.REQUIRED, setup_failed_before=False)
    assert result.outcome is Outcome.FAILED
    assert is_harmless(printable(result.actual))
